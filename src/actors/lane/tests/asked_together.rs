//! Rows that are looked up several at a time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use http::Method;
use proptest::prelude::*;
use serde_json::json;
use tokio::time::Instant;

use crate::record::{Item, OutcomeKind};
use crate::transport::Request;

use super::harness::LaneWish;
use super::upserts::{Fate, Tenant, UPSERTING, load, load_slowly, named, well};

static TOGETHER: LazyLock<String> = LazyLock::new(|| {
    let batch = r#"      second: /list/1
      batch:
        max: 50
        path: /records/many
        keys: {parameter: keys, separator: ","}
        records: /list
        key: /key
        id: /id
        version: /version
        complete: [{status: 200, body_lacks: /next}]
        too_many: [{status: 413}]
"#;
    let text = UPSERTING.replace("      second: /list/1\n", batch);
    assert_ne!(text, UPSERTING);
    text
});

fn wish() -> LaneWish {
    LaneWish {
        connector: Some(TOGETHER.as_str()),
        repeatable: false,
        concurrency: Some(4),
        ..LaneWish::default()
    }
}

/// So many keys, of which every third is there as it should be, and every
/// third otherwise.
fn tenant_of(count: u64) -> Tenant {
    let tenant = Tenant::default();
    for number in (1..=count).filter(|number| number % 3 != 0) {
        let name = if number % 3 == 1 { "new" } else { "old" };
        put(&tenant, &format!("k{number}"), name);
    }
    tenant
}

fn put(tenant: &Tenant, key: &str, name: &str) {
    let mut records = tenant.records.borrow_mut();
    let list = records.entry(key.to_owned()).or_default();
    let id = format!("id-{key}-{}", list.len());
    list.push(json!({"id": id, "version": 1, "key": key, "name": name}));
}

fn rows_of(count: u64) -> Vec<Item> {
    let row = |row| named(row, &format!("k{row}"), "new");
    (1..=count).map(row).collect()
}

fn expected(row: u64) -> OutcomeKind {
    match row % 3 {
        0 => OutcomeKind::Created,
        1 => OutcomeKind::Unchanged,
        _ => OutcomeKind::Updated,
    }
}

#[track_caller]
fn assert_as_expected(ends: &HashMap<u64, OutcomeKind>, tenant: &Tenant, count: u64) {
    assert_eq!(ends.len() as u64, count);
    for (&row, &kind) in ends {
        assert_eq!(kind, expected(row), "row {row}");
    }
    tenant.assert_no_key_twice();
    for row in 1..=count {
        assert_eq!(tenant.record(&format!("k{row}"))["name"], "new");
    }
}

fn is_of_several(request: &Request) -> bool {
    request.path.starts_with(b"/records/many")
}

#[test]
fn full_questions_are_asked_and_every_row_gets_its_own_answer() {
    let (notes, tenant) = load(&wish(), tenant_of(1_000), rows_of(1_000), well);
    assert_as_expected(&notes.ends(), &tenant, 1_000);
    assert_eq!(*tenant.asked_together.borrow(), vec![50; 20]);
    assert_eq!(*tenant.look_ups.borrow(), 0);
    let told: u32 = notes.calls.borrow().iter().map(|call| call.rows).sum();
    let written = 333 + 333;
    assert_eq!(told, 1_000 + written, "the audit tells of every row");
}

#[test]
fn a_key_that_comes_again_is_looked_up_again() {
    let rows = (1..=300).map(|row| named(row, &format!("k{}", row % 100), &format!("n{row}")));
    let (notes, tenant) = load(&wish(), Tenant::default(), rows.collect(), well);
    tenant.assert_no_key_twice();
    let ends = notes.ends();
    for row in 1..=300 {
        let kind = if row <= 100 {
            OutcomeKind::Created
        } else {
            OutcomeKind::Updated
        };
        assert_eq!(ends[&row], kind, "row {row}");
    }
    for key in 0..100 {
        let last = format!("n{}", if key == 0 { 300 } else { 200 + key });
        assert_eq!(tenant.record(&format!("k{key}"))["name"], last);
    }
}

#[test]
fn pages_that_are_cut_short_are_asked_on_and_prove_nothing() {
    let tenant = Tenant {
        page: 20,
        ..tenant_of(600)
    };
    let (notes, tenant) = load(&wish(), tenant, rows_of(600), well);
    assert_as_expected(&notes.ends(), &tenant, 600);
    assert_eq!(*tenant.look_ups.borrow(), 0);
    // Of 50 keys 33 are there: a page of 20, and another of 30 keys.
    let asked = tenant.asked_together.borrow().len();
    assert!(asked <= 2 * 12 + 2, "{asked} questions");
}

#[test]
fn questions_and_replies_that_are_too_long_make_all_later_ones_shorter() {
    for is_refused in [true, false] {
        let (notes, tenant) = load(&wish(), tenant_of(600), rows_of(600), move |request, _| {
            let keys = request.path.iter().filter(|byte| **byte == b',').count() + 1;
            match is_of_several(request) && keys > 15 {
                true if is_refused => Fate::Answer(413),
                true => Fate::TooLong,
                false => Fate::Handled,
            }
        });
        assert_as_expected(&notes.ends(), &tenant, 600);
        let look_ups = notes.calls.borrow();
        let look_ups = look_ups
            .iter()
            .filter(|call| call.endpoint.ends_with("/look_up"));
        let (long, short): (Vec<_>, Vec<_>) = look_ups.partition(|call| call.rows > 15);
        // At most what was under way at each of the two steps down.
        assert!(
            long.len() <= 4 + 8,
            "{} questions were too long",
            long.len()
        );
        // 12 keys, but for the last of each half.
        assert!(short.len() <= 600 / 12 + 12, "{} questions", short.len());
    }
}

#[test]
fn one_bad_key_costs_the_others_little() {
    let (notes, _) = load(&wish(), tenant_of(600), rows_of(600), |request, _| {
        let path = std::str::from_utf8(&request.path).expect("text");
        let mut keys = path.split(['=', ',']);
        match request.method == Method::GET && keys.any(|key| key == "k77") {
            true => Fate::Answer(400),
            false => Fate::Handled,
        }
    });
    let ends = notes.ends();
    assert_eq!(ends.len(), 600);
    assert_eq!(ends[&77], OutcomeKind::Rejected);
    assert_eq!(notes.refusal(77).error, "look_up_failed");
    let others = ends.iter().filter(|(row, _)| **row != 77);
    others.for_each(|(row, kind)| assert_eq!(*kind, expected(*row), "row {row}"));
    let look_ups = notes.calls.borrow();
    let look_ups = look_ups
        .iter()
        .filter(|call| call.endpoint.ends_with("/look_up"));
    // 12, and two for each of the six halvings.
    assert!(look_ups.count() <= 12 + 13);
}

#[test]
fn a_tenant_that_answers_single_questions_alone_is_asked_so() {
    let (notes, tenant) =
        load(
            &wish(),
            tenant_of(600),
            rows_of(600),
            |request, _| match is_of_several(request) {
                true => Fate::Answer(404),
                false => Fate::Handled,
            },
        );
    assert_as_expected(&notes.ends(), &tenant, 600);
    assert_eq!(*tenant.look_ups.borrow(), 600);
    let vain = notes.calls.borrow();
    let vain = vain.iter().filter(|call| call.status == Some(404)).count();
    assert!(vain <= 16 + 4, "{vain} questions in vain");
}

#[test]
fn failures_and_lost_answers_make_nothing_twice() {
    let (notes, tenant) = load(
        &wish(),
        tenant_of(900),
        rows_of(900),
        |request, number| match (number % 7, is_of_several(request)) {
            (0, _) => Fate::Answer(503),
            (3, true) => Fate::Unheard,
            (5, true) => Fate::Answer(429),
            (2, false) => Fate::Unheard,
            _ => Fate::Handled,
        },
    );
    tenant.assert_no_key_twice();
    let ends = notes.ends();
    assert_eq!(ends.len(), 900);
    for (row, kind) in ends {
        assert_eq!(kind, expected(row), "row {row}");
        assert_eq!(tenant.record(&format!("k{row}"))["name"], "new");
    }
}

#[test]
fn a_key_that_breaks_every_question_is_alone_before_it_is_given_up() {
    let (notes, tenant) = load(&wish(), tenant_of(200), rows_of(200), |request, _| {
        let path = std::str::from_utf8(&request.path).expect("text");
        let mut keys = path.split(['=', ',']);
        match request.method == Method::GET && keys.any(|key| key == "k77") {
            true => Fate::Answer(500),
            false => Fate::Handled,
        }
    });
    let ends = notes.ends();
    assert_eq!(ends[&77], OutcomeKind::Rejected);
    let others = ends.iter().filter(|(row, _)| **row != 77);
    others.for_each(|(row, kind)| assert_eq!(*kind, expected(*row), "row {row}"));
    tenant.assert_no_key_twice();
}

#[test]
fn a_record_that_is_spelled_otherwise_proves_nothing_of_the_others() {
    let tenant = tenant_of(100);
    // Asked for `k12`, the search shows `K12`.
    let other = json!({"id": "x", "version": 1, "key": "K12", "name": "new"});
    tenant
        .records
        .borrow_mut()
        .insert("k12".to_owned(), vec![other]);
    let (notes, tenant) = load(&wish(), tenant, rows_of(100), well);
    // By itself it is found, since the search shows it.
    assert_eq!(notes.ends()[&12], OutcomeKind::Updated);
    let ends = notes.ends();
    let others = ends.iter().filter(|(row, _)| **row != 12);
    others.for_each(|(row, kind)| assert_eq!(*kind, expected(*row), "row {row}"));
    let records = tenant.records.borrow();
    assert!(records.values().all(|list| list.len() == 1));
}

#[test]
fn several_records_of_one_key_are_all_named() {
    let tenant = tenant_of(60);
    for name in ["Ada", "Eve", "Zoe"] {
        put(&tenant, "k7", name);
    }
    let (notes, tenant) = load(&wish(), tenant, rows_of(60), well);
    assert_eq!(notes.ends()[&7], OutcomeKind::Rejected);
    let why = notes.refusal(7);
    assert_eq!(why.error, "several_records");
    for id in ["id-k7-0", "id-k7-1", "id-k7-2", "id-k7-3"] {
        assert!(why.message.contains(id), "{}", why.message);
    }
    assert_eq!(tenant.records.borrow()["k7"].len(), 4);
}

#[test]
fn what_an_earlier_leg_was_about_to_make_is_asked_for_by_itself() {
    let wish = LaneWish {
        suspects: vec![1, 2, 3, 4],
        ..wish()
    };
    let (notes, tenant) = load(&wish, tenant_of(104), rows_of(104), well);
    tenant.assert_no_key_twice();
    assert_eq!(notes.ends().len(), 104);
    assert_eq!(*tenant.look_ups.borrow(), 4);
    assert_eq!(*tenant.asked_together.borrow(), [50, 50]);
}

#[test]
fn comparing_asks_for_several_and_writes_nothing() {
    let wish = LaneWish {
        compares: true,
        ..wish()
    };
    let (notes, tenant) = load(&wish, tenant_of(300), rows_of(300), well);
    for (row, kind) in notes.ends() {
        let expected = match row % 3 {
            0 => OutcomeKind::Missing,
            1 => OutcomeKind::Unchanged,
            _ => OutcomeKind::Rejected,
        };
        assert_eq!(kind, expected, "row {row}");
    }
    assert_eq!(*tenant.asked_together.borrow(), vec![50; 6]);
    assert!(tenant.batches.borrow().is_empty());
    assert_eq!(*tenant.changes.borrow(), 0);
}

#[test]
fn rows_of_a_slow_source_do_not_wait_for_others_that_do_not_come() {
    let bits = (1..=40).map(|row| {
        (
            Duration::from_secs(1),
            vec![named(row, &format!("k{row}"), "new")],
        )
    });
    let waited = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&waited);
    let tenant = tenant_of(0);
    let (notes, tenant) = load_slowly(&wish(), tenant, bits.collect(), move |request, _| {
        if request.method == Method::GET {
            seen.borrow_mut().push(Instant::now());
        }
        Fate::Handled
    });
    assert_eq!(notes.ends().len(), 40);
    assert_eq!(tenant.records.borrow().len(), 40);
    // One a second: none was held back for the next one.
    let waited = waited.borrow();
    assert_eq!(waited.len(), 40);
    for pair in waited.windows(2) {
        let between = pair[1] - pair[0];
        assert!(between >= Duration::from_millis(900), "{between:?}");
    }
}

#[test]
fn amid_slow_requests_rows_wait_two_seconds_for_others_and_no_longer() {
    let bits = (1..=80).map(|row| {
        let row = named(row, &format!("k{row}"), "new");
        (Duration::from_millis(100), vec![row])
    });
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&asked);
    let tenant = Tenant {
        slow_look_ups: Duration::from_secs(20),
        ..Tenant::default()
    };
    let (notes, tenant) = load_slowly(&wish(), tenant, bits.collect(), move |request, _| {
        if request.method == Method::GET {
            seen.borrow_mut().push(Instant::now());
        }
        Fate::Handled
    });
    assert_eq!(notes.ends().len(), 80);
    tenant.assert_no_key_twice();
    // The first goes with the few that are there; then there are as many at once
    // as come in 2 s, until four are under way.
    let asked = asked.borrow();
    for pair in asked.windows(2).take(3) {
        let between = pair[1] - pair[0];
        let is_right = (1_900..=2_200).contains(&between.as_millis());
        assert!(is_right, "{between:?}");
    }
    let sizes = tenant.asked_together.borrow();
    assert!(sizes[0] <= 4, "{sizes:?}");
    let are_full = sizes[1..4].iter().all(|size| (18..=21).contains(size));
    assert!(are_full, "{sizes:?}");
}

#[test]
fn where_questions_about_several_never_get_through_each_row_is_asked_for_alone() {
    for count in [2, 8, 120] {
        let (notes, tenant) =
            load(
                &wish(),
                tenant_of(count),
                rows_of(count),
                |request, _| match is_of_several(request) {
                    true => Fate::Answer(503),
                    false => Fate::Handled,
                },
            );
        assert_as_expected(&notes.ends(), &tenant, count);
    }
}

#[test]
fn a_slow_look_up_that_began_too_early_proves_nothing() {
    let tenant = Tenant {
        late: Duration::from_secs(5),
        slow_look_ups: Duration::from_millis(500),
        ..Tenant::default()
    };
    // The second row comes when the record is 4.9 s old, and its answer when it
    // is older than 5 s.
    let bits = vec![
        (Duration::ZERO, vec![named(1, "a", "Ada")]),
        (Duration::from_millis(5_600), vec![named(2, "a", "Anna")]),
    ];
    let (notes, tenant) = load_slowly(&wish(), tenant, bits, well);
    tenant.assert_no_key_twice();
    assert_eq!(notes.ends()[&1], OutcomeKind::Created);
    assert_eq!(notes.ends()[&2], OutcomeKind::Updated);
    assert_eq!(*tenant.look_ups.borrow(), 3, "one was too early");
}

#[test]
fn rows_that_are_as_they_should_be_end_an_outage_of_look_ups() {
    // Half an hour of rows, none of which is to be written.
    let bits = (1..=18).map(|row| {
        let key = format!("k{}", 3 * row - 2);
        (Duration::from_secs(100), vec![named(row, &key, "new")])
    });
    let asked = Cell::new(0);
    let (notes, _) = load_slowly(&wish(), tenant_of(60), bits.collect(), move |_, _| {
        asked.set(asked.get() + 1);
        match asked.get() {
            1 => Fate::Answer(503),
            _ => Fate::Handled,
        }
    });
    let ends = notes.ends();
    assert_eq!(ends.len(), 18);
    assert!(ends.values().all(|end| *end == OutcomeKind::Unchanged));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever befalls look-ups: each row ends as it must, and nothing is made
    /// twice.
    #[test]
    fn look_ups_may_fail_as_they_like(
        count in 1_u64..260,
        page in prop_oneof![Just(0_usize), 1_usize..40],
        longest in prop_oneof![Just(50_usize), 1_usize..50],
        fates in proptest::collection::vec(0_u8..12, 1..40),
    ) {
        let tenant = Tenant { page, ..tenant_of(count) };
        let turn = Cell::new(0_usize);
        let (notes, tenant) = load(&wish(), tenant, rows_of(count), move |request, _| {
            if !is_of_several(request) {
                return Fate::Handled;
            }
            let keys = request.path.iter().filter(|byte| **byte == b',').count() + 1;
            if keys > longest {
                return Fate::Answer(413);
            }
            turn.set(turn.get() + 1);
            match fates[turn.get() % fates.len()] {
                0 => Fate::Answer(503),
                1 => Fate::Unheard,
                2 => Fate::Answer(429),
                3 => Fate::Answer(400),
                _ => Fate::Handled,
            }
        });
        let ends = notes.ends();
        prop_assert_eq!(ends.len() as u64, count);
        for (row, kind) in ends {
            prop_assert_eq!(kind, expected(row), "row {}", row);
        }
        tenant.assert_no_key_twice();
    }
}
