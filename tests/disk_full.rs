//! The promise of a full disk: the run drains, says so, ends with 4, and goes
//! on when there is room again. A limit on file sizes stands in for the disk.

mod support;

use std::collections::BTreeSet;

use support::{Bench, Ended, Numbered, assert_accounted, numbered_csv};

/// Enough for the audit, some 150 bytes a row, to meet the limit.
const ROWS: u64 = 6_000;

/// More than the loader keeps aside when it starts, less than the audit needs.
const ROOM_KIBIBYTES: u64 = 600;

/// A run that the limit ended in the middle.
fn ended_by_a_full_disk() -> (Bench, Ended) {
    let bench = Bench::new("{ contacts: { missing: 0.3 }, latency: { median: 3ms } }");
    bench.write("contacts.csv", numbered_csv(ROWS));
    let flags = ["--concurrency", "8"];
    let ended = bench
        .run_with_small_disk(ROOM_KIBIBYTES, "contacts.csv", &flags)
        .run()
        .expect_code(4)
        .expect_stderr(&["the disk is full", "to go on: sluice resume"]);
    (bench, ended)
}

#[test]
fn a_full_disk_is_4_and_no_row_is_lost_after_a_resume() {
    let (bench, _ended) = ended_by_a_full_disk();
    assert!(bench.counters().applied > 0, "it got somewhere");
    assert!(
        bench.counters().contacts_written < ROWS,
        "but not to the end"
    );

    bench.resume().expect_code(1);
    let expected = Numbered::new(ROWS, &bench.scenario);
    let applied: BTreeSet<String> = bench.ledger().applies.keys().cloned().collect();
    assert_eq!(applied, expected.applied);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.count("read"), ROWS);
    assert_eq!(books.rejected_ids(), expected.missing);
    assert_eq!(books.missing_ids(), expected.missing);
}

#[test]
fn a_full_disk_is_told_once() {
    let (_bench, ended) = ended_by_a_full_disk();
    let told = ended.stderr.matches("the disk is full").count();
    assert_eq!(told, 1, "one clear message:\n{}", ended.stderr);
}

#[test]
fn a_limit_met_before_the_first_row_is_4_and_told_not_a_silent_death() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(50));
    bench
        .run_with_small_disk(2, "contacts.csv", &[])
        .run()
        .expect_code(4)
        .expect_stderr(&["the disk is full"]);
    assert_eq!(bench.counters().requests.patch, 0);
}
