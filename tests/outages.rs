//! Mishaps around a run: a tenant that goes away and comes back, a directory that
//! can't be written, a signal before the first row.

mod support;

use std::time::Duration;

use support::{Bench, assert_accounted, assert_every_row_ended, numbered_csv};

/// Rows that were refused while the tenant was away are sent again and again,
/// for minutes if need be; none of them is given up.
#[test]
fn a_tenant_that_goes_away_and_comes_back_costs_no_row() {
    for away in [
        "{ kind: close_before, ratio: 1, from: 1s, until: 5s }",
        "{ kind: server_error, status: 503, ratio: 1, from: 1s, until: 5s }",
    ] {
        let bench = Bench::new(&format!(
            "{{ latency: {{ median: 16ms }}, faults: [ {away} ] }}"
        ));
        bench.write("contacts.csv", numbered_csv(800));
        let run = bench.run("contacts.csv", &["--concurrency", "8"]).run();
        let took = run.expect_code(0).took;
        assert!(took > Duration::from_secs(5), "{took:?}: it was never away");
        assert_every_row_ended(&bench, 800);
        let requests = bench.counters().requests.patch;
        assert!(requests < 1_600, "{requests} requests at a closed door");
    }
}

/// The whole way of a run that is killed while its tenant is away.
#[test]
fn a_run_that_is_killed_while_its_tenant_is_away_goes_on() {
    let bench = Bench::new(
        "{ latency: { median: 16ms },
           faults: [ { kind: close_before, ratio: 1, from: 500ms, until: 4s } ] }",
    );
    bench.write("contacts.csv", numbered_csv(600));
    let mut running = bench.run("contacts.csv", &["--concurrency", "8"]).start();
    running.wait_while_running("the tenant is away", || {
        bench.counters().faults.get("close_before").copied() >= Some(8)
    });
    running.kill();
    bench.resume().expect_code(0);
    assert_every_row_ended(&bench, 600);
}

#[test]
fn a_signal_while_the_token_is_minted_ends_the_run_before_its_first_row() {
    let bench =
        Bench::new("faults: [ { kind: never_answer, hold: 3s, ratio: 1, on: token, until: 1s } ]");
    bench.write("contacts.csv", numbered_csv(50));
    let mut running = bench.run("contacts.csv", &[]).start();
    running.wait_while_running("a token is asked for", || {
        bench.counters().requests.token >= 1
    });
    running.signal("TERM");
    let ended = running.wait().expect_code(5);
    ended.expect_stderr(&["to go on: sluice resume"]);
    assert_eq!(bench.counters().requests.patch, 0);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    assert_eq!(books.count("not_reached"), books.count("read"));
    bench.resume().expect_code(0);
    assert_every_row_ended(&bench, 50);
}

/// A signal right at the start, wherever it meets the program: what is left can
/// be resumed, or was never begun.
#[test]
fn a_signal_at_the_very_start_leaves_a_run_that_can_be_resumed_or_none() {
    for pause_ms in [0, 5, 10, 20, 30, 45, 60, 90] {
        let bench = Bench::new("latency: { median: 2ms }");
        bench.write("contacts.csv", numbered_csv(200));
        let running = bench.run("contacts.csv", &[]).start();
        // The moment is the point; there is nothing to wait for.
        std::thread::park_timeout(Duration::from_millis(pause_ms));
        running.signal("TERM");
        let ended = running.wait();
        assert!(matches!(ended.code, None | Some(0 | 5)), "{ended:?}");
        let next = match bench.runs().is_empty() {
            true => bench.run("contacts.csv", &[]).run(),
            false => bench.resume(),
        };
        next.expect_code(0);
        assert_every_row_ended(&bench, 200);
    }
}

#[test]
fn a_directory_that_can_not_be_written_is_4_and_nothing_is_sent() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(20));
    let script = "mount --bind . . && mount -o remount,bind,ro . || exit 97
                  cd \"$PWD\" && exec \"$0\" \"$@\"";
    let ended = bench.in_namespace(script, "contacts.csv").run();
    if ended.code == Some(97) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    ended.expect_code(4).expect_stderr(&["runs", "ead-only"]);
    assert_eq!(bench.counters().requests.patch, 0);
}

#[test]
fn a_run_whose_directory_became_read_only_is_refused_and_goes_on_later() {
    let bench = Bench::new("latency: { median: 16ms }");
    bench.write("contacts.csv", numbered_csv(400));
    let mut running = bench.run("contacts.csv", &["--concurrency", "8"]).start();
    running.wait_while_running("some rows are applied", || bench.counters().applied >= 50);
    running.kill();
    let before = bench.counters().requests.patch;
    let script = "mount --bind runs runs && mount -o remount,bind,ro runs || exit 97
                  exec \"$0\" resume";
    let ended = bench.in_namespace(script, "contacts.csv").run();
    if ended.code == Some(97) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    ended.expect_code(4).expect_stderr(&["runs", "write"]);
    assert_eq!(bench.counters().requests.patch, before, "nothing was sent");
    bench.resume().expect_code(0);
    assert_every_row_ended(&bench, 400);
}
