//! The promise about runs that something has overtaken: nothing goes on with one
//! unasked where that would put old values over newer ones, or finish half of
//! what was taken back; and what has to be told to go on, is told.

mod support;

use std::fs;

use support::{Bench, CLIENT_ID, CLIENT_SECRET, Sluice, fixture, numbered_csv};

const CONTACTS: u64 = 300;

/// A platform with numbered contacts, and a job that moves them to `to`.
fn source(to: &Bench) -> Bench {
    let from = Bench::new(&format!(
        "contacts: {{existing: {{numbered: {{prefix: c-, count: {CONTACTS}}}}}}}"
    ));
    let connector = fixture("connectors").join("upsert-by-look-up.yaml");
    to.write("target.yaml", fs::read(connector).expect("a connector"));
    to.write(
        "job.yaml",
        format!(
            "job: move\n\
             source: {{connector: cxone-contacts, stream: contacts, base_url: {}}}\n\
             target: {{connector: target.yaml, base_url: {}}}\n\
             map:\n  externalId: contactId\n  firstName: firstName\n",
            from.base_url(),
            to.base_url()
        ),
    );
    from
}

fn sluice(bench: &Bench, arguments: &[&str]) -> Sluice {
    bench
        .sluice(arguments)
        .environment("SLUICE_SOURCE_CLIENT_ID", CLIENT_ID)
        .environment("SLUICE_SOURCE_CLIENT_SECRET", CLIENT_SECRET)
}

/// Gives a contact this first name, in a run whose books lie elsewhere.
fn rename(bench: &Bench, column: &str, id: &str, name: &str, connector: &str) {
    bench.write("renamed.csv", format!("{column},firstName\n{id},{name}\n"));
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = ["run", "renamed.csv", "--to", connector, "--set", &base_url];
    bench
        .sluice(&arguments)
        .arguments(["--run-dir", "elsewhere"])
        .run()
        .expect_code(0);
}

fn name_of(bench: &Bench, id: &str) -> String {
    let records = bench.records();
    let found = records.iter().find(|record| record["externalId"] == id);
    let found = found.unwrap_or_else(|| panic!("there is no {id}"));
    found["firstName"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_older_run_of_a_stream_is_not_gone_on_with_over_a_newer_one() {
    let to = Bench::new("latency: { median: 8ms, sigma: 0.2 }");
    let from = source(&to);
    let flags = [
        "run",
        "job.yaml",
        "--concurrency",
        "2",
        "--max-duration",
        "400ms",
    ];
    sluice(&to, &flags).run().expect_code(6);
    let older = to.runs().remove(0).display().to_string();
    rename(&from, "contactId", "c-290", "Newer", "cxone-contacts");
    sluice(&to, &["run", "job.yaml"]).run().expect_code(0);
    assert_eq!(name_of(&to, "c-290"), "Newer");

    let before = to.counters().requests;
    for command in ["resume", "retry"] {
        sluice(&to, &[command, &older])
            .run()
            .expect_code(2)
            .expect_stderr(&["has been overtaken", "was started later", "--yes"]);
    }
    assert_eq!(to.counters().requests, before, "nothing was asked");
    assert_eq!(name_of(&to, "c-290"), "Newer");
    to.bare(&["status", &older])
        .run()
        .expect_code(0)
        .expect_stdout(&["overtaken", "--yes"]);
    to.bare(&["runs"])
        .run()
        .expect_code(0)
        .expect_stdout(&["overtaken by a later run"]);
    sluice(&to, &["resume", &older, "--yes"])
        .run()
        .expect_code(0);
}

#[test]
fn what_agents_have_changed_since_the_last_run_is_not_taken_back() {
    let to = Bench::new("{}");
    let from = source(&to);
    let run = || {
        sluice(
            &to,
            &["run", "job.yaml", "--since", "last", "--output", "json"],
        )
        .run()
        .expect_code(0)
        .json()["counts"]
            .clone()
    };
    run();
    for id in ["c-7", "c-8"] {
        rename(&from, "contactId", id, "Source", "cxone-contacts");
    }
    let counts = run();
    assert_eq!(counts["updated"], 2, "{counts}");
    rename(&to, "externalId", "c-7", "Agent", "target.yaml");
    rename(&from, "contactId", "c-8", "Again", "cxone-contacts");
    let counts = run();
    assert_eq!(name_of(&to, "c-7"), "Agent");
    assert_eq!(name_of(&to, "c-8"), "Again");
    assert_eq!(counts["updated"], 1, "{counts}");
    // Another run later it is still so.
    assert_eq!(run()["updated"], 0);
    assert_eq!(name_of(&to, "c-7"), "Agent");
}

#[test]
fn a_row_that_was_refused_comes_again_with_the_next_run() {
    let to = Bench::new("{}");
    let from = source(&to);
    let text = fs::read_to_string(to.folder().join("job.yaml")).expect("a job");
    let job = text.replace(
        "firstName: firstName",
        "firstName: {from: firstName, max_length: 9}",
    );
    to.write("job.yaml", job);
    let run = |code| {
        sluice(
            &to,
            &["run", "job.yaml", "--since", "last", "--output", "json"],
        )
        .run()
        .expect_code(code)
        .json()["counts"]
            .clone()
    };
    rename(&from, "contactId", "c-7", "Much too long", "cxone-contacts");
    let first = run(1);
    assert_eq!(first["rejected"], 1, "{first}");
    assert_eq!(run(1)["rejected"], 1, "it isn't forgotten");
}

#[test]
fn after_an_undo_nothing_goes_on_with_the_run() {
    let bench = Bench::new("latency: { median: 8ms, sigma: 0.2 }");
    let connector = fixture("connectors").join("upsert-by-look-up.yaml");
    bench.write("target.yaml", fs::read(connector).expect("a connector"));
    let text = numbered_csv(200).replacen("contactId", "externalId", 1);
    bench.write("contacts.csv", &text);
    let base_url = format!("base_url={}", bench.base_url());
    let load = [
        "run",
        "contacts.csv",
        "--to",
        "target.yaml",
        "--set",
        &base_url,
    ];
    let first = bench.sluice(&load).arguments(["--run-dir", "elsewhere"]);
    first.run().expect_code(0);
    bench.write("contacts.csv", text.replace("Name ", "Nome "));
    let flags = [
        "--pre-images",
        "--concurrency",
        "2",
        "--max-duration",
        "600ms",
    ];
    bench.sluice(&load).arguments(flags).run().expect_code(6);
    let run = bench.run_directory().display().to_string();
    bench.sluice(&["undo", &run, "--yes"]).run().expect_code(0);
    let put = bench.counters().requests.put;
    bench
        .sluice(&["resume"])
        .run()
        .expect_code(2)
        .expect_stderr(&["it was undone", "sluice run", "--yes"]);
    assert_eq!(bench.counters().requests.put, put);
    bench
        .bare(&["status"])
        .run()
        .expect_code(0)
        .expect_stdout(&["undone 20", "it has been overtaken"]);
}

#[test]
fn where_the_error_budget_is_used_up_the_command_that_is_told_goes_on() {
    let bench = Bench::new("contacts: { missing: 0.3 }");
    bench.write("contacts.csv", numbered_csv(80));
    let flags = ["--max-errors", "3", "--concurrency", "1"];
    let ended = bench.run("contacts.csv", &flags).run().expect_code(3);
    let told = |text: &str| -> Vec<String> {
        let line = text
            .lines()
            .find_map(|line| line.split_once("to go on: sluice "));
        let (_, command) = line.unwrap_or_else(|| panic!("no command in {text}"));
        command.split_whitespace().map(ToOwned::to_owned).collect()
    };
    let mut command = told(&ended.stderr);
    assert_eq!(told(&bench.bare(&["status"]).run().stdout), command);
    bench
        .sluice(&["retry"])
        .run()
        .expect_code(2)
        .expect_stderr(&["isn't finished", &command.join(" ")]);
    for _ in 0..10 {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let before = bench.counters().accepted;
        let ended = bench.sluice(&words).run();
        assert!(bench.counters().accepted > before + 1, "it went on");
        if ended.code == Some(1) {
            return;
        }
        command = told(&ended.expect_code(3).stderr);
    }
    panic!("it never came to its end");
}

#[test]
fn a_second_signal_says_how_to_go_on_with_what_was_stopped() {
    let bench = Bench::new("latency: { median: 3s, sigma: 0.01 }");
    bench.write("contacts.csv", numbered_csv(40));
    let flags = ["--concurrency", "40"];
    bench.run("contacts.csv", &flags).run().expect_code(0);
    let run = bench.run_directory().display().to_string();
    let before = bench.counters().requests.get;
    let verify = ["verify", &run, "--concurrency", "4", "--sample", "20"];
    let mut running = bench.sluice(&verify).start();
    running.wait_while_running("rows are looked up", || {
        bench.counters().requests.get > before
    });
    running.signal("INT");
    let mut running = running;
    while !running.has_ended() {
        running.signal("INT");
    }
    let ended = running.wait().expect_code(130);
    let command = format!("to go on: sluice verify {run} --sample 20");
    ended.expect_stderr(&["stopped at once", &command]);
}
