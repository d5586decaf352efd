//! Ids of other entities' records, asked for by key.

use std::path::Path;
use std::time::Duration;

use super::support::{batch, open_ledger};
use super::target_ids::made;
use crate::mapping::{FoundId, TargetIds};
use crate::record::{InputDigest, OutcomeKind};
use crate::store::{ParentIds, SqliteJournal};

/// A load of an entity in a folder of its own.
fn loaded(run: &Path, entity: &str, rows: &[(u64, &'static str, &str)]) {
    let folder = run.join(entity);
    std::fs::create_dir(&folder).expect("a folder");
    let mut ledger = open_ledger(&folder);
    ledger.record(made(rows)).expect("recorded");
    ledger.commit(Duration::ZERO).expect("committed");
}

fn opened(run: &Path, entities: &[&str]) -> ParentIds {
    let journal = |entity: &&str| {
        let path = run.join(entity).join("journal.db");
        ((*entity).to_owned(), vec![path])
    };
    ParentIds::open(entities.iter().map(journal)).expect("opened")
}

fn known(id: &str) -> FoundId {
    FoundId::Known(id.to_owned())
}

#[test]
fn each_entity_answers_for_its_own_keys() {
    let run = tempfile::tempdir().expect("a folder");
    loaded(
        run.path(),
        "sites",
        &[(1, "HQ", "s1"), (2, "", "s2"), (3, "HQ", "s1")],
    );
    loaded(
        run.path(),
        "people",
        &[(1, "HQ", "p1"), (2, "twin", "p2"), (3, "twin", "p3")],
    );
    let ids = opened(run.path(), &["sites", "people"]);
    // Asked twice: of the second time the journal needn't be asked.
    for _ in 0..2 {
        assert_eq!(ids.find("sites", "HQ"), known("s1"));
        assert_eq!(ids.find("people", "HQ"), known("p1"));
        assert_eq!(ids.find("people", "twin"), FoundId::Several);
        assert!(matches!(ids.find("sites", "hq"), FoundId::Absent(_)));
        assert!(matches!(ids.find("planets", "HQ"), FoundId::Failed(_)));
    }
}

#[test]
fn any_number_of_keys_is_told_apart() {
    let run = tempfile::tempdir().expect("a folder");
    let keys: Vec<(u64, &'static str, String)> = (1..=10_000)
        .map(|row| (row, &*format!("key {row}").leak(), format!("id {row}")))
        .collect();
    let rows: Vec<_> = keys
        .iter()
        .map(|(row, key, id)| (*row, *key, id.as_str()))
        .collect();
    loaded(run.path(), "sites", &rows);
    let ids = opened(run.path(), &["sites"]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for (_, key, id) in keys.iter().chain(keys.iter().rev()) {
                    assert_eq!(ids.find("sites", key), known(id));
                }
            });
        }
    });
}

#[test]
fn a_key_without_an_id_is_told_with_where_it_may_have_been_left() {
    let advice = |rejected: u64, unknown: u64, read: u64| {
        let run = tempfile::tempdir().expect("a folder");
        loaded(run.path(), "sites", &[(1, "HQ", "s1")]);
        let mut ledger = open_ledger(&run.path().join("sites"));
        let rows = (2..2 + rejected).map(|row| (row, OutcomeKind::Rejected));
        let more = (100..100 + unknown).map(|row| (row, OutcomeKind::Unknown));
        ledger.record(batch(rows.chain(more))).expect("recorded");
        ledger.note_input(InputDigest {
            bytes: 1,
            rows: read,
            blake3: String::new(),
            complete: true,
        });
        ledger.commit(Duration::ZERO).expect("committed");
        drop(ledger);
        match opened(run.path(), &["sites"]).find("sites", "x") {
            FoundId::Absent(advice) => advice,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        advice(0, 0, 1),
        "none of its rows has this key: add one, or mend this row"
    );
    assert_eq!(
        advice(2, 1, 9),
        "2 of its rows were rejected (mend sites/rejected.csv, then `sluice retry`), the fate of 1 \
         isn't known (`sluice retry --unknown`), 5 were left out, or none of them has this key"
    );
}

#[test]
fn a_load_that_is_retried_afterwards_adds_to_what_is_found() {
    let run = tempfile::tempdir().expect("a folder");
    loaded(run.path(), "sites", &[(1, "HQ", "s1")]);
    let ids = opened(run.path(), &["sites"]);
    assert!(matches!(ids.find("sites", "Lab"), FoundId::Absent(_)));
    let mut ledger = open_ledger(&run.path().join("sites"));
    ledger.record(made(&[(2, "Lab", "s2")])).expect("recorded");
    ledger.commit(Duration::ZERO).expect("committed");
    assert_eq!(ids.find("sites", "Lab"), known("s2"));
}

#[test]
fn a_journal_that_is_gone_is_told_before_any_row_is() {
    let run = tempfile::tempdir().expect("a folder");
    let journal = run.path().join("journal.db");
    let gone = ParentIds::open([("sites".to_owned(), vec![journal.clone()])]);
    let error = gone.expect_err("nothing is there");
    assert!(error.message.contains("is missing"), "{error}");
    drop(SqliteJournal::create(&journal).expect("made"));
    let ids = ParentIds::open([("sites".to_owned(), vec![journal.clone()])]).expect("opened");
    std::fs::remove_file(&journal).expect("removed");
    assert!(matches!(ids.find("sites", "HQ"), FoundId::Failed(_)));
}

#[test]
fn a_later_loads_id_of_a_key_counts_before_an_earlier_ones() {
    let runs = tempfile::tempdir().expect("a folder");
    loaded(runs.path(), "first", &[(1, "HQ", "s1"), (2, "Lab", "s2")]);
    loaded(runs.path(), "second", &[(1, "HQ", "s3")]);
    let path = |run: &str| runs.path().join(run).join("journal.db");
    let journals = vec![path("second"), path("first")];
    let ids = ParentIds::open([("sites".to_owned(), journals)]).expect("opened");
    for _ in 0..2 {
        assert_eq!(ids.find("sites", "HQ"), known("s3"));
        assert_eq!(ids.find("sites", "Lab"), known("s2"));
        assert!(matches!(ids.find("sites", "Moon"), FoundId::Absent(_)));
    }
}
