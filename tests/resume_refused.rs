//! What `sluice resume` refuses: an input, a mapping or a connector that isn't
//! what the run was started with, and a run that another process works on.

mod support;

use std::fs::{self, OpenOptions};
use std::path::Path;

use support::{Bench, numbered_csv};

/// Slow enough that a run can be ended in its middle.
const CONCURRENCY: &str = "8";

/// A run of 400 contacts that was killed in its middle.
fn killed_run() -> Bench {
    let bench = Bench::new("latency: { median: 16ms }");
    bench.write("contacts.csv", numbered_csv(400));
    let mut running = bench
        .run("contacts.csv", &["--concurrency", CONCURRENCY])
        .start();
    running.wait_while_running("some rows are applied", || bench.counters().applied >= 50);
    running.kill();
    bench
}

/// Refused with exit code 2, naming the culprit, and without a request.
#[track_caller]
fn assert_refused(bench: &Bench, what: &str, path: &Path) {
    let before = bench.counters().requests;
    let name = path.file_name().expect("a name").to_string_lossy();
    let message = format!("the {what} has changed");
    bench
        .resume()
        .expect_code(2)
        .expect_stderr(&[&message, &name]);
    assert_eq!(bench.counters().requests, before, "nothing was asked");
}

#[test]
fn a_changed_input_is_refused() {
    let bench = killed_run();
    let text = numbered_csv(400);
    let input = bench.write("contacts.csv", text.replace("Name 3,", "Nome 3,"));
    assert_refused(&bench, "input", &input);
    let longer = format!("{text}c-401,One more,more@example.com,110\n");
    bench.write("contacts.csv", longer);
    assert_refused(&bench, "input", &input);
    bench.write("contacts.csv", &text[..text.len() / 2]);
    assert_refused(&bench, "input", &input);
}

#[test]
fn an_input_put_back_as_it_was_is_taken_again() {
    let bench = Bench::new("latency: { median: 16ms }");
    bench.write("contacts.csv", numbered_csv(600));
    let mut running = bench
        .run("contacts.csv", &["--concurrency", CONCURRENCY])
        .start();
    running.wait_while_running("all rows of the input are counted", || {
        let status = bench.bare(&["status", "--output", "json"]).run();
        status.code == Some(0) && status.json()["counted"] == true
    });
    running.kill();
    bench.write("contacts.csv", "something else");
    bench.resume().expect_code(2);
    bench.write("contacts.csv", numbered_csv(600));
    bench.resume().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 600);
}

#[test]
fn an_input_that_is_gone_is_told() {
    let bench = killed_run();
    fs::remove_file(bench.folder().join("contacts.csv")).expect("removed");
    bench
        .resume()
        .expect_code(2)
        .expect_stderr(&["contacts.csv"]);
}

const JOB: &str = "\
source: {csv: contacts.csv}
target: {connector: cxone-contacts}
map:
  contactId: contactId
  firstName: {from: firstName, trim: true}
";

#[test]
fn a_changed_mapping_is_refused_and_a_changed_comment_is_not() {
    let bench = Bench::new("latency: { median: 16ms }");
    bench.write("contacts.csv", numbered_csv(400));
    let job = bench.write("job.yaml", JOB);
    let base_url = format!("base_url={}", bench.base_url());
    let flags = ["run", "job.yaml", "--set", &base_url];
    let mut running = bench
        .sluice(&flags)
        .arguments(["--concurrency", CONCURRENCY])
        .start();
    running.wait_while_running("some rows are applied", || bench.counters().applied >= 50);
    running.kill();
    bench.write("job.yaml", JOB.replace("trim: true", "lowercase: true"));
    assert_refused(&bench, "mapping", &job);
    bench.write("job.yaml", format!("# A remark changes no row.\n{JOB}"));
    bench.resume().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 400);
}

#[test]
fn a_changed_connector_is_refused() {
    let bench = Bench::new("latency: { median: 16ms }");
    bench.write("contacts.csv", numbered_csv(400));
    let shown = bench.bare(&["connectors", "show", "cxone-contacts"]).run();
    let connector = bench.write("mine.yaml", &shown.stdout);
    let base_url = format!("base_url={}", bench.base_url());
    let flags = ["--to", "mine.yaml", "--set", &base_url];
    let mut running = bench
        .sluice(&["run", "contacts.csv"])
        .arguments(flags)
        .arguments(["--concurrency", CONCURRENCY])
        .start();
    running.wait_while_running("some rows are applied", || bench.counters().applied >= 50);
    running.kill();
    let changed = shown.stdout.replace("timeout: 60s", "timeout: 59s");
    assert_ne!(changed, shown.stdout);
    bench.write("mine.yaml", changed);
    assert_refused(&bench, "connector", &connector);
    bench.write("mine.yaml", &shown.stdout);
    bench.resume().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 400);
}

#[test]
fn a_second_process_on_a_run_is_refused_and_the_first_goes_on() {
    let bench = Bench::new("latency: { median: 16ms }");
    bench.write("contacts.csv", numbered_csv(800));
    let mut first = bench
        .run("contacts.csv", &["--concurrency", CONCURRENCY])
        .start();
    first.wait_while_running("some rows are applied", || bench.counters().applied >= 50);
    bench
        .resume()
        .expect_code(2)
        .expect_stderr(&["another process is working on run"]);
    let status = bench.bare(&["status", "--output", "json"]).run();
    assert_eq!(status.expect_code(0).json()["state"], "running");
    first.wait().expect_code(0);
    assert_eq!(bench.counters().applied, 800);
    assert_eq!(bench.books().count("updated"), 800);
}

/// Refused with this code and these words, without a request; the run's
/// directory stays as it was.
#[track_caller]
fn assert_journal_refused(bench: &Bench, code: i32, words: &[&str]) {
    let before = bench.counters().requests;
    bench.resume().expect_code(code).expect_stderr(words);
    bench.sluice(&["retry"]).run().expect_code(code);
    bench.bare(&["status"]).run().expect_code(code);
    assert_eq!(bench.counters().requests, before, "nothing was asked");
}

#[test]
fn a_journal_that_is_torn_is_refused_and_nothing_is_sent() {
    let bench = killed_run();
    let journal = bench.run_directory().join("journal.db");
    let whole = fs::read(&journal).expect("readable");
    let log = bench.run_directory().join("journal.db-wal");
    let whole_log = fs::read(&log).expect("readable");
    // Without its log, and with a page cut in its middle.
    fs::remove_file(&log).expect("removed");
    let file = OpenOptions::new().write(true).open(&journal);
    let file = file.expect("opened");
    file.set_len(whole.len() as u64 / 2 + 100).expect("cut");
    assert_journal_refused(
        &bench,
        4,
        &["journal.db", "damaged", "Put back a good copy"],
    );
    fs::write(&journal, whole).expect("written");
    fs::write(&log, whole_log).expect("written");
    bench.resume().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 400);
}

#[test]
fn a_journal_of_a_newer_version_is_refused_and_nothing_is_sent() {
    let bench = killed_run();
    let path = bench.run_directory().join("journal.db");
    let set_version = |version: i64| {
        let journal = rusqlite::Connection::open(&path).expect("opened");
        let set = journal.pragma_update(None, "user_version", version);
        set.expect("set");
    };
    let journal = rusqlite::Connection::open(&path).expect("opened");
    let version = journal.pragma_query_value(None, "user_version", |row| row.get(0));
    let version: i64 = version.expect("a version");
    drop(journal);
    set_version(version + 1);
    assert_journal_refused(&bench, 2, &["journal.db", "newer version of sluice"]);
    set_version(version);
    bench.resume().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 400);
}
