//! The promise of a full disk: the run drains, says so, ends with 4, and goes
//! on when there is room again. A limit on file sizes stands in for the disk.

mod support;

use std::collections::BTreeSet;

use support::{
    Bench, Ended, Numbered, assert_accounted, assert_every_row_ended, fixture, numbered_csv,
};

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

/// Contacts with long names: 650 KiB, more than the staged copy has room for.
fn long_contacts() -> String {
    let name = "N".repeat(200);
    numbered_csv(2_500).replace("Name ", &name)
}

#[test]
fn a_disk_that_fills_up_with_the_staged_input_loses_no_row_that_was_taken_in() {
    let bench = Bench::new("{}");
    let text = long_contacts();
    let input = bench.write("elsewhere.csv", &text);
    bench
        .run_with_small_disk(ROOM_KIBIBYTES, "-", &[])
        .fed_from(&input)
        .run()
        .expect_code(4)
        .expect_stderr(&["the disk is full"]);
    // What was taken in is loaded, and the rest is named.
    let ended = bench.resume().expect_code(5);
    let books = bench.books();
    let taken = books.count("read");
    assert!((1..2_500).contains(&taken), "{taken} rows were taken in");
    assert_eq!(books.count("updated"), taken);
    let skip = format!("--skip {taken}");
    assert!(
        ended.stderr.replace(',', "").contains(&skip),
        "{}",
        ended.stderr
    );
    bench
        .run("-", &["--skip", &taken.to_string()])
        .fed_from(&input)
        .run()
        .expect_code(0);
    let counters = bench.counters();
    assert_eq!(
        (counters.contacts_written, counters.applied),
        (2_500, 2_500)
    );
}

/// A run with notes of what is about to be sent: the disk is full in the middle,
/// and no record is made twice.
#[test]
fn a_disk_that_is_full_amid_creates_makes_no_record_twice() {
    let mut bench = Bench::new("latency: { median: 3ms }");
    let connector = std::fs::read_to_string(fixture("connectors/create-contacts.yaml"));
    let connector = connector.expect("a connector");
    bench.write(
        "connector.yaml",
        connector.replace("after: 5s", "after: 1s"),
    );
    let text = numbered_csv(ROWS).replacen("contactId", "externalId", 1);
    bench.write("contacts.csv", text);
    bench.connector = "connector.yaml".to_owned();
    let flags = ["--concurrency", "8"];
    bench
        .run_with_small_disk(ROOM_KIBIBYTES, "contacts.csv", &flags)
        .run()
        .expect_code(4)
        .expect_stderr(&["the disk is full", "to go on: sluice resume"]);
    let made = bench.ledger().made.len() as u64;
    assert!((1..ROWS).contains(&made), "{made} records were made");
    bench.resume().expect_code(0);
    let made = bench.ledger().made;
    assert_eq!(made.len() as u64, ROWS);
    assert!(made.values().all(|times| *times == 1));
    assert_eq!(bench.books().count("created"), ROWS);
}

/// Runs on file systems of many sizes, which are full now in the books, now in
/// the journal; then the file system grows, and the run goes on.
#[test]
fn a_file_system_that_is_full_costs_no_row_whatever_its_size() {
    let rows = 2_000;
    for kibibytes in [40, 200, 540, 580, 640, 720] {
        let bench = Bench::new("contacts: { missing: 0.3 }");
        bench.write("contacts.csv", numbered_csv(rows));
        let Some(ended) = bench.run_on_small_file_system(kibibytes, "contacts.csv") else {
            println!("skipped: no file system can be mounted here");
            return;
        };
        let ended = ended.expect_code(1);
        let told = ended.stderr.matches("the disk is full").count();
        assert!(told >= 1, "{kibibytes} KiB were enough:\n{}", ended.stderr);
        assert_every_row_ended(&bench, rows);
    }
}
