//! The promise of `idmap.csv`: for every record that a load made, the source's
//! key and the tenant's own id of it, once, whatever happened on the way.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use support::{Bench, Running, fixture};

/// A tenant with an input of so many new contacts, `c-1`, `c-2` and so on, and
/// a connector of the fixtures whose look-ups are believed sooner.
fn bench_of(connector: &str, scenario: &str, rows: u64) -> Bench {
    let bench = Bench::new(scenario);
    let text = fs::read_to_string(fixture("connectors").join(connector)).expect("a connector");
    let text = text.replace("believed_after: 5s", "believed_after: 1s");
    bench.write("connector.yaml", text);
    let mut input = String::from("externalId,firstName\n");
    for number in 1..=rows {
        writeln!(input, "c-{number},Name {number}").expect("writing to memory doesn't fail");
    }
    bench.write("new.csv", input);
    bench
}

fn start(bench: &Bench, concurrency: &str) -> Running {
    let base_url = format!("base_url={}", bench.base_url());
    let load = ["run", "new.csv", "--to", "connector.yaml"];
    bench
        .sluice(&load)
        .arguments(["--set", &base_url, "--concurrency", concurrency])
        .start()
}

/// The pairs of the only run, in the file's order.
#[track_caller]
fn id_map(bench: &Bench) -> Vec<(String, String)> {
    let path = bench.run_directory().join("idmap.csv");
    let text = fs::read_to_string(path).expect("a run that made records has the file");
    let lines = text.strip_prefix("source_key,target_id\n");
    let pairs = lines.expect("a first line").lines().map(|line| {
        let (key, id) = line.split_once(',').expect("two columns");
        (key.to_owned(), id.to_owned())
    });
    pairs.collect()
}

/// The keys that the tenant refused.
fn refused_keys(bench: &Bench) -> BTreeSet<String> {
    let books = bench.books();
    let keys = books.rejected.iter().map(|row| row.get("externalId"));
    keys.map(str::to_owned).collect()
}

/// This tenant numbers its records; each of `rows` keys has one of its own.
#[track_caller]
fn assert_complete(bench: &Bench, rows: u64) {
    let pairs = id_map(bench);
    let keys: Vec<String> = pairs.iter().map(|(key, _)| key.clone()).collect();
    let in_order: Vec<String> = (1..=rows).map(|number| format!("c-{number}")).collect();
    assert_eq!(keys, in_order, "the keys, in the source's order");
    let ids: BTreeSet<String> = pairs.into_iter().map(|(_, id)| id).collect();
    let expected: BTreeSet<String> = (1..=rows).map(|number| format!("r{number:08}")).collect();
    assert_eq!(ids, expected);
}

#[test]
fn each_key_stands_with_the_id_that_the_tenant_gave_its_record() {
    let bench = bench_of("create-contacts.yaml", "{}", 50);
    let ended = start(&bench, "1").wait().expect_code(0);
    ended.expect_stdout(&["idmap.csv"]);
    // One at a time, so that they are numbered in the input's order.
    let expected: Vec<(String, String)> = (1..=50)
        .map(|number| (format!("c-{number}"), format!("r{number:08}")))
        .collect();
    assert_eq!(id_map(&bench), expected);
}

#[test]
fn kills_and_lost_answers_leave_no_id_out() {
    let bench = bench_of(
        "create-contacts.yaml",
        "{ latency: { median: 12ms, sigma: 0.3 },
           faults: [ { kind: close_after, ratio: 0.03 }, { kind: close_before, ratio: 0.01 } ] }",
        1_200,
    );
    let mut running = start(&bench, "8");
    for moment in [300, 800] {
        running.wait_while_running("the next moment to kill has come", || {
            bench.counters().requests.create >= moment
        });
        running.kill();
        running = bench.sluice(&["resume", "--concurrency", "8"]).start();
    }
    running.wait().expect_code(0);
    assert_complete(&bench, 1_200);
}

#[test]
fn results_of_batches_tell_ids_too_and_a_retry_adds_its_own() {
    // Some contacts' keys are refused.
    let bench = bench_of(
        "batch-create.yaml",
        "{ contacts: { invalid: 0.1 }, latency: { median: 5ms, sigma: 0.2 } }",
        600,
    );
    start(&bench, "4").wait().expect_code(1);
    let mapped = || -> BTreeSet<String> { id_map(&bench).into_iter().map(|pair| pair.0).collect() };
    let (first, refused) = (mapped(), refused_keys(&bench));
    assert!((10..300).contains(&refused.len()), "{}", refused.len());
    assert!(first.is_disjoint(&refused));
    assert_eq!(first.len() + refused.len(), 600);

    let book = bench.run_directory().join("rejected.csv");
    let text = fs::read_to_string(&book).expect("readable");
    fs::write(&book, text.replace("c-", "mended-")).expect("written");
    let _ = bench.sluice(&["retry", "--concurrency", "4"]).run();
    let (both, still_refused) = (mapped(), refused_keys(&bench));
    assert!(both.is_superset(&first) && both.is_disjoint(&still_refused));
    assert_eq!(both.len() + still_refused.len(), 600);
    assert!(both.iter().any(|key| key.starts_with("mended-")));
}

#[test]
fn a_key_that_is_written_twice_stands_once() {
    let bench = bench_of("upsert-contacts.yaml", "{}", 3);
    bench.write(
        "new.csv",
        "externalId,firstName\na,1\n\"b,\"\"c\",1\na,2\na,3\n",
    );
    start(&bench, "4").wait().expect_code(0);
    let path = bench.run_directory().join("idmap.csv");
    let text = fs::read_to_string(path).expect("readable");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].starts_with("a,r0000000"), "{text}");
    assert!(lines[2].starts_with("\"b,\"\"c\",r0000000"), "{text}");
}

#[test]
fn a_connector_that_names_no_id_has_no_such_file() {
    let bench = Bench::new("{}");
    bench.write("in.csv", "contactId,firstName\nc1,Ada\n");
    bench.run("in.csv", &[]).run().expect_code(0);
    assert!(!bench.run_directory().join("idmap.csv").exists());
}
