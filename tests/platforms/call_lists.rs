//! Call lists of CXone: rows go up as files, and each upload is a job.

use std::fmt::Write;

use serde_json::json;

use super::support::Sluice;
use super::{Bench, bench_of, counts, kept};

const ROWS: u64 = 900;

fn numbers(rows: u64) -> String {
    let mut text = String::from("externalId,Phone,First Name,Note\n");
    for number in 1..=rows {
        writeln!(
            text,
            "e-{number},+4930123{number:04},Ann,\"said \"\"hello, {number}\"\"\""
        )
        .expect("writing to memory doesn't fail");
    }
    text
}

/// The connector with fewer rows in an upload, which is asked about every second.
fn quick(bench: &Bench, rows: u64) {
    let text = std::fs::read_to_string("src/connector/builtin/cxone.yaml").expect("built in");
    for usual in ["batch: 10000", "every: 5s"] {
        assert!(text.contains(usual), "{usual}");
    }
    let text = text.replace("batch: 10000", &format!("batch: {rows}"));
    bench.write("quick.yaml", text.replace("every: 5s", "every: 1s"));
}

fn with_key(command: Sluice) -> Sluice {
    command
        .environment("SLUICE_USERNAME", "demo-key")
        .environment("SLUICE_PASSWORD", "demo-key-secret")
}

fn loading(bench: &Bench) -> Sluice {
    let flags = [
        "--operation",
        "call_list",
        "--set",
        "call_list=77",
        "--set",
        "skill=4",
        "--output",
        "json",
    ];
    with_key(bench.run("numbers.csv", &flags))
}

#[test]
fn rows_go_up_as_jobs_and_are_done_where_the_list_has_no_invalid_record() {
    let bench = bench_of(
        "quick.yaml",
        "api: cxone\ntoken: { lifetime: 2s }\nlimits: [{ kind: token_bucket, rate: 5, burst: 3 }]\n\
         faults: [{ kind: server_error, ratio: 0.2, status: 503 }, { kind: close_before, ratio: 0.1 }]\n",
    );
    quick(&bench, 300);
    bench.write("numbers.csv", numbers(ROWS));
    let ended = loading(&bench).run();
    let told = counts(&ended);
    let (created, unknown) = (&told["created"], &told["unknown"]);
    // A connection that broke under an upload leaves a doubt, and nothing is sent twice.
    let sum = created.as_u64().unwrap_or(0) + unknown.as_u64().unwrap_or(0);
    assert_eq!(sum, ROWS, "{told}");
    assert!(bench.ledger().made.values().all(|made| *made == 1));
    for record in bench.records() {
        let key = record["externalId"].as_str().expect("a key");
        let number = key.trim_start_matches("e-");
        assert_eq!(record["Note"], json!(format!("said \"hello, {number}\"")));
    }
    assert_eq!(bench.counters().undercuts, 0);
}

#[test]
fn a_list_that_counts_invalid_records_leaves_its_job_s_rows_unknown() {
    let bench = bench_of("quick.yaml", "api: cxone\ncontacts: { invalid: 0.02 }\n");
    quick(&bench, 1_000);
    let long = format!("e-long,+4930,{},x\n", "n".repeat(600));
    bench.write("numbers.csv", numbers(200) + &long);
    let ended = loading(&bench).run().expect_code(7);
    let told = counts(&ended);
    // The row that no list takes is found by halving.
    assert_eq!(
        (&told["unknown"], &told["rejected"]),
        (&json!(200), &json!(1))
    );
    let unknown = std::fs::read_to_string(bench.run_directory().join("unknown.csv")).expect("kept");
    assert!(
        unknown.contains("doesn't say which of its records failed"),
        "{unknown}"
    );
    assert!(bench.ledger().made.values().all(|made| *made == 1));
}

#[test]
fn a_job_that_took_too_long_is_asked_about_again_by_a_retry() {
    let bench = bench_of("quick.yaml", "api: cxone\nbatches: { job_time: 5s }\n");
    quick(&bench, 300);
    let text = std::fs::read_to_string(bench.folder().join("quick.yaml")).expect("written");
    assert!(text.contains("at_most: 2h"));
    bench.write("quick.yaml", text.replace("at_most: 2h", "at_most: 2s"));
    bench.write("numbers.csv", numbers(ROWS));
    let ended = loading(&bench).run().expect_code(7);
    assert_eq!(counts(&ended)["unknown"], json!(ROWS));
    let ended = ended.expect_stderr(&["sluice retry --unknown"]);
    drop(ended);
    let mut retries = 0;
    let told = loop {
        let retry = bench.sluice(&["retry", "--unknown", "--output", "json"]);
        let ended = with_key(retry).run();
        let told = counts(&ended);
        retries += 1;
        if told["unknown"] == json!(0) || retries == 5 {
            break told;
        }
    };
    assert_eq!(told["created"], json!(ROWS), "{retries} retries");
    assert!(bench.ledger().made.values().all(|made| *made == 1));
}

#[test]
fn a_load_that_is_killed_while_it_waits_asks_about_its_job_and_uploads_nothing_twice() {
    let bench = bench_of("quick.yaml", "api: cxone\nbatches: { job_time: 4s }\n");
    quick(&bench, 300);
    bench.write("numbers.csv", numbers(ROWS));
    let mut run = loading(&bench).start();
    run.wait_while_running("all uploads were taken in, and one was asked about", || {
        bench.ledger().made.len() as u64 == ROWS && bench.counters().requests.upload > 3
    });
    run.kill();
    let ended = with_key(bench.sluice(&["resume", "--output", "json"])).run();
    assert_eq!(counts(&ended.expect_code(0))["created"], json!(ROWS));
    assert!(bench.ledger().made.values().all(|made| *made == 1));
    assert_eq!(kept(&bench, "/externalId").len() as u64, ROWS);
}
