//! The promise for operations that may not be repeated: whatever answers are
//! lost and however often the load is killed, no record is made twice, and what
//! nobody can know is listed and not guessed.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use support::{Bench, Books, Ended, Running, assert_accounted, fixture};

/// Contacts that a create makes: `c-1`, `c-2` and so on.
fn new_contacts(count: u64) -> String {
    let mut text = String::from("externalId,firstName,email\n");
    for number in 1..=count {
        writeln!(text, "c-{number},Name {number},person.{number}@example.com")
            .expect("writing to memory doesn't fail");
    }
    text
}

/// A tenant with an input of so many new contacts, and a connector of the
/// fixtures. Its look-ups are believed sooner: this tenant forgets nothing.
fn bench_of(connector: &str, scenario: &str, rows: u64) -> Bench {
    let bench = Bench::new(scenario);
    let text = fs::read_to_string(fixture("connectors").join(connector)).expect("a connector");
    let text = text.replace("believed_after: 5s", "believed_after: 1s");
    bench.write("connector.yaml", text);
    bench.write("new.csv", new_contacts(rows));
    bench
}

fn start(bench: &Bench) -> Running {
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = [
        "run",
        "new.csv",
        "--to",
        "connector.yaml",
        "--set",
        &base_url,
    ];
    bench
        .sluice(&arguments)
        .arguments(["--concurrency", "8"])
        .start()
}

/// Kills the run, and each resumed leg, when so many requests have come in.
fn kill_again_and_again(bench: &Bench, moments: &[u64]) -> Ended {
    let mut running = start(bench);
    for moment in moments {
        running.wait_while_running("the next moment to kill has come", || {
            bench.counters().requests.create >= *moment
        });
        running.kill();
        running = bench.sluice(&["resume", "--concurrency", "8"]).start();
    }
    running.wait()
}

/// The ids in `unknown.csv`; fails where one stands there twice.
#[track_caller]
fn unknown_ids(books: &Books) -> BTreeSet<String> {
    let rows = books.unknown.iter();
    let ids: BTreeSet<String> = rows.map(|row| row.get("externalId").to_owned()).collect();
    assert_eq!(
        ids.len(),
        books.unknown.len(),
        "unknown.csv lists a row twice"
    );
    ids
}

/// Every one of `rows` contacts was made, and none was made twice.
#[track_caller]
fn assert_each_made_once(bench: &Bench, rows: u64) {
    let made = bench.ledger().made;
    let twice: Vec<_> = made.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "made more than once: {twice:?}");
    assert_eq!(made.len() as u64, rows);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!((books.count("read"), books.count("created")), (rows, rows));
    assert!(books.rejected.is_empty() && books.unknown.is_empty());
}

#[test]
fn lost_answers_and_kills_make_each_record_once_where_it_can_be_looked_up() {
    let bench = bench_of(
        "create-contacts.yaml",
        "{ latency: { median: 12ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.02 }, { kind: close_before, ratio: 0.01 } ] }",
        2_000,
    );
    kill_again_and_again(&bench, &[1, 600, 1_500]).expect_code(0);
    assert_each_made_once(&bench, 2_000);
    let counters = bench.counters();
    assert!(counters.faults["close_after"] > 10, "{:?}", counters.faults);
    assert!(counters.requests.list > 0, "nothing was looked up");
}

#[test]
fn a_record_that_can_not_be_looked_up_is_listed_when_its_answer_is_lost() {
    let bench = bench_of(
        "create-contacts-blind.yaml",
        "{ latency: { median: 6ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.02 } ] }",
        1_500,
    );
    start(&bench).wait().expect_code(7);
    let (books, ledger) = (bench.books(), bench.ledger());
    assert_accounted(&books.summary["counts"]);
    let unknown = unknown_ids(&books);
    // This tenant did what it was asked each time, so each lost answer is of a
    // record that is there.
    assert_eq!(unknown.len() as u64, ledger.counters.faults["close_after"]);
    assert!(!unknown.is_empty());
    assert_eq!(ledger.made.len(), 1_500);
    assert!(ledger.made.values().all(|times| *times == 1));
    assert_eq!(books.count("unknown"), unknown.len() as u64);
    assert_eq!(books.count("created"), 1_500 - unknown.len() as u64);
}

#[test]
fn kills_without_a_look_up_list_what_was_under_way_and_make_nothing_twice() {
    let bench = bench_of(
        "create-contacts-blind.yaml",
        "latency: { median: 12ms, sigma: 0.3 }",
        1_500,
    );
    let kills = [1, 400, 1_000];
    kill_again_and_again(&bench, &kills).expect_code(7);
    let (books, ledger) = (bench.books(), bench.ledger());
    assert_accounted(&books.summary["counts"]);
    let unknown = unknown_ids(&books);
    assert_eq!(books.count("read"), 1_500);
    assert_eq!(books.count("not_reached"), 0);
    assert!(ledger.made.values().all(|times| *times == 1));
    for number in 1..=1_500 {
        let id = format!("c-{number}");
        assert!(
            unknown.contains(&id) || ledger.made.contains_key(&id),
            "{id} is neither made nor listed"
        );
    }
    assert_eq!(
        books.count("created") + books.count("unknown"),
        1_500,
        "every row ended one way or the other"
    );
}

#[test]
fn a_platform_that_knows_repeats_makes_each_record_once() {
    let bench = bench_of(
        "create-contacts-once.yaml",
        "{ contacts: { idempotency_keys: true }, latency: { median: 12ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.03 } ] }",
        1_000,
    );
    kill_again_and_again(&bench, &[300]).expect_code(0);
    assert_each_made_once(&bench, 1_000);
    assert!(bench.ledger().replays > 0, "no repeat was known as one");
}
