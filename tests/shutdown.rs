//! The promise of an orderly end: Ctrl-C, SIGTERM and the end of the allowed
//! time drain what is under way, save, and print the command that goes on.

mod support;

use std::time::Duration;

use support::{Bench, Books, Ended, Running, assert_accounted, numbered_csv};

const ROWS: u64 = 1_500;

fn bench() -> Bench {
    let bench = Bench::new("latency: { median: 40ms, sigma: 0.5 }");
    bench.write("contacts.csv", numbered_csv(ROWS));
    bench
}

fn start(bench: &Bench, flags: &[&str]) -> Running {
    bench
        .run("contacts.csv", &["--concurrency", "16"])
        .arguments(flags)
        .start()
}

/// What was under way was finished: the tenant applied what the journal has,
/// and nothing else.
#[track_caller]
fn assert_nothing_lost_in_flight(bench: &Bench, books: &Books) {
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.count("read"), ROWS, "every row of a file is counted");
    let ledger = bench.ledger();
    assert_eq!(ledger.counters.applied, books.count("updated"));
    assert_eq!(ledger.counters.requests.patch, books.requests("sent"));
    assert_eq!(books.requests("failed"), 0);
    let status = bench.bare(&["status", "--output", "json"]).run();
    let status = status.expect_code(0).json();
    assert_eq!(
        status["counts"]["updated"],
        books.summary["counts"]["updated"]
    );
    assert_eq!(status["state"], "unfinished");
}

/// The words that stderr offers after `to go on: `, run as they stand.
#[track_caller]
fn run_the_printed_command(bench: &Bench, ended: &Ended) -> Ended {
    let line = ended
        .stderr
        .lines()
        .find_map(|line| line.split_once("to go on: sluice "))
        .unwrap_or_else(|| panic!("no command is printed:\n{}", ended.stderr))
        .1;
    let words: Vec<&str> = line.split_whitespace().collect();
    bench.sluice(&words).run()
}

fn a_signal_drains_and_the_run_goes_on(signal: &str) {
    let bench = bench();
    let mut running = start(&bench, &[]);
    running.wait_while_running("the load is under way", || bench.counters().applied >= 150);
    running.signal(signal);
    let ended = running.wait().expect_code(5);
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    let books = bench.books();
    assert_nothing_lost_in_flight(&bench, &books);
    assert!(books.count("not_reached") > 0 && books.count("updated") >= 150);
    assert_eq!(books.summary["state"], "interrupted");
    assert_eq!(books.summary["exit_code"], 5);

    run_the_printed_command(&bench, &ended).expect_code(0);
    let counters = bench.counters();
    assert_eq!(counters.contacts_written, ROWS, "all rows are done");
    assert_eq!(counters.contacts_written_again, 0, "none was sent twice");
    let books = bench.books();
    assert_eq!((books.count("read"), books.count("updated")), (ROWS, ROWS));
    assert_eq!(books.summary["state"], "finished");
    assert_eq!(books.summary["legs"], 2);
}

#[test]
fn ctrl_c_drains_ends_with_5_and_the_printed_command_goes_on() {
    a_signal_drains_and_the_run_goes_on("INT");
}

#[test]
fn sigterm_does_the_same() {
    a_signal_drains_and_the_run_goes_on("TERM");
}

#[test]
fn a_lost_terminal_does_the_same() {
    a_signal_drains_and_the_run_goes_on("HUP");
}

#[test]
fn the_summary_of_an_interrupted_run_is_printed_as_json_too() {
    let bench = bench();
    let mut running = start(&bench, &["--output", "json"]);
    running.wait_while_running("the load is under way", || bench.counters().applied >= 50);
    running.signal("INT");
    let ended = running.wait().expect_code(5);
    assert_eq!(ended.json(), bench.books().summary);
}

#[test]
fn the_second_signal_stops_at_once_with_130_and_resume_finishes() {
    // Answers take so long that the drain can't be over between the signals.
    let bench = Bench::new("latency: { median: 4s }");
    bench.write("contacts.csv", numbered_csv(12));
    let mut running = bench.run("contacts.csv", &["--concurrency", "6"]).start();
    running.wait_while_running("requests are under way", || {
        bench.counters().requests.patch >= 6
    });
    running.signal("INT");
    let words = "finishing what is under way";
    let mut said = String::new();
    running.wait_while_running("the drain is told", || bench.counters().applied == 0);
    support::wait_until("the drain is told", || {
        said = running.stderr();
        said.contains(words)
    });
    running.signal("INT");
    let ended = running.wait().expect_code(130);
    ended.expect_stderr(&["resume"]);
    assert_eq!(
        bench.counters().applied,
        0,
        "it did not wait for the answers"
    );
    bench
        .sluice(&["resume", "--concurrency", "12"])
        .run()
        .expect_code(0);
    assert_eq!(bench.counters().contacts_written, 12);
    assert_eq!(bench.books().count("updated"), 12);
}

#[test]
fn the_end_of_the_allowed_time_is_6_and_resume_finishes() {
    let bench = bench();
    let running = start(&bench, &["--max-duration", "1s"]);
    let ended = running.wait().expect_code(6);
    assert!(ended.took >= Duration::from_secs(1), "{:?}", ended.took);
    let books = bench.books();
    assert_nothing_lost_in_flight(&bench, &books);
    assert_eq!(books.summary["state"], "paused");
    assert!(books.count("not_reached") > 0);
    run_the_printed_command(&bench, &ended).expect_code(0);
    let counters = bench.counters();
    assert_eq!(counters.contacts_written, ROWS);
    assert_eq!(counters.contacts_written_again, 0);
}

#[test]
fn ctrl_c_during_a_pause_of_the_tenant_does_not_wait_for_its_end() {
    // After ten requests the tenant wants 10 minutes of silence.
    let bench = Bench::new("limits: [{ kind: fixed_window, requests: 10, window: 10m }]");
    bench.write("contacts.csv", numbered_csv(100));
    let mut running = bench.run("contacts.csv", &[]).start();
    running.wait_while_running("the tenant has refused one", || {
        bench.counters().throttled >= 1
    });
    running.signal("INT");
    let ended = running.wait().expect_code(5);
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(
        (books.count("updated"), books.count("not_reached")),
        (10, 90)
    );
}
