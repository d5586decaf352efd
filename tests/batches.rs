//! Many records in one request, by the real binary: each row has an end of its
//! own, whatever the platform's reply tells of the batch.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use support::{Bench, Books, Ended, Running, assert_accounted, fixture};

/// Contacts `c-1`, `c-2` and so on.
fn contacts(count: u64) -> String {
    let mut text = String::from("externalId,firstName,email\n");
    for number in 1..=count {
        writeln!(text, "c-{number},Name {number},person.{number}@example.com")
            .expect("writing to memory doesn't fail");
    }
    text
}

/// A tenant with an input of so many contacts, and a connector of the fixtures
/// whose batches have 25 rows, or as many as is told.
fn bench_of(connector: &str, batch: usize, scenario: &str, rows: u64) -> Bench {
    let bench = Bench::new(scenario);
    let text = fs::read_to_string(fixture("connectors").join(connector)).expect("a connector");
    let text = text
        .replace("batch: 200", &format!("batch: {batch}"))
        .replace("believed_after: 5s", "believed_after: 1s");
    bench.write("connector.yaml", text);
    bench.write("contacts.csv", contacts(rows));
    bench
}

fn start(bench: &Bench) -> Running {
    let base_url = format!("base_url={}", bench.base_url());
    let input = [
        "run",
        "contacts.csv",
        "--to",
        "connector.yaml",
        "--set",
        &base_url,
    ];
    bench
        .sluice(&input)
        .arguments(["--concurrency", "4"])
        .start()
}

/// Kills the run, and each resumed leg, when so many requests have come in.
fn kill_again_and_again(bench: &Bench, moments: &[u64]) -> Ended {
    let mut running = start(bench);
    for moment in moments {
        running.wait_while_running("the next moment to kill has come", || {
            bench.counters().requests.bulk >= *moment
        });
        running.kill();
        running = bench.sluice(&["resume", "--concurrency", "4"]).start();
    }
    running.wait()
}

/// The ids that the tenant refuses.
fn invalid(bench: &Bench, rows: u64) -> BTreeSet<String> {
    (1..=rows)
        .map(|number| format!("c-{number}"))
        .filter(|id| bench.scenario.contacts.is_invalid(id))
        .collect()
}

#[track_caller]
fn rejected_ids(books: &Books) -> BTreeSet<String> {
    let rows = books.rejected.iter();
    let ids: BTreeSet<String> = rows.map(|row| row.get("externalId").to_owned()).collect();
    assert_eq!(ids.len(), books.rejected.len(), "a row is listed twice");
    ids
}

/// The rows that the tenant refuses are rejected, all others were made once.
#[track_caller]
fn assert_each_made_once_or_rejected(bench: &Bench, rows: u64) {
    let (books, made) = (bench.books(), bench.ledger().made);
    let bad = invalid(bench, rows);
    let twice: Vec<_> = made.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "made more than once: {twice:?}");
    assert_eq!(made.len() as u64, rows - bad.len() as u64);
    assert_eq!(rejected_ids(&books), bad);
    assert!(books.unknown.is_empty());
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.count("read"), rows);
    assert_eq!(books.count("created"), rows - bad.len() as u64);
}

#[test]
fn each_row_ends_as_its_own_result_says_in_whatever_order_they_come() {
    let bench = bench_of(
        "batch-create.yaml",
        25,
        "{ contacts: { invalid: 0.03 },
           batches: { shuffled: true, item_faults: [ { status: 429, ratio: 0.03 } ] },
           latency: { median: 10ms } }",
        1_000,
    );
    start(&bench).wait().expect_code(1);
    assert!(!invalid(&bench, 1_000).is_empty());
    assert_each_made_once_or_rejected(&bench, 1_000);
    let requests = bench.counters().requests.bulk;
    // 40 full ones, and those for the rows that were to be repeated.
    assert!((40..160).contains(&requests), "{requests} requests");
}

#[test]
fn all_or_nothing_finds_the_bad_rows_and_makes_all_others() {
    let bench = bench_of(
        "batch-create.yaml",
        25,
        "{ contacts: { invalid: 0.01 }, batches: { reply: all_or_nothing },
           latency: { median: 10ms } }",
        600,
    );
    start(&bench).wait().expect_code(1);
    assert!(!invalid(&bench, 600).is_empty());
    assert_each_made_once_or_rejected(&bench, 600);
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_parts() {
    let bench = bench_of(
        "batch-create.yaml",
        200,
        "{ batches: { cap: 30 }, latency: { median: 10ms } }",
        1_000,
    );
    start(&bench).wait().expect_code(0);
    assert_each_made_once_or_rejected(&bench, 1_000);
}

#[test]
fn lost_answers_and_kills_make_each_record_of_a_batch_once() {
    let bench = bench_of(
        "batch-create.yaml",
        25,
        "{ latency: { median: 40ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.05 } ] }",
        2_000,
    );
    kill_again_and_again(&bench, &[2, 30, 60]).expect_code(0);
    assert_each_made_once_or_rejected(&bench, 2_000);
    assert!(bench.counters().requests.list > 0, "nothing was looked up");
}

#[test]
fn upserts_in_batches_lose_no_row_when_they_are_killed() {
    let bench = bench_of(
        "batch-upsert.yaml",
        25,
        "{ contacts: { invalid: 0.02 }, latency: { median: 40ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.05 } ] }",
        2_000,
    );
    kill_again_and_again(&bench, &[2, 40]).expect_code(1);
    let (books, ledger) = (bench.books(), bench.ledger());
    let bad = invalid(&bench, 2_000);
    assert_eq!(ledger.made.len() + bad.len(), 2_000);
    assert!(ledger.made.values().all(|times| *times == 1));
    assert_eq!(rejected_ids(&books), bad);
    assert_accounted(&books.summary["counts"]);
    let done = books.count("created") + books.count("updated");
    assert_eq!(done + bad.len() as u64, 2_000);
}
