//! The promise of `sluice undo`: what a run with pre-images has changed is put
//! back, what it has made is deleted, what somebody else has touched since is
//! left alone, and nothing is written without `--yes`.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use support::{Bench, Ended, Running, Sluice, fixture, numbered_csv, read_rows};

const QUICK: &str = "latency: { median: 4ms, sigma: 0.3 }";

fn bench_of(scenario: &str) -> Bench {
    let bench = Bench::new(scenario);
    bench.write("connector.yaml", connector());
    bench
}

fn connector() -> String {
    let path = fixture("connectors").join("upsert-by-look-up.yaml");
    let text = fs::read_to_string(path).expect("a connector");
    text.replace("believed_after: 5s", "believed_after: 1s")
}

fn loading(bench: &Bench, input: &str, flags: &[&str]) -> Sluice {
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = ["run", input, "--to", "connector.yaml", "--set", &base_url];
    let flags = [&["--output", "json"], flags].concat();
    bench.sluice(&arguments).arguments(flags)
}

/// Contacts `c-1` and so on, whose first name and company are these.
fn contacts(numbers: impl IntoIterator<Item = u64>, name: &str, company: &str) -> String {
    let mut text = String::from("externalId,firstName,email,company\n");
    for number in numbers {
        writeln!(text, "c-{number},{name},p.{number}@example.com,{company}")
            .expect("writing to memory doesn't fail");
    }
    text
}

/// Contacts 1 to 40 are there without a company; then a run with pre-images
/// changes 21 to 40 and makes 41 to 60. What was there before it.
fn changed_and_made(bench: &Bench) -> BTreeMap<String, Value> {
    bench.write("first.csv", contacts(1..=40, "Ada", ""));
    let other_books = ["--run-dir", "first"];
    loading(bench, "first.csv", &other_books)
        .run()
        .expect_code(0);
    let before = state(bench);
    bench.write("second.csv", contacts(21..=60, "Eve", "Acme"));
    let counts = loading(bench, "second.csv", &["--pre-images"])
        .run()
        .expect_code(0)
        .json()["counts"]
        .clone();
    assert_eq!(
        (&counts["updated"], &counts["created"]),
        (&json!(20), &json!(20))
    );
    assert_ne!(state(bench), before);
    before
}

/// What the tenant has, by external id; without what it counts for itself.
fn state(bench: &Bench) -> BTreeMap<String, Value> {
    let fields = ["firstName", "email", "company"];
    let records = bench.records();
    let shown = records.iter().map(|record| {
        let kept = fields.map(|name| match &record[name] {
            Value::String(text) if !text.is_empty() => json!(text),
            _ => Value::Null,
        });
        let key = record["externalId"].as_str().expect("a key");
        (key.to_owned(), Value::from(kept.to_vec()))
    });
    shown.collect()
}

fn undoing(bench: &Bench, flags: &[&str]) -> Sluice {
    let run = bench.run_directory().display().to_string();
    let arguments = bench.sluice(&["undo", &run, "--output", "json"]);
    arguments.arguments(flags)
}

fn undo(bench: &Bench, flags: &[&str]) -> Ended {
    undoing(bench, flags).run()
}

/// Every record stands in one of the counts.
#[track_caller]
fn count(result: &Value, name: &str) -> u64 {
    let number = |name: &str| {
        let number = result[name].as_u64();
        number.unwrap_or_else(|| panic!("`{name}` is no count in {result}"))
    };
    let names = [
        "undone",
        "to_put_back",
        "to_delete",
        "unchanged",
        "changed_since",
        "cant_delete",
        "not_sure",
        "failed",
        "unknown",
        "not_reached",
    ];
    let sum: u64 = names.iter().map(|name| number(name)).sum();
    assert_eq!(sum, number("read"), "{result}");
    number(name)
}

fn writes(bench: &Bench) -> u64 {
    let requests = bench.counters().requests;
    requests.patch
        + requests.put
        + requests.create
        + requests.upsert
        + requests.bulk
        + requests.delete
}

#[test]
fn without_yes_the_way_back_is_only_told_and_with_it_the_tenant_is_as_before() {
    let bench = bench_of(QUICK);
    let before = changed_and_made(&bench);
    let (after, written) = (state(&bench), writes(&bench));

    let plan = undo(&bench, &[]).expect_code(0).json();
    assert_eq!(count(&plan, "to_put_back"), 20);
    assert_eq!(count(&plan, "to_delete"), 20);
    assert_eq!(plan["applied"], false);
    assert_eq!(writes(&bench), written, "a plan wrote to the tenant");
    assert_eq!(state(&bench), after);

    let done = undo(&bench, &["--yes"]).expect_code(0).json();
    assert_eq!((count(&done, "undone"), count(&done, "read")), (40, 40));
    assert_eq!(state(&bench), before);
    assert_eq!(bench.counters().requests.delete, 20);

    let written = writes(&bench);
    let again = undo(&bench, &["--yes"]).expect_code(0).json();
    assert_eq!(count(&again, "unchanged"), 40);
    assert_eq!(
        writes(&bench),
        written,
        "what is put back was put back again"
    );

    let run = bench.run_directory();
    let folder = run.join("undo");
    let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(run.join("pre-images.ndjson")), 0o600);
    assert_eq!(mode(folder.clone()), 0o700);
    assert_eq!(mode(folder.join("records.csv")), 0o600);
    assert_eq!(mode(folder.join("conflicts.csv")), 0o600);
}

#[test]
fn what_somebody_has_changed_since_is_left_alone_and_listed() {
    let bench = bench_of(QUICK);
    let before = changed_and_made(&bench);
    let theirs = contacts([25, 55], "Zoe", "Theirs");
    bench.write("theirs.csv", theirs);
    loading(&bench, "theirs.csv", &["--run-dir", "theirs"])
        .run()
        .expect_code(0);
    let plan = undo(&bench, &[]).expect_code(1).json();
    assert_eq!(count(&plan, "changed_since"), 2);
    let done = undo(&bench, &["--yes"]).expect_code(1).json();
    assert_eq!(
        (count(&done, "undone"), count(&done, "changed_since")),
        (38, 2)
    );

    let mut expected = before;
    for key in ["c-25", "c-55"] {
        let email = format!("p.{}@example.com", &key[2..]);
        expected.insert(key.to_owned(), json!(["Zoe", email, "Theirs"]));
    }
    assert_eq!(state(&bench), expected);
    let rows = read_rows(&bench.run_directory().join("undo/conflicts.csv"));
    let mut told: Vec<_> = rows
        .iter()
        .map(|row| (row.get("key"), row.get("_error"), row.get("_field")))
        .collect();
    told.sort_unstable();
    let places = "/company /firstName";
    assert_eq!(
        told,
        [
            ("c-25", "changed_since", places),
            ("c-55", "changed_since", places)
        ]
    );
}

#[test]
fn a_run_and_an_undo_that_are_killed_leave_the_tenant_as_before() {
    let bench = bench_of(
        "{ latency: { median: 8ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.05 }, { kind: close_before, ratio: 0.02 } ] }",
    );
    bench.write("first.csv", contacts(1..=300, "Ada", ""));
    loading(&bench, "first.csv", &["--run-dir", "first"])
        .run()
        .expect_code(0);
    let before = state(&bench);
    bench.write("second.csv", contacts(1..=600, "Eve", "Acme"));
    let kill_at = |running: &mut Running, requests: u64, since: u64| {
        running.wait_while_running("the moment to kill has come", || {
            bench.counters().requests.list - since >= requests
        });
    };
    let since = bench.counters().requests.list;
    let mut running = loading(&bench, "second.csv", &["--pre-images"]).start();
    for requests in [100, 400] {
        kill_at(&mut running, requests, since);
        running.kill();
        running = bench.sluice(&["resume", "--output", "json"]).start();
    }
    running.wait().expect_code(0);
    assert_eq!(state(&bench).len(), 600);

    let since = bench.counters().requests.list;
    let mut running = undoing(&bench, &["--yes"]).start();
    for requests in [100, 400] {
        kill_at(&mut running, requests, since);
        running.kill();
        running = undoing(&bench, &["--yes"]).start();
    }
    let done = running.wait().expect_code(0).json();
    assert_eq!(count(&done, "read"), 600);
    assert_eq!(count(&done, "undone") + count(&done, "unchanged"), 600);
    assert_eq!(state(&bench), before);
}

#[test]
fn a_run_that_was_killed_can_be_undone_without_being_finished() {
    let bench = bench_of("latency: { median: 8ms, sigma: 0.3 }");
    bench.write("first.csv", contacts(1..=200, "Ada", ""));
    loading(&bench, "first.csv", &["--run-dir", "first"])
        .run()
        .expect_code(0);
    let before = state(&bench);
    let put = bench.counters().requests.put;
    bench.write("second.csv", contacts(1..=200, "Eve", "Acme"));
    let mut running = loading(&bench, "second.csv", &["--pre-images"]).start();
    running.wait_while_running("some contacts are changed", || {
        bench.counters().requests.put - put >= 30
    });
    running.kill();
    assert_ne!(state(&bench), before);
    undo(&bench, &["--yes"]).expect_code(0);
    assert_eq!(state(&bench), before);
}

#[test]
fn of_records_that_a_killed_run_was_making_only_those_it_is_known_to_have_made_are_deleted() {
    let bench = bench_of("latency: { median: 30ms, sigma: 0.3 }");
    bench.write("new.csv", contacts(1..=3_000, "Eve", "Acme"));
    let mut running = loading(&bench, "new.csv", &["--pre-images"]).start();
    running.wait_while_running("some contacts are made", || {
        bench.counters().requests.bulk >= 4
    });
    running.kill();
    let first = undo(&bench, &["--yes"]).json();
    let left = count(&first, "not_sure");
    assert_eq!(state(&bench).len() as u64, left);
    let rows = read_rows(&bench.run_directory().join("undo/conflicts.csv"));
    assert_eq!(rows.len() as u64, left);
    assert_eq!(first["exit_code"], u64::from(left > 0));

    bench.sluice(&["resume", "--yes"]).run().expect_code(0);
    assert!(bench.ledger().made.values().all(|times| *times == 1));
    undo(&bench, &["--yes"]).expect_code(0);
    assert_eq!(state(&bench), BTreeMap::new());
}

#[test]
fn rows_of_one_key_are_undone_together() {
    let bench = bench_of(QUICK);
    bench.write("first.csv", contacts(1..=1, "Ada", ""));
    loading(&bench, "first.csv", &["--run-dir", "first"])
        .run()
        .expect_code(0);
    let before = state(&bench);
    let twice = contacts([1, 2], "Eve", "Acme")
        + "c-1,Mia,p.1@example.com,Other\n\
        c-2,Mia,p.2@example.com,Other\n";
    bench.write("twice.csv", twice);
    loading(&bench, "twice.csv", &["--pre-images"])
        .run()
        .expect_code(0);
    let done = undo(&bench, &["--yes"]).expect_code(0).json();
    assert_eq!((count(&done, "read"), count(&done, "undone")), (2, 2));
    assert_eq!(state(&bench), before);
}

#[test]
fn what_the_connector_can_not_delete_is_listed_and_left() {
    let bench = bench_of(QUICK);
    let text = connector().replace(", delete: delete}", "}");
    let (operations, rest) = text.split_once("  # For `sluice undo`").expect("there");
    let (_, upserts) = rest.split_once("\nupserts:").expect("there");
    bench.write("connector.yaml", format!("{operations}\nupserts:{upserts}"));
    changed_and_made(&bench);
    let done = undo(&bench, &["--yes"]).expect_code(1).json();
    assert_eq!(
        (count(&done, "undone"), count(&done, "cant_delete")),
        (20, 20)
    );
    assert_eq!(bench.counters().requests.delete, 0);
    // Each with the platform's own id, for whoever deletes it there.
    let listed = fs::read_to_string(done["conflicts"].as_str().expect("a file")).expect("kept");
    for record in bench.records().iter().filter(|record| {
        let key = record["externalId"].as_str().unwrap_or_default();
        key.trim_start_matches("c-")
            .parse::<u64>()
            .is_ok_and(|number| number > 40)
    }) {
        let id = record["id"].as_str().expect("an id");
        let told = format!("the run made the record {id}, and");
        assert!(listed.contains(&told), "{told} isn't in {listed}");
    }
}

#[test]
fn what_the_run_is_not_known_to_have_made_is_listed_and_left() {
    let bench = bench_of(QUICK);
    // The replies don't tell which record is ours.
    let told = "      status: /status\n      id: /id\n";
    let text = connector();
    assert!(text.contains(told));
    bench.write(
        "connector.yaml",
        text.replace(told, "      status: /status\n"),
    );
    changed_and_made(&bench);
    let done = undo(&bench, &["--yes"]).expect_code(1).json();
    assert_eq!((count(&done, "undone"), count(&done, "not_sure")), (20, 20));
    assert_eq!(bench.counters().requests.delete, 0);
}

#[test]
fn plain_patches_are_looked_up_first_and_put_back() {
    let bench = Bench::new("contacts: { missing: 0.1 }");
    let differ_from_theirs = || {
        let books = ["verify", "--run-dir", "theirs", "--output", "json"];
        let result = bench.sluice(&books).run().expect_code(1).json();
        result["rows"]["different"].as_u64().expect("a count")
    };
    // What is there differs from what the run will write.
    bench.write("theirs.csv", numbered_csv(50).replace("person", "other"));
    bench.run("theirs.csv", &["--run-dir", "theirs"]).run();
    bench.write("contacts.csv", numbered_csv(50));
    let patched = bench.counters().requests.patch;
    let counts = bench
        .run("contacts.csv", &["--pre-images", "--output", "json"])
        .run()
        .expect_code(1)
        .json()["counts"]
        .clone();
    let updated = counts["updated"].as_u64().expect("a count");
    assert_eq!(
        counts["rejected"].as_u64().map(|missing| missing + updated),
        Some(50)
    );
    // What isn't there is not written.
    assert_eq!(bench.counters().requests.patch - patched, updated);
    assert_eq!(differ_from_theirs(), updated);
    let done = undo(&bench, &["--yes"]).expect_code(0).json();
    assert_eq!(count(&done, "undone"), updated);
    assert_eq!(differ_from_theirs(), 0);
}

#[test]
fn what_can_not_be_undone_is_told_before_anything_is_sent() {
    let bench = bench_of(QUICK);
    bench.write("first.csv", contacts(1..=3, "Ada", ""));
    loading(&bench, "first.csv", &[]).run().expect_code(0);
    undo(&bench, &["--yes"])
        .expect_code(2)
        .expect_stderr(&["has no pre-images", "pre_images: true"]);

    let blind = fixture("connectors").join("create-contacts-blind.yaml");
    bench.write("connector.yaml", fs::read(blind).expect("readable"));
    let sent = bench.counters().requests;
    loading(&bench, "first.csv", &["--pre-images"])
        .run()
        .expect_code(2)
        .expect_stderr(&["pre-images can't be kept", "look_up"]);
    assert_eq!(bench.counters().requests, sent);
    let replaces = connector().replace("body: {merge: true, drop: [/id, /externalId]}", "");
    bench.write("connector.yaml", replaces);
    loading(&bench, "first.csv", &["--pre-images"])
        .run()
        .expect_code(2)
        .expect_stderr(&["replaces the whole record", "merge: true"]);
}
