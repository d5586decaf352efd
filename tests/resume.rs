//! The promise of a crash: after `kill -9` at any moment and `sluice resume`,
//! no row is lost, none is listed twice, and only the few rows that were under
//! way are sent again.

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write;

use support::{
    Bench, Ended, Numbered, Running, assert_accounted, assert_every_row_ended, numbered_csv,
};

/// Requests at once in these tests; with the tenants' latency of some 16 ms,
/// about 500 rows a second.
const CONCURRENCY: &str = "8";

/// Rows that one kill may cause to be sent again: those since the last commit,
/// which is never older than 24 ms, and those in flight: some 20. Four times
/// that, since a busy machine commits late.
const REPEATS_PER_KILL: u64 = 80;

fn start(bench: &Bench) -> Running {
    bench
        .run("contacts.csv", &["--concurrency", CONCURRENCY])
        .start()
}

/// A run of `rows` that was killed when `applied` of them stood in the tenant.
fn killed_run(yaml: &str, rows: u64, applied: u64) -> Bench {
    let bench = Bench::new(yaml);
    bench.write("contacts.csv", numbered_csv(rows));
    let mut running = start(&bench);
    running.wait_while_running("some rows are applied", || {
        bench.counters().applied >= applied
    });
    running.kill();
    bench
}

/// Every row of the input stands in the tenant or in the reject files, once.
#[track_caller]
fn assert_no_row_lost(bench: &Bench, rows: u64, kills: u64) {
    let ledger = assert_every_row_ended(bench, rows);
    let lost_answers = ledger.counters.faults.get("close_after").copied();
    let repeats = ledger.counters.applied - ledger.counters.contacts_written;
    let bound = kills * REPEATS_PER_KILL + lost_answers.unwrap_or(0);
    assert!(repeats <= bound, "{repeats} writes were repeated");
}

/// Kills the run, and each resumed leg, when so many rows stand in the tenant.
fn kill_again_and_again(bench: &Bench, moments: &[u64]) -> Ended {
    let mut running = start(bench);
    for moment in moments {
        running.wait_while_running("the next moment to kill has come", || {
            bench.counters().contacts_written >= *moment
        });
        running.kill();
        running = bench
            .sluice(&["resume", "--concurrency", CONCURRENCY])
            .start();
    }
    running.wait()
}

#[test]
fn several_kills_lose_no_row_and_repeat_only_what_was_under_way() {
    let bench = Bench::new("latency: { median: 16ms, sigma: 0.3 }");
    bench.write("contacts.csv", numbered_csv(2_500));
    let moments = [1, 150, 420, 1_000, 1_700, 2_450];
    kill_again_and_again(&bench, &moments).expect_code(0);
    assert_no_row_lost(&bench, 2_500, moments.len() as u64);
}

/// Also a leg that died before it could commit anything. Each one is killed at
/// its first request, whose answer takes longer than that.
#[test]
fn every_resume_counts_as_a_leg() {
    let bench = Bench::new("latency: { median: 300ms }");
    bench.write("contacts.csv", numbered_csv(60));
    let mut running = start(&bench);
    for _ in 0..4 {
        let before = bench.counters().requests.patch;
        running.wait_while_running("the leg has sent a request", || {
            bench.counters().requests.patch > before
        });
        running.kill();
        running = bench
            .sluice(&["resume", "--concurrency", CONCURRENCY])
            .start();
    }
    running.wait().expect_code(0);
    assert_eq!(bench.books().summary["legs"], 5);
}

#[test]
fn kills_among_rejects_and_faults_leave_the_books_exact() {
    let bench = Bench::new(
        "{ contacts: { missing: 0.1, invalid: 0.1 }, latency: { median: 16ms, sigma: 0.3 },
           faults: [ { kind: close_before, ratio: 0.02 }, { kind: close_after, ratio: 0.02 },
                     { kind: server_error, ratio: 0.02 } ] }",
    );
    bench.write("contacts.csv", numbered_csv(1_500));
    let moments = [90, 333, 600, 1_100];
    kill_again_and_again(&bench, &moments).expect_code(1);
    assert_no_row_lost(&bench, 1_500, moments.len() as u64);
}

#[test]
fn a_kill_before_the_first_row_loses_nothing() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(300));
    let mut running = start(&bench);
    running.wait_while_running("the run's directory is there", || !bench.runs().is_empty());
    running.kill();
    bench.resume().expect_code(0);
    assert_no_row_lost(&bench, 300, 1);
}

#[test]
fn a_kill_right_after_the_last_write_loses_nothing() {
    let bench = killed_run("latency: { median: 10ms }", 200, 200);
    bench.resume().expect_code(0);
    assert_no_row_lost(&bench, 200, 1);
}

/// A leg writes a reject file first and commits its length after that. The
/// moment between is too short to be met by a kill, so what a kill would leave
/// there is put there: whole rows that will come again, and a torn one.
#[test]
fn lines_that_were_written_but_not_committed_are_not_listed_twice() {
    let bench = killed_run(
        "{ contacts: { missing: 0.2 }, latency: { median: 16ms } }",
        600,
        150,
    );
    let last_missing = Numbered::new(600, &bench.scenario).missing;
    let last_missing = last_missing.last().expect("some are missing");
    for name in ["rejected.csv", "missing.csv"] {
        let path = bench.run_directory().join(name);
        let mut file = OpenOptions::new().append(true).open(path).expect("opened");
        let row = format!("{last_missing},Name,x@example.com,110,2,missing,,no contact,404,1,r\n");
        write!(file, "{row}{row}c-torn,\"Na").expect("written");
    }
    bench.resume().expect_code(1);
    assert_no_row_lost(&bench, 600, 1);
}

#[test]
fn a_killed_load_of_standard_input_goes_on_from_its_staged_copy() {
    let bench = Bench::new("latency: { median: 16ms }");
    let text = numbered_csv(600);
    let input = bench.write("elsewhere.csv", &text);
    let flags = ["--concurrency", CONCURRENCY];
    let mut running = bench.run("-", &flags).fed_from(&input).start();
    running.wait_while_running("all is staged and some rows are applied", || {
        let staged = bench.runs().iter().any(|run| {
            fs::metadata(run.join("input.csv"))
                .is_ok_and(|metadata| metadata.len() == text.len() as u64)
        });
        staged && bench.counters().applied >= 100
    });
    running.kill();
    fs::remove_file(input).expect("the original isn't needed any more");
    bench.resume().expect_code(0);
    assert_no_row_lost(&bench, 600, 1);
}

#[test]
fn a_resume_keeps_the_choice_of_rows_and_of_duplicates() {
    let bench = Bench::new("{ keep_bodies: true, latency: { median: 16ms } }");
    let mut text = numbered_csv(600);
    // The first 600 rows once more, with other names: `last` wants only these.
    text.extend(
        numbered_csv(600)
            .lines()
            .skip(1)
            .map(|line| format!("{}\n", line.replace(",Name ", ",New name "))),
    );
    bench.write("contacts.csv", text);
    let flags = ["--duplicates", "last", "--skip", "100", "--limit", "900"];
    let mut running = bench
        .run("contacts.csv", &flags)
        .arguments(["--concurrency", CONCURRENCY])
        .start();
    running.wait_while_running("some rows are applied", || bench.counters().applied >= 200);
    running.kill();
    bench.resume().expect_code(0);
    // Rows 101 to 1,000: of the keys 101 to 400 the later row, of 401 to 600
    // the only one, and the keys 1 to 100 from their second row.
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    let found = ["read", "updated", "skipped"].map(|name| books.count(name));
    assert_eq!(found, [1_200, 600, 600]);
    let name = |id| {
        bench
            .field(id, "firstName")
            .expect("the contact was written")
    };
    assert_eq!(name("c-50"), "New name 50");
    assert_eq!(name("c-300"), "New name 300");
    assert_eq!(name("c-500"), "Name 500");
}

#[test]
fn resume_names_a_run_by_its_id_or_by_its_path() {
    let bench = killed_run("latency: { median: 16ms }", 300, 20);
    let directory = bench.run_directory();
    let run_id = directory.file_name().expect("a name").to_string_lossy();
    bench.sluice(&["resume", &run_id]).run().expect_code(0);
    let path = directory.to_str().expect("a path in UTF-8");
    bench.sluice(&["resume", path]).run().expect_code(0);
    bench
        .sluice(&["resume", "no-such-run"])
        .run()
        .expect_code(2)
        .expect_stderr(&["no-such-run"]);
}

#[test]
fn resuming_a_finished_run_prints_its_summary_and_sends_nothing() {
    let bench = Bench::new("contacts: { missing: 0.1 }");
    bench.write("contacts.csv", numbered_csv(200));
    let run = bench.run("contacts.csv", &["--output", "json"]).run();
    let run = run.expect_code(1);
    let before = bench.counters().requests;
    let again = bench.sluice(&["resume", "--output", "json"]).run();
    assert_eq!(again.expect_code(1).json(), run.json());
    bench
        .resume()
        .expect_code(1)
        .expect_stdout(&["read", "rejected", "200"]);
    // Not even the credentials are needed for that.
    bench.bare(&["resume"]).run().expect_code(1);
    assert_eq!(bench.counters().requests, before);
}

#[test]
fn status_and_runs_tell_that_a_killed_run_can_go_on() {
    let bench = killed_run("latency: { median: 16ms }", 400, 200);
    bench
        .bare(&["status"])
        .run()
        .expect_code(0)
        .expect_stdout(&["unfinished", "sluice resume runs/"]);
    bench
        .bare(&["runs"])
        .run()
        .expect_code(0)
        .expect_stdout(&["unfinished"]);
    bench.resume().expect_code(0);
    bench
        .bare(&["status"])
        .run()
        .expect_code(0)
        .expect_stdout(&["finished", "400"]);
}
