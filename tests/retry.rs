//! The promise of `retry`: rejected rows, as they are or as their user mended
//! them, are sent again, and their run's books hold the result, each row once.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use support::{Bench, Numbered, assert_accounted, fixture, numbered_csv, wait_until};

const ROWS: u64 = 60;

/// A run that has ended with some rows missing, and what is to be expected of it.
fn finished_run(yaml: &str, rows: u64) -> (Bench, Numbered) {
    let bench = Bench::new(yaml);
    bench.write("contacts.csv", numbered_csv(rows));
    bench.run("contacts.csv", &[]).run().expect_code(1);
    let expected = Numbered::new(rows, &bench.scenario);
    assert!(expected.missing.len() > 3, "the tenant misses some");
    (bench, expected)
}

fn rejected_text(bench: &Bench) -> String {
    fs::read_to_string(bench.run_directory().join("rejected.csv")).expect("readable")
}

fn write_rejected(bench: &Bench, text: &str) {
    fs::write(bench.run_directory().join("rejected.csv"), text).expect("written");
}

/// The books have these rows as missing, and all others as updated.
#[track_caller]
fn assert_books(bench: &Bench, rows: u64, missing: &BTreeSet<String>) {
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.rejected_ids(), *missing);
    assert_eq!(books.missing_ids(), *missing);
    let counts = ["read", "updated", "rejected"].map(|name| books.count(name));
    let left = missing.len() as u64;
    assert_eq!(counts, [rows, rows - left, left]);
}

/// The columns of the input, byte for byte.
fn own_columns(text: &str) -> BTreeSet<String> {
    let own = |line: &str| line.split(',').take(4).collect::<Vec<_>>().join(",");
    text.lines().skip(1).map(own).collect()
}

#[test]
fn rows_that_are_refused_again_stand_in_the_books_once() {
    let (bench, expected) = finished_run("contacts: { missing: 0.2 }", ROWS);
    let before = (rejected_text(&bench), bench.counters().requests.patch);
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_books(&bench, ROWS, &expected.missing);
    assert_eq!(own_columns(&rejected_text(&bench)), own_columns(&before.0));
    let sent = bench.counters().requests.patch - before.1;
    assert_eq!(sent, expected.missing.len() as u64, "only those were sent");
    assert_eq!(bench.books().summary["legs"], 2);
}

#[test]
fn a_mended_row_leaves_the_books_and_the_others_stay_as_they_were() {
    let (bench, expected) = finished_run("{ keep_bodies: true, contacts: { missing: 0.2 } }", ROWS);
    let (mut left, mut mended) = (expected.missing.clone(), String::new());
    let (wrong, right) = (left.pop_first(), expected.applied.first());
    let (wrong, right) = (wrong.expect("one"), right.expect("one"));
    for line in rejected_text(&bench).lines() {
        match line.strip_prefix(&format!("{wrong},")) {
            Some(rest) => mended.push_str(&format!("{right},Mended{rest}\n")),
            None => mended.push_str(&format!("{line}\n")),
        }
    }
    write_rejected(&bench, &mended);
    // The input isn't needed for it.
    fs::remove_file(bench.folder().join("contacts.csv")).expect("removed");
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_books(&bench, ROWS, &left);
    let name = bench.field(right, "firstName").expect("written");
    assert!(name.starts_with("Mended"), "{name}");
    // All of them mended: nothing is left, and the run ends well.
    let (header, rows) = rejected_text(&bench).split_once('\n').map_or_else(
        || panic!("a header"),
        |(header, rows)| (header.to_owned(), rows.to_owned()),
    );
    let others = expected.applied.iter().skip(1);
    let rows = rows.lines().zip(others).map(|(line, other)| {
        let (_, rest) = line.split_once(',').expect("columns");
        format!("{other},{rest}\n")
    });
    write_rejected(&bench, &format!("{header}\n{}", rows.collect::<String>()));
    bench.sluice(&["retry"]).run().expect_code(0);
    assert_books(&bench, ROWS, &BTreeSet::new());
    bench
        .sluice(&["retry"])
        .run()
        .expect_code(0)
        .expect_stderr(&["no row stands in rejected.csv"]);
}

#[test]
fn a_spreadsheet_may_change_delimiter_and_order() {
    let (bench, expected) = finished_run("contacts: { missing: 0.2 }", ROWS);
    let text = rejected_text(&bench);
    let (header, rows) = text.split_once('\n').expect("a header");
    let mut changed = vec![header.to_owned()];
    changed.extend(rows.lines().rev().map(ToOwned::to_owned));
    // No field of these rows holds either character as text.
    let changed: String = changed
        .iter()
        .map(|line| format!("{}\r\n", line.replace(',', ";")))
        .collect();
    write_rejected(&bench, &changed);
    bench.sluice(&["retry"]).run().expect_code(1);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.count("rejected"), expected.missing.len() as u64);
    assert!(rejected_text(&bench).starts_with("contactId;firstName;"));
}

#[test]
fn a_row_whose_line_was_deleted_stays_rejected_and_is_not_sent() {
    let (bench, expected) = finished_run("contacts: { missing: 0.2 }", ROWS);
    let text = rejected_text(&bench);
    let shorter: Vec<&str> = text.lines().take(3).collect();
    write_rejected(&bench, &format!("{}\n", shorter.join("\n")));
    let before = bench.counters().requests.patch;
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_eq!(bench.counters().requests.patch - before, 2);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.count("rejected"), expected.missing.len() as u64);
    assert_eq!(books.rejected.len(), 2);
    assert_eq!(books.missing_ids(), expected.missing);
}

#[test]
fn a_line_that_is_not_known_is_refused_before_anything_is_sent() {
    let (bench, expected) = finished_run("contacts: { missing: 0.2 }", ROWS);
    let text = rejected_text(&bench);
    let first = text.lines().nth(1).expect("a row");
    let line = bench.books().rejected[0].line();
    let before = bench.counters().requests;
    for (wrong, words) in [
        (format!("{text}{first}\n"), "stands in it twice"),
        (
            text.replacen(&format!(",{line},"), ",99999,", 1),
            "line 99999 of the input",
        ),
        (
            text.replacen(&format!(",{line},"), ",x,", 1),
            "no number stands in its column _line",
        ),
        (
            text.replacen(",_line,", ",line,", 1),
            "the column _line is missing",
        ),
    ] {
        assert_ne!(wrong, text);
        write_rejected(&bench, &wrong);
        bench
            .sluice(&["retry"])
            .run()
            .expect_code(2)
            .expect_stderr(&[words, "rejected.csv, line "]);
        assert_eq!(rejected_text(&bench), wrong, "it stays as its user left it");
    }
    assert_eq!(bench.counters().requests, before, "nothing was asked");
    write_rejected(&bench, &text);
    bench.resume().expect_code(1);
    assert_books(&bench, ROWS, &expected.missing);
}

#[test]
fn a_retry_that_is_killed_is_resumed_and_loses_no_row() {
    let rows = 400;
    let yaml = "{ contacts: { missing: 0.5 }, latency: { median: 16ms } }";
    let (bench, expected) = finished_run(yaml, rows);
    let before = bench.counters().requests.patch;
    let flags = ["--concurrency", "4"];
    let mut running = bench.sluice(&["retry"]).arguments(flags).start();
    running.wait_while_running("some rows are sent again", || {
        bench.counters().requests.patch >= before + 40
    });
    running.kill();
    bench
        .sluice(&["retry"])
        .run()
        .expect_code(2)
        .expect_stderr(&["isn't finished", "sluice resume"]);
    bench.resume().expect_code(1);
    assert_books(&bench, rows, &expected.missing);
    let sent = bench.counters().requests.patch - before;
    let repeated = sent - expected.missing.len() as u64;
    assert!(
        repeated <= 80,
        "{repeated} rows were sent more often than twice"
    );
}

/// A finished run of creates, some of which nobody could tell about: answers
/// were lost, and when the records were looked up the tenant pointed elsewhere,
/// which it does until its fifth second.
fn run_with_unknown_rows() -> (Bench, Instant) {
    let mut bench = Bench::new(
        "{ faults: [ { kind: close_after, ratio: 0.1, until: 2s },
                     { kind: close_before, ratio: 0.1, until: 2s },
                     { kind: redirect, to: /elsewhere, ratio: 1, from: 2s, until: 5s } ] }",
    );
    let text = fs::read_to_string(fixture("connectors/create-contacts.yaml")).expect("a connector");
    bench.write(
        "connector.yaml",
        text.replace("believed_after: 5s", "believed_after: 3s"),
    );
    let text = numbered_csv(ROWS).replacen("contactId", "externalId", 1);
    bench.write("contacts.csv", text);
    let start = Instant::now();
    bench.connector = "connector.yaml".to_owned();
    let flags = ["--concurrency", "8"];
    bench.run("contacts.csv", &flags).run().expect_code(7);
    (bench, start)
}

#[test]
fn unknown_rows_are_asked_about_again_and_end_as_the_tenant_says() {
    let (bench, start) = run_with_unknown_rows();
    let (books, before) = (bench.books(), bench.ledger());
    let unknown = books.unknown.len() as u64;
    assert!(unknown > 3, "{unknown} rows are unknown");
    assert_eq!(books.count("unknown"), unknown);
    assert_eq!(books.count("created"), ROWS - unknown);
    let made = before.made.len() as u64;
    assert!(made > ROWS - unknown, "some of them were made");
    assert!(made < ROWS, "and some were not");

    let wait = Duration::from_secs(6);
    wait_until("the tenant makes sense again", || start.elapsed() >= wait);
    bench.sluice(&["retry", "--unknown"]).run().expect_code(0);
    let (books, after) = (bench.books(), bench.ledger());
    assert_accounted(&books.summary["counts"]);
    let counts = ["read", "created", "unknown"].map(|name| books.count(name));
    assert_eq!(counts, [ROWS, ROWS, 0]);
    assert!(books.unknown.is_empty() && books.rejected.is_empty());
    assert_eq!(after.made.len() as u64, ROWS);
    assert!(after.made.values().all(|times| *times == 1));
    // Each was asked about, and only those that weren't there were sent.
    let requests = |name: fn(&loadtest::tenant::RequestCounts) -> u64| {
        name(&after.counters.requests) - name(&before.counters.requests)
    };
    assert_eq!(requests(|requests| requests.list), unknown);
    assert_eq!(requests(|requests| requests.create), ROWS - made);
    bench
        .sluice(&["retry", "--unknown"])
        .run()
        .expect_code(0)
        .expect_stderr(&["no row stands in unknown.csv"]);
}

#[test]
fn unknown_rows_that_nobody_can_be_asked_about_are_not_sent_on_a_guess() {
    let mut bench = Bench::new("faults: [ { kind: close_after, ratio: 0.2 } ]");
    let connector = fixture("connectors/create-contacts-blind.yaml");
    bench.connector = connector.to_str().expect("a path in UTF-8").to_owned();
    let text = numbered_csv(ROWS).replacen("contactId", "externalId", 1);
    bench.write("contacts.csv", text);
    bench.run("contacts.csv", &[]).run().expect_code(7);
    let (books, before) = (bench.books(), bench.counters().requests);
    bench
        .sluice(&["retry", "--unknown"])
        .run()
        .expect_code(2)
        .expect_stderr(&["it has no look-up", "unknown.csv"]);
    assert_eq!(bench.counters().requests, before, "nothing was asked");
    let after = bench.books();
    assert_eq!(after.summary, books.summary);
    assert_eq!(after.unknown.len(), books.unknown.len());
    // The run is as it was.
    bench.resume().expect_code(7);
}
