//! The tenant's ids of records: kept with their rows' commits, shown once each.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;

use super::support::{batch, open_ledger};
use crate::record::{OutcomeBatch, OutcomeKind, RowId, TargetId};
use crate::store::{Journal, SqliteJournal, schema};

pub(super) fn made(rows: &[(u64, &'static str, &str)]) -> OutcomeBatch {
    let target_ids = rows.iter().map(|&(row, key, id)| TargetId {
        row: RowId(row),
        key: Bytes::from_static(key.as_bytes()),
        id: id.to_owned(),
    });
    OutcomeBatch {
        target_ids: target_ids.collect(),
        ..batch(rows.iter().map(|row| (row.0, OutcomeKind::Created)))
    }
}

fn kept(path: &Path) -> Vec<(String, String)> {
    let mut journal = SqliteJournal::open_to_read(path).expect("a journal");
    let mut kept = Vec::new();
    let keep = &mut |key: &str, id: &str| {
        kept.push((key.to_owned(), id.to_owned()));
        ControlFlow::Continue(())
    };
    journal.visit_target_ids(keep).expect("read");
    assert_eq!(journal.has_target_ids().expect("read"), !kept.is_empty());
    kept
}

fn pair(key: &str, id: &str) -> (String, String) {
    (key.to_owned(), id.to_owned())
}

#[test]
fn an_id_is_kept_by_the_commit_of_its_row_and_not_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut ledger = open_ledger(folder.path());
    ledger
        .record(made(&[(2, "b", "r2"), (1, "a", "r1")]))
        .expect("recorded");
    assert_eq!(kept(&path), []);
    ledger.commit(Duration::ZERO).expect("committed");
    assert_eq!(kept(&path), [pair("a", "r1"), pair("b", "r2")]);
    ledger.record(made(&[(3, "c", "r3")])).expect("recorded");
    drop(ledger);

    let mut ledger = open_ledger(folder.path());
    ledger.record(made(&[(3, "c", "r4")])).expect("recorded");
    ledger.commit(Duration::ZERO).expect("committed");
    let all = [pair("a", "r1"), pair("b", "r2"), pair("c", "r4")];
    assert_eq!(kept(&path), all);
    let id_of = |row| ledger.journal().target_id(RowId(row)).expect("read");
    assert_eq!(
        [1, 3, 9].map(id_of),
        [Some("r1".to_owned()), Some("r4".to_owned()), None]
    );
}

#[test]
fn a_pair_is_shown_once_and_two_records_of_a_key_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = open_ledger(folder.path());
    let rows = [
        (1, "z", "r1"),
        (2, "a", "r2"),
        (3, "z", "r1"),
        (4, "z", "r3"),
    ];
    ledger.record(made(&rows)).expect("recorded");
    ledger.commit(Duration::ZERO).expect("committed");
    let shown = [pair("z", "r1"), pair("a", "r2"), pair("z", "r3")];
    assert_eq!(kept(&folder.path().join("journal.db")), shown);
}

#[test]
fn a_journal_from_before_there_were_ids_has_none_and_takes_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut connection = Connection::open(&path).expect("a database");
    schema::create_version_1(&mut connection).expect("made");
    drop(connection);
    assert_eq!(kept(&path), []);
    let mut ledger = open_ledger(folder.path());
    ledger.record(made(&[(1, "a", "r1")])).expect("recorded");
    ledger.commit(Duration::ZERO).expect("committed");
    assert_eq!(kept(&path), [pair("a", "r1")]);
}
