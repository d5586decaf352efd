//! The promise of accounting: every row is applied once or listed with its
//! reason, and the tenant's ledger, the journal and the report agree.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Bench, Numbered, assert_accounted, assert_every_row_ended, numbered_csv};

/// The three books agree with what the scenario says must happen.
#[track_caller]
fn assert_three_books(bench: &Bench, rows: u64) {
    assert_every_row_ended(bench, rows);
    let books = bench.books();
    let status = bench.bare(&["status", "--output", "json"]).run();
    let journal = status.expect_code(0).json();
    for name in ["read", "updated", "rejected", "skipped", "not_reached"] {
        assert_eq!(
            journal["counts"][name], books.summary["counts"][name],
            "the journal and the summary disagree about `{name}`"
        );
    }
}

#[test]
fn every_row_is_applied_once_and_three_books_agree() {
    let bench = Bench::new("keep_bodies: true");
    bench.write("contacts.csv", numbered_csv(1_000));
    bench.run("contacts.csv", &[]).run().expect_code(0);
    assert_three_books(&bench, 1_000);
    let ledger = bench.ledger();
    assert!(ledger.applies.values().all(|applies| *applies == 1));
    assert_eq!(ledger.counters.requests.patch, 1_000, "one request a row");
    assert_eq!(bench.books().requests("sent"), 1_000);
    assert_eq!(
        bench.field("c-7", "email").as_deref(),
        Some("person.7@example.com")
    );
}

#[test]
fn missing_and_invalid_contacts_are_listed_exactly() {
    let bench = Bench::new("contacts: { missing: 0.01, invalid: 0.01 }");
    bench.write("contacts.csv", numbered_csv(2_000));
    bench.run("contacts.csv", &[]).run().expect_code(1);
    assert_three_books(&bench, 2_000);

    let expected = Numbered::new(2_000, &bench.scenario);
    assert!(!expected.missing.is_empty() && !expected.invalid.is_empty());
    for row in &bench.books().rejected {
        let id = row.get("contactId");
        let number: u64 = id[2..].parse().expect("a numbered contact");
        assert_eq!(row.line(), number + 1, "the line of {id}");
        assert_eq!(row.get("firstName"), format!("Name {number}"));
        assert!(!row.get("_error").is_empty() && !row.get("_message").is_empty());
        assert!(!row.get("_request_id").is_empty());
        assert_eq!(row.get("_attempts"), "1");
        if expected.missing.contains(id) {
            assert_eq!(row.get("_status"), "404");
        } else {
            assert_eq!((row.get("_status"), row.get("_field")), ("400", "email"));
        }
    }
}

#[test]
fn rejected_rows_can_be_loaded_again_as_they_stand() {
    let bench = Bench::new("contacts: { missing: 0.05 }");
    bench.write("contacts.csv", numbered_csv(200));
    bench.run("contacts.csv", &[]).run().expect_code(1);
    let rejected = bench.run_directory().join("rejected.csv");
    let again = rejected.to_str().expect("a path in UTF-8");
    let ended = bench.run(again, &["--output", "json"]).run().expect_code(1);
    let expected = Numbered::new(200, &bench.scenario).missing.len();
    assert_eq!(ended.json()["counts"]["read"], expected);
    assert_eq!(ended.json()["counts"]["rejected"], expected);
}

#[test]
fn broken_connections_and_server_errors_lose_no_row() {
    let bench = Bench::new(
        "faults:
          - { kind: close_before, ratio: 0.02 }
          - { kind: close_after, ratio: 0.02 }
          - { kind: server_error, status: 500, ratio: 0.02 }",
    );
    bench.write("contacts.csv", numbered_csv(1_500));
    bench.run("contacts.csv", &[]).run().expect_code(0);
    assert_three_books(&bench, 1_500);
    let counters = bench.counters();
    assert_eq!(counters.faults.len(), 3, "every fault struck");
    // A write is repeated only where its answer was lost.
    let repeats = counters.applied - counters.contacts_written;
    assert!(repeats <= counters.faults["close_after"], "{repeats}");
}

#[test]
fn a_200_with_a_body_counts_as_updated() {
    let bench = Bench::new("success_status: 200");
    bench.write("contacts.csv", numbered_csv(50));
    bench.run("contacts.csv", &[]).run().expect_code(0);
    assert_three_books(&bench, 50);
}

#[test]
fn standard_input_is_loaded_like_a_file() {
    let bench = Bench::new("contacts: { missing: 0.02 }");
    let input = bench.write("elsewhere.csv", numbered_csv(500));
    bench.run("-", &[]).fed_from(&input).run().expect_code(1);
    assert_three_books(&bench, 500);
}

#[test]
fn rows_of_one_key_are_applied_in_the_order_of_the_file() {
    let bench = Bench::new("{ keep_bodies: true, latency: { median: 5ms, sigma: 1 } }");
    let mut text = String::from("contactId,firstName\n");
    // Each key stands in 20 rows, near each other and far apart.
    for round in 1..=20 {
        for key in 1..=20 {
            text.push_str(&format!("k-{key},value {round}\n"));
        }
    }
    text.push_str("k-21,value 1\nk-21,value 2\nk-21,value 3\n");
    bench.write("contacts.csv", text);
    bench.run("contacts.csv", &[]).run().expect_code(0);
    let ledger = bench.ledger();
    assert_eq!(ledger.counters.applied, 403, "every row is applied");
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for write in &ledger.writes {
        let body = write.body.as_ref().expect("bodies are kept");
        let value = body["firstName"].as_str().expect("a text").to_owned();
        seen.entry(write.id.clone()).or_default().push(value);
    }
    for (key, values) in seen {
        let rounds = values.len();
        let expected: Vec<String> = (1..=rounds).map(|round| format!("value {round}")).collect();
        assert_eq!(values, expected, "the order of {key}");
    }
}

#[test]
fn the_error_budget_stops_the_run_with_3_and_the_rest_is_not_reached() {
    let bench = Bench::new("{ contacts: { invalid: 1 }, latency: { median: 10ms } }");
    bench.write("contacts.csv", numbered_csv(2_000));
    let flags = ["--max-errors", "20", "--concurrency", "4"];
    bench.run("contacts.csv", &flags).run().expect_code(3);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert!(books.count("rejected") > 20 && books.count("not_reached") > 1_000);
    assert_eq!(books.rejected_ids().len() as u64, books.count("rejected"));
}

#[test]
fn the_summary_has_every_field_of_the_contract_and_json_output_prints_it() {
    let bench = Bench::new("contacts: { missing: 0.05 }");
    bench.write("contacts.csv", numbered_csv(200));
    let flags = ["--output", "json", "--job", "spring"];
    let ended = bench.run("contacts.csv", &flags).run().expect_code(1);
    let summary = bench.books().summary;
    assert_eq!(ended.json(), summary, "stdout is summary.json");

    let has = |section: &Value, names: &[&str]| {
        for name in names {
            assert!(
                !section[name].is_null(),
                "there is no `{name}` in {section}"
            );
        }
    };
    let counts = [
        "read",
        "created",
        "updated",
        "unchanged",
        "rejected",
        "skipped",
        "unknown",
        "not_reached",
    ];
    has(
        &summary,
        &[
            "run_id",
            "job",
            "state",
            "exit_code",
            "started_at",
            "ended_at",
            "elapsed_s",
        ],
    );
    has(&summary, &["entities", "stages", "peak_memory_bytes"]);
    has(&summary["counts"], &counts);
    has(&summary["entities"][0], &["name"]);
    has(&summary["entities"][0], &counts);
    has(
        &summary["requests"],
        &["sent", "ok", "throttled", "retried", "failed"],
    );
    has(
        &summary["rate"],
        &["mean_per_s", "p50_ms", "p99_ms", "max_in_flight"],
    );
    let rate = summary["rate"].as_object().expect("an object");
    assert!(rate.contains_key("learned_limit"), "null is a value too");
    for stage in summary["stages"].as_array().expect("a list") {
        has(stage, &["name", "busy_s", "waited_s"]);
    }
    assert_accounted(&summary["counts"]);
    assert_accounted(&summary["entities"][0]);
    assert_eq!(summary["job"], "spring");
    assert_eq!(summary["state"], "finished");
    assert_eq!(summary["exit_code"], 1);
    let run_id = summary["run_id"].as_str().expect("a text");
    assert!(bench.run_directory().ends_with(run_id));
    assert!(summary["peak_memory_bytes"].as_u64() > Some(1_000_000));
    let sent = summary["requests"]["sent"].as_u64();
    assert_eq!(sent, Some(bench.counters().requests.patch));
}

#[test]
fn a_json_line_is_one_line() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(5));
    let ended = bench.run("contacts.csv", &["--output", "ndjson"]).run();
    let ended = ended.expect_code(0);
    assert_eq!(ended.stdout.lines().count(), 1);
    assert_eq!(ended.json()["counts"]["updated"], 5);
}
