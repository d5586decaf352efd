//! Rows of one key that follow each other at once, and what an earlier leg has
//! made.

use std::cell::Cell;
use std::sync::LazyLock;
use std::time::Duration;

use http::Method;

use crate::record::{Item, OutcomeKind};

use super::harness::LaneWish;
use super::upserts::{Fate, Tenant, UPSERTING, load, named, well, wish};

/// Changes are patches, and there are no versions.
static PATCHING: LazyLock<String> = LazyLock::new(|| {
    let text = UPSERTING
        .replace("method: PUT", "method: PATCH")
        .replace(", merge: true, version: /version", "")
        .replace("      version: /list/0/version\n", "");
    assert!(!text.contains("version") && !text.contains("merge"));
    text
});

#[test]
fn rows_that_wait_behind_another_of_their_key_go_by_what_it_has_written() {
    let tenant = Tenant {
        // The search knows late what is new, and what has changed.
        late: Duration::from_secs(5),
        ..Tenant::with([("b", "Bob")])
    };
    let wish = LaneWish {
        connector: Some(PATCHING.as_str()),
        ..wish()
    };
    let names = ["Ada", "Anna", "Anna", "Ada"];
    let of = |key: &'static str, from: u64| {
        let rows = names.into_iter().zip(from..);
        rows.map(move |(name, row)| named(row, key, name))
    };
    let rows: Vec<Item> = of("a", 1).chain(of("b", 5)).collect();
    let (notes, tenant) = load(&wish, tenant, rows, well);
    let (ends, kinds) = (notes.ends(), |name: &str| match name {
        "made" => OutcomeKind::Created,
        "same" => OutcomeKind::Unchanged,
        _ => OutcomeKind::Updated,
    });
    for (row, kind) in (1..).zip(["made", "new", "same", "new", "new", "new", "same", "new"]) {
        assert_eq!(ends[&row], kinds(kind), "row {row}");
    }
    tenant.assert_no_key_twice();
    assert_eq!(tenant.record("a")["name"], "Ada");
    assert_eq!(tenant.record("b")["name"], "Ada");
    assert_eq!(tenant.record("b")["kept"], true);
    assert_eq!(*tenant.look_ups.borrow(), 2, "each key was looked up once");
    assert_eq!(*tenant.changes.borrow(), 5);
}

#[test]
fn what_was_found_unchanged_holds_for_the_rows_behind_and_what_was_merged_does_not() {
    let tenant = Tenant::with([("a", "Ada")]);
    let names = ["Ada", "Ada", "Ada", "Anna", "Ada"];
    let rows = (1..).zip(names).map(|(row, name)| named(row, "a", name));
    let (notes, tenant) = load(&wish(), tenant, rows.collect(), well);
    let ends = notes.ends();
    let unchanged = ends
        .values()
        .filter(|kind| **kind == OutcomeKind::Unchanged);
    assert_eq!(unchanged.count(), 3);
    assert_eq!(tenant.record("a")["name"], "Ada");
    // One for the first four, and one behind the change, whose version counts.
    assert_eq!(*tenant.look_ups.borrow(), 2);
    assert_eq!(*tenant.changes.borrow(), 2);
}

#[test]
fn a_record_that_is_gone_by_the_time_the_next_row_comes_is_looked_up_again() {
    let tenant = Tenant::with([("a", "Ada")]);
    let wish = LaneWish {
        connector: Some(PATCHING.as_str()),
        ..wish()
    };
    let rows = (1..)
        .zip(["Anna", "Eve"])
        .map(|(row, name)| named(row, "a", name));
    let changes = Cell::new(0);
    let (notes, tenant) = load(&wish, tenant, rows.collect(), move |request, _| {
        changes.set(changes.get() + u32::from(request.method == Method::PATCH));
        match request.method == Method::PATCH && changes.get() == 2 {
            true => Fate::Answer(404),
            false => Fate::Handled,
        }
    });
    assert_eq!(notes.ends()[&2], OutcomeKind::Updated);
    assert_eq!(tenant.record("a")["name"], "Eve");
    assert_eq!(*tenant.look_ups.borrow(), 2);
}

#[test]
fn what_an_earlier_leg_made_a_moment_ago_is_not_made_again() {
    let tenant = Tenant {
        late: Duration::from_millis(4_500),
        made_just_before: true,
        ..Tenant::with([("a", "Ada")])
    };
    let wish = LaneWish {
        made_before: true,
        ..wish()
    };
    let rows = vec![named(1, "a", "Anna"), named(2, "b", "Bob")];
    let (notes, tenant) = load(&wish, tenant, rows, well);
    tenant.assert_no_key_twice();
    assert_eq!(notes.ends()[&1], OutcomeKind::Updated);
    assert_eq!(notes.ends()[&2], OutcomeKind::Created);
}
