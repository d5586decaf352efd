//! Upserts by look-up: what is there decides whether a record is made, changed
//! or left alone, and a second load of the same rows changes nothing.

mod support;

use std::fmt::Write;
use std::fs;

use serde_json::json;
use support::{Bench, Ended, Running, assert_accounted, fixture};

/// Fifty look-ups in one; what the reply leaves out isn't there if it is whole.
const FIFTY: &str = "believed_after: 1s
      batch:
        max: 50
        method: POST
        path: /api/v2/contacts/bulk/read
        keys: {at: /externalIds}
        records: /entities
        key: /externalId
        id: /id
        complete: [{status: [200, 207], body_lacks: /nextPage}]";

fn bench_of(scenario: &str) -> Bench {
    bench_with(scenario, "believed_after: 1s")
}

/// A bench whose connector has these lines in its look-up.
fn bench_with(scenario: &str, look_up: &str) -> Bench {
    let bench = Bench::new(scenario);
    let path = fixture("connectors").join("upsert-by-look-up.yaml");
    let text = fs::read_to_string(path).expect("a connector");
    let own = text.replace("believed_after: 5s", look_up);
    assert_ne!(own, text);
    bench.write("connector.yaml", own);
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

/// Look-ups of many contacts, and of single ones.
fn look_ups(bench: &Bench) -> (u64, u64) {
    let requests = bench.counters().requests;
    (requests.look_up, requests.list)
}

#[test]
fn twenty_thousand_rows_are_looked_up_fifty_at_a_time() {
    const ROWS: u64 = 20_000;
    // One for each fifty, and one for the end of each lane's rows, or for a
    // start that nobody waits at.
    const MOST: u64 = ROWS / 50 + 8;
    let bench = bench_with(
        "{ latency: { median: 4ms, sigma: 0.3 }, batches: { shuffled: true } }",
        FIFTY,
    );
    bench.write("first.csv", contacts(ROWS, "Name", 1));
    let first = load(&bench, "first.csv").expect_code(0).json();
    assert_eq!(first["counts"]["created"], ROWS);
    let (many, single) = look_ups(&bench);
    assert!(
        (ROWS / 50..=MOST).contains(&many) && single <= 2,
        "{many}, {single}"
    );
    let writes = bench.counters().requests.bulk;
    assert!(writes <= ROWS / 200 + 8, "{writes}");

    bench.write("second.csv", contacts(ROWS + 500, "Anna", 40));
    let second = load(&bench, "second.csv").expect_code(0).json();
    let counts = &second["counts"];
    assert_accounted(counts);
    assert_eq!(counts["updated"], ROWS / 40);
    assert_eq!(counts["created"], 500);
    assert_eq!(counts["unchanged"], ROWS - ROWS / 40);
    assert_eq!(bench.counters().requests.put, ROWS / 40);
    let (again, single) = look_ups(&bench);
    // The 500 that are new are asked for twice: the run just before has made
    // records, and a search may be late to know them.
    assert!(
        again - many <= MOST + 20 && single <= 4,
        "{again}, {single}"
    );

    let verified = bench.sluice(&["verify", "--output", "json"]);
    let verified = verified.run().expect_code(0).json();
    assert_eq!(verified["rows"]["same"], ROWS + 500);
    let (verifying, single) = look_ups(&bench);
    assert!(
        verifying - again <= MOST + 10 && single <= 6,
        "{verifying}, {single}"
    );
}

#[test]
fn cut_pages_small_caps_and_failures_make_no_record_twice() {
    let bench = bench_with(
        "{ latency: { median: 4ms, sigma: 0.3 },
           batches: { cap: 30, page: 10, shuffled: true },
           faults: [ { kind: close_after, ratio: 0.03 }, { kind: server_error, ratio: 0.03 },
                     { kind: truncated_body, ratio: 0.03 } ] }",
        FIFTY,
    );
    bench.write("first.csv", contacts(1_000, "Name", 1));
    load(&bench, "first.csv").expect_code(0);
    bench.write("second.csv", contacts(2_000, "Anna", 2));
    let counts = load(&bench, "second.csv").expect_code(0).json()["counts"].clone();
    assert_accounted(&counts);
    assert_eq!(counts["created"], 1_000);
    assert_eq!(counts["updated"], 500);
    assert_eq!(counts["unchanged"], 500);
    let made = bench.ledger().made;
    assert!(made.values().all(|times| *times == 1), "made twice");
    assert_eq!(made.len(), 2_000);
}

#[test]
fn kills_amid_look_ups_of_many_make_no_record_twice() {
    let bench = bench_with(
        "{ latency: { median: 20ms, sigma: 0.3 }, faults: [ { kind: close_after, ratio: 0.05 } ] }",
        FIFTY,
    );
    bench.write("contacts.csv", contacts(3_000, "Name", 1));
    let mut running = start(&bench, "contacts.csv");
    for looked_up in [5, 30, 50] {
        running.wait_while_running("the next moment to kill has come", || {
            look_ups(&bench).0 >= looked_up
        });
        running.kill();
        running = bench.sluice(&["resume", "--output", "json"]).start();
    }
    let counts = running.wait().expect_code(0).json()["counts"].clone();
    assert_accounted(&counts);
    let made = bench.ledger().made;
    assert!(made.values().all(|times| *times == 1), "made twice");
    assert_eq!(made.len(), 3_000);
}

#[test]
fn a_run_right_after_another_does_not_believe_that_what_was_just_made_is_not_there() {
    let bench = bench_with("{}", "believed_after: 6s");
    bench.write("first.csv", contacts(20, "Name", 1));
    bench.write("second.csv", contacts(30, "Name", 1));
    let first = load(&bench, "first.csv").expect_code(0);
    assert_eq!(first.json()["counts"]["created"], 20);
    let after_first = bench.counters().requests.list;
    assert_eq!(after_first, 20, "nobody has made anything before");
    let second = load(&bench, "second.csv").expect_code(0);
    let counts = &second.json()["counts"];
    assert_eq!(
        (&counts["unchanged"], &counts["created"]),
        (&json!(20), &json!(10))
    );
    let asked = bench.counters().requests.list - after_first;
    assert_eq!(asked, 30 + 10, "what isn't there is looked up once more");
}
