//! Upserts by look-up: what is there decides whether a record is made, changed
//! or left alone, and a second load of the same rows changes nothing.

mod support;

use std::fmt::Write;
use std::fs;

use serde_json::json;
use support::{Bench, Ended, Running, assert_accounted, fixture};

fn bench_of(scenario: &str) -> Bench {
    let bench = Bench::new(scenario);
    let path = fixture("connectors").join("upsert-by-look-up.yaml");
    let text = fs::read_to_string(path).expect("a connector");
    bench.write(
        "connector.yaml",
        text.replace("believed_after: 5s", "believed_after: 1s"),
    );
    bench
}

/// Contacts `c-1` and so on; every `nth` has another name than the others.
fn contacts(count: u64, name: &str, nth: u64) -> String {
    let mut text = String::from("externalId,firstName,email\n");
    for number in 1..=count {
        let name = if number % nth == 0 { name } else { "Name" };
        writeln!(text, "c-{number},{name},person.{number}@example.com")
            .expect("writing to memory doesn't fail");
    }
    text
}

fn start(bench: &Bench, input: &str) -> Running {
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = ["run", input, "--to", "connector.yaml", "--set", &base_url];
    bench
        .sluice(&arguments)
        .arguments(["--output", "json"])
        .start()
}

fn load(bench: &Bench, input: &str) -> Ended {
    start(bench, input).wait()
}

#[test]
fn the_same_rows_again_send_nothing_but_look_ups_and_changed_rows_change_exactly_these() {
    let bench = bench_of("latency: { median: 4ms, sigma: 0.3 }");
    bench.write("first.csv", contacts(1_000, "Name", 1));
    let first = load(&bench, "first.csv").expect_code(0);
    let after_first = bench.counters().requests;
    assert_eq!(first.json()["counts"]["created"], 1_000);
    assert!(
        after_first.bulk <= 1_000 / 200 + 3,
        "requests that made few contacts: {after_first:?}"
    );

    let second = load(&bench, "first.csv").expect_code(0);
    let after_second = bench.counters().requests;
    assert_eq!(second.json()["counts"]["unchanged"], 1_000);
    assert_eq!(after_second.bulk, after_first.bulk);
    assert_eq!(after_second.put, after_first.put);
    assert_eq!(after_second.list - after_first.list, 1_000);

    bench.write("changed.csv", contacts(1_000, "Anna", 50));
    let changed = load(&bench, "changed.csv").expect_code(0).json();
    let counts = &changed["counts"];
    assert_accounted(counts);
    assert_eq!(
        (&counts["unchanged"], &counts["updated"]),
        (&json!(980), &json!(20))
    );
    let after_third = bench.counters().requests;
    assert_eq!(after_third.put - after_second.put, 20);
    assert_eq!(after_third.bulk, after_second.bulk);
}

#[test]
fn kills_and_lost_answers_make_no_record_twice_and_leave_each_as_its_row_says() {
    let bench = bench_of(
        "{ latency: { median: 8ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.05 }, { kind: close_before, ratio: 0.02 } ] }",
    );
    bench.write("first.csv", contacts(600, "Name", 1));
    load(&bench, "first.csv").expect_code(0);
    // Half of them are there and differ, half are new.
    bench.write("second.csv", contacts(1_200, "Anna", 2));
    let mut running = start(&bench, "second.csv");
    let listed = bench.counters().requests.list;
    for looked_up in [50, 500, 1_100] {
        running.wait_while_running("the next moment to kill has come", || {
            bench.counters().requests.list - listed >= looked_up
        });
        running.kill();
        running = bench.sluice(&["resume", "--output", "json"]).start();
    }
    let counts = running.wait().expect_code(0).json()["counts"].clone();
    let ledger = bench.ledger();
    assert_accounted(&counts);
    let count = |name: &str| counts[name].as_u64().expect("a number");
    assert_eq!((count("read"), count("created")), (1_200, 600));
    assert_eq!(count("updated") + count("unchanged"), 600);
    assert!(ledger.made.values().all(|times| *times == 1), "made twice");
    assert_eq!(ledger.made.len(), 1_200);
    let again = load(&bench, "second.csv").expect_code(0);
    assert_eq!(again.json()["counts"]["unchanged"], 1_200);
}
