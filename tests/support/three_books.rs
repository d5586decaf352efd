//! The three books of promise 1: the tenant's ledger, the reject files and the
//! report say the same.

use std::collections::BTreeSet;

use loadtest::tenant::LedgerSnapshot;

use super::{Bench, Numbered, assert_accounted};

/// Every row of a numbered input stands in the tenant or in the reject files,
/// as the scenario says it must, and the summary counts them so. Gives the
/// tenant's ledger.
#[track_caller]
pub fn assert_every_row_ended(bench: &Bench, rows: u64) -> LedgerSnapshot {
    let expected = Numbered::new(rows, &bench.scenario);
    let ledger = bench.ledger();
    let applied: BTreeSet<String> = ledger.applies.keys().cloned().collect();
    assert_eq!(applied, expected.applied, "the tenant's ledger");

    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.count("read"), rows);
    assert_eq!(books.count("updated"), expected.applied.len() as u64);
    assert_eq!(books.count("rejected"), expected.rejected().len() as u64);
    assert_eq!(books.count("not_reached"), 0);
    assert_eq!(books.rejected_ids(), expected.rejected(), "rejected.csv");
    assert_eq!(books.missing_ids(), expected.missing, "missing.csv");
    assert!(books.unknown.is_empty(), "unknown.csv: {:?}", books.unknown);
    ledger
}
