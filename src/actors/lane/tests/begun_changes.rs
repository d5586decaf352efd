//! Changes of found records that an earlier leg has begun, or that never left.

use crate::record::OutcomeKind;
use crate::store::Intent;

use super::harness::LaneWish;
use super::upserts::{Tenant, load, named, well, wish};

#[test]
fn what_an_earlier_leg_was_about_to_change_is_counted_as_changed() {
    let tenant = Tenant::with([("k1", "new"), ("k2", "old"), ("k3", "new")]);
    let wish = LaneWish {
        suspects: vec![1, 2],
        intent_of_suspects: Intent::Change,
        ..wish()
    };
    let rows = (1..=3).map(|row| named(row, &format!("k{row}"), "new"));
    let (notes, tenant) = load(&wish, tenant, rows.collect(), well);
    let ends = notes.ends();
    assert_eq!(ends[&1], OutcomeKind::Updated, "by the leg before");
    assert_eq!(ends[&2], OutcomeKind::Updated);
    assert_eq!(
        ends[&3],
        OutcomeKind::Unchanged,
        "nobody began to change it"
    );
    assert_eq!(*tenant.changes.borrow(), 1);
}

#[test]
fn a_change_leaves_only_when_it_is_written_down() {
    let tenant = Tenant::with([("a", "Ada")]);
    let wish = LaneWish {
        disk_is_full: true,
        ..wish()
    };
    let rows = vec![named(1, "a", "Anna")];
    let (notes, tenant) = load(&wish, tenant, rows, well);
    assert_eq!(*tenant.changes.borrow(), 0);
    assert!(notes.ends().is_empty());
}
