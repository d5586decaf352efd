//! The promise that what is learnt of a limit is kept and used: the next run
//! starts from it, a plan forecasts under it, and nothing that isn't the
//! tenant's own is taken for it.

mod support;

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use support::{Bench, Books, CLIENT_ID, numbered_csv};

/// About 40 requests a second in windows of half a second.
const SMALL_WINDOW: &str = "{ limits: [{ kind: fixed_window, requests: 20, window: 500ms }],
    retry_after: { form: fraction } }";

/// The first search is over, and two measures agree, within ten seconds.
const SMALL_BUCKET: &str = "limits: [{ kind: token_bucket, rate: 40, burst: 20 }]";

/// The limits that are known in the test's folder.
fn known(bench: &Bench) -> Vec<Value> {
    let Ok(text) = fs::read_to_string(bench.folder().join("runs/limits.json")) else {
        return Vec::new();
    };
    let known: Value = serde_json::from_str(&text).expect("limits.json is JSON");
    known["limits"].as_array().expect("a list").clone()
}

/// Writes down what is known of the load's limit, found so many seconds ago.
fn know(bench: &Bench, client: &str, age_s: u64, limit: &Value) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let known = json!({"limits": [{
        "key": {"tenant": bench.base_url(), "client": client, "endpoint": "update"},
        "found_at_epoch_s": now.as_secs() - age_s,
        "found_by": "probe",
        "confidence": "high",
        "limit": limit,
    }]});
    fs::create_dir_all(bench.folder().join("runs")).expect("a folder");
    bench.write("runs/limits.json", known.to_string());
}

fn window_of_a_minute() -> Value {
    json!({
        "rate_per_s": 5.0, "burst": 300.0, "window_s": 60.0, "window_starts": "first_request",
        "longest_wait_s": 60.0, "kind": "fixed_window", "sure": true,
    })
}

/// A bench with so many rows in `contacts.csv`.
fn bench_of(yaml: &str, rows: u64) -> Bench {
    let bench = Bench::new(yaml);
    bench.write("contacts.csv", numbered_csv(rows));
    bench
}

#[test]
fn a_run_keeps_what_it_learnt_and_the_next_one_starts_from_it() {
    let bench = bench_of(SMALL_BUCKET, 450);
    let first = bench.run("contacts.csv", &["-v"]).run().expect_code(0);
    assert!(!first.stderr.contains("starts from"), "{}", first.stderr);
    let throttled_before = bench.counters().throttled;
    let kept = known(&bench);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0]["key"]["tenant"], bench.base_url());
    assert_eq!(kept[0]["key"]["client"], CLIENT_ID);
    assert_eq!(kept[0]["key"]["endpoint"], "update");
    assert_eq!(kept[0]["found_by"], "run");
    let rate = kept[0]["limit"]["rate_per_s"].as_f64().expect("a rate");
    assert!((30.0..=45.0).contains(&rate), "{rate}");

    let books = Books::read(&bench.run_directory());
    let limits = books.summary["limits"].as_array().expect("a list").clone();
    assert_eq!(limits.len(), 1);
    assert_eq!(limits[0]["endpoint"], "update");
    assert_eq!(limits[0]["sure"], true, "{limits:?}\n{}", first.stderr);
    let learned = books.summary["rate"]["learned_limit"].as_f64();
    assert_eq!(learned, limits[0]["rate_per_s"].as_f64());
    assert!(
        first.stdout.contains("limit: about ") && first.stdout.contains(", sure)"),
        "{}",
        first.stdout
    );

    let second = bench.run("contacts.csv", &["-v"]).run().expect_code(0);
    let told = second.stderr.matches("starts from the limit found").count();
    assert_eq!(told, 1, "{}", second.stderr);
    assert!(
        second.stderr.contains("by a run: about"),
        "{}",
        second.stderr
    );
    let throttled = bench.counters().throttled - throttled_before;
    assert!(
        throttled < throttled_before,
        "{throttled_before} refusals at first, then {throttled}"
    );
    assert_eq!(bench.counters().undercuts, 0);
}

#[test]
fn what_a_short_run_is_not_sure_of_is_kept_as_a_first_guess() {
    let bench = bench_of(SMALL_WINDOW, 200);
    bench.run("contacts.csv", &[]).run().expect_code(0);
    let kept = known(&bench);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0]["limit"]["sure"], false);
    assert_eq!(kept[0]["confidence"], "low");
    let learned = &Books::read(&bench.run_directory()).summary["rate"]["learned_limit"];
    assert!(learned.is_null(), "what is in doubt is no figure to quote");
}

#[test]
fn a_flag_starts_from_nothing_and_keeps_what_is_learnt() {
    let bench = bench_of(SMALL_WINDOW, 200);
    know(&bench, CLIENT_ID, 600, &window_of_a_minute());
    let flags = ["--no-limit-profile"];
    let ended = bench.run("contacts.csv", &flags).run().expect_code(0);
    assert!(!ended.stderr.contains("starts from"), "{}", ended.stderr);
    // Five requests a second would have taken forty seconds.
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    assert_eq!(known(&bench)[0]["found_by"], "run");
    let twin = bench
        .run("contacts.csv", &["--limit", "5"])
        .environment("SLUICE_NO_LIMIT_PROFILE", "1")
        .run();
    assert!(!twin.expect_code(0).stderr.contains("starts from"));
}

#[test]
fn a_stale_limit_is_not_started_from() {
    let bench = bench_of("{}", 5);
    know(&bench, CLIENT_ID, 25 * 3_600, &window_of_a_minute());
    let ended = bench.run("contacts.csv", &[]).run().expect_code(0);
    assert!(!ended.stderr.contains("starts from"), "{}", ended.stderr);
    know(&bench, CLIENT_ID, 23 * 3_600, &window_of_a_minute());
    let ended = bench.run("contacts.csv", &[]).run().expect_code(0);
    assert!(
        ended.stderr.contains("found 23 hours ago by a probe"),
        "{}",
        ended.stderr
    );
}

#[test]
fn limits_that_cannot_be_read_are_told_once_and_stop_nothing() {
    let bench = bench_of(SMALL_WINDOW, 60);
    fs::create_dir_all(bench.folder().join("runs")).expect("a folder");
    for damaged in ["{\"limits\": [{\"key\"", "[]", ""] {
        bench.write("runs/limits.json", damaged);
        let ended = bench.run("contacts.csv", &[]).run().expect_code(0);
        let told = ended.stderr.matches("limits.json").count();
        assert_eq!(told, 1, "{damaged:?}: {}", ended.stderr);
        let text = fs::read_to_string(bench.folder().join("runs/limits.json"));
        assert_eq!(text.expect("it is left alone"), damaged);
        let plan = bench.plan("contacts.csv", &[]).run().expect_code(0);
        assert_eq!(plan.stdout.matches("limits.json").count(), 1);
        assert!(plan.stdout.contains("not known"), "{}", plan.stdout);
    }
}

#[test]
fn a_rate_of_the_user_is_never_kept_as_the_tenants() {
    let bench = bench_of(SMALL_WINDOW, 60);
    let flags = ["--max-rate", "25/s"];
    bench.run("contacts.csv", &flags).run().expect_code(0);
    assert_eq!(known(&bench), Vec::<Value>::new());
}

#[test]
fn an_interrupted_leg_keeps_what_it_learnt_and_the_resume_starts_from_it() {
    let bench = bench_of(SMALL_WINDOW, 20_000);
    let mut run = bench.run("contacts.csv", &[]).start();
    run.wait_while_running("six seconds of the limit are seen", || {
        bench.counters().applied > 220
    });
    run.signal("INT");
    run.wait().expect_code(5);
    assert_eq!(known(&bench).len(), 1);
    let resumed = bench
        .sluice(&["resume", "--max-duration", "2s"])
        .run()
        .expect_code(6);
    assert!(
        resumed.stderr.contains("starts from the limit found"),
        "{}",
        resumed.stderr
    );
}

#[test]
fn a_pause_that_the_tenant_asked_for_outlives_the_process_that_was_told() {
    let window = "limits: [{ kind: fixed_window, requests: 30, window: 30s }]";
    let bench = bench_of(window, 100);
    bench
        .run("contacts.csv", &["--max-duration", "2s"])
        .run()
        .expect_code(6);
    let asked = bench.counters().throttled;
    assert!(asked > 0, "the window was met");
    // Neither the next leg nor another run asks again before it is over.
    bench
        .sluice(&["resume", "--max-duration", "1s"])
        .run()
        .expect_code(6);
    let nothing_known = ["--no-limit-profile", "--max-duration", "1s"];
    bench
        .run("contacts.csv", &nothing_known)
        .run()
        .expect_code(6);
    assert_eq!(bench.counters().throttled, asked);
    assert_eq!(bench.counters().undercuts, 0);
}

#[test]
fn the_demo_leaves_the_known_limits_alone() {
    let bench = Bench::new("{}");
    let ended = bench.bare(&["demo", "--no-progress"]).run().expect_code(0);
    assert!(!ended.stderr.contains("starts from"), "{}", ended.stderr);
    assert!(!bench.folder().join("runs/limits.json").exists());
}

#[test]
fn a_plan_forecasts_under_the_limit_that_is_known() {
    let bench = bench_of("{}", 900);
    know(&bench, CLIENT_ID, 7_300, &window_of_a_minute());
    let plan = bench.plan("contacts.csv", &[]).run().expect_code(0);
    for words in [
        "900 rows will take about 3 min 0 s, at 5 requests/s",
        "the limit found 2 hours ago by a probe: about 5 requests/s (window of 60 s, 300 at once, sure)",
    ] {
        assert!(plan.stdout.contains(words), "{words}: {}", plan.stdout);
    }
    let forecast = |flags: &[&str]| {
        let flags = [&["--output", "json"], flags].concat();
        bench
            .plan("contacts.csv", &flags)
            .run()
            .expect_code(0)
            .json()["forecast"]
            .clone()
    };
    let whole = forecast(&[]);
    assert_eq!(whole["requests"], 900);
    assert_eq!(whole["seconds"], 180.0);
    assert_eq!(whole["requests_per_s"], 5.0);
    assert_eq!(whole["limit_from"], "probe");
    assert!(whole["limit_age_s"].as_u64().expect("an age") >= 7_300);
    assert_eq!(forecast(&["--share", "50%"])["seconds"], 360.0);
    let slow = forecast(&["--max-rate", "1/s"]);
    assert_eq!(
        (&slow["seconds"], &slow["limit_from"]),
        (&json!(900.0), &json!("max_rate"))
    );
    assert_eq!(forecast(&["--no-limit-profile"])["seconds"], Value::Null);
    assert_eq!(bench.counters().connections_opened, 0);
}

#[test]
fn a_plan_takes_another_clients_limit_only_where_the_client_is_unknown() {
    let bench = bench_of("{}", 900);
    know(&bench, "somebody-else", 60, &window_of_a_minute());
    let plan = bench.plan("contacts.csv", &[]).run().expect_code(0);
    assert!(plan.stdout.contains("not known"), "{}", plan.stdout);
    let unnamed = bench
        .plan("contacts.csv", &[])
        .without("SLUICE_CLIENT_ID")
        .without("SLUICE_CLIENT_SECRET")
        .run()
        .expect_code(0);
    assert!(
        unnamed.stdout.contains("about 3 min 0 s"),
        "{}",
        unnamed.stdout
    );
}

#[test]
fn decisions_are_lines_fields_and_a_history() {
    let bench = bench_of(SMALL_WINDOW, 150);
    let quiet = bench.run("contacts.csv", &["--limit", "60"]).run();
    assert!(!quiet.expect_code(0).stderr.contains("gate closed"));
    let flags = ["-v", "--no-limit-profile"];
    let text = bench.run("contacts.csv", &flags).run().expect_code(0);
    assert!(
        text.stderr.contains("sluice: update: gate closed for ")
            && text.stderr.contains("(the tenant asked for "),
        "{}",
        text.stderr
    );
    let flags = ["-v", "--no-limit-profile", "--log-format", "json"];
    let json = bench.run("contacts.csv", &flags).run().expect_code(0);
    let lines: Vec<Value> = json
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let closed = lines
        .iter()
        .find(|line| line["kind"] == "gate_closed")
        .expect("the gate was closed");
    assert_eq!(closed["event"], "limiter");
    assert_eq!(closed["endpoint"], "update");
    assert_eq!(closed["reason"], "too many requests");
    assert!(closed["for_s"].as_f64().expect("a time") > 0.0);
    assert!(closed["server_said_s"].as_f64().expect("a time") > 0.0);
    assert!(closed["since_start_s"].as_f64().expect("a time") >= 0.0);

    let latest = bench.runs().pop().expect("a run");
    let history = Books::read(&latest).summary["limiter"].clone();
    let by_kind = history["by_kind"].as_object().expect("counts");
    let counted: u64 = by_kind.values().filter_map(Value::as_u64).sum();
    assert_eq!(history["decisions"], counted);
    let of_log = lines.iter().filter(|line| line["event"] == "limiter");
    assert_eq!(of_log.count() as u64, counted);
    assert_eq!(history["first"][0]["kind"], "gate_closed");
    assert!(history["first"][0]["at_s"].as_f64().expect("a time") >= 0.0);
}

#[test]
fn a_status_tells_the_time_left_under_the_limit() {
    // A window of a minute: what is left is far more than the first seconds
    // make believe.
    let bench = bench_of(
        "limits: [{ kind: fixed_window, requests: 300, window: 60s }]",
        3_000,
    );
    let mut run = bench.run("contacts.csv", &[]).start();
    let status = || {
        let ended = bench.sluice(&["status", "--output", "json"]).run();
        ended.expect_code(0).json()
    };
    let mut live = Value::Null;
    run.wait_while_running("the gate is closed and a status tells it", || {
        live = match bench.counters().throttled {
            0 => Value::Null,
            _ => status()["live"].clone(),
        };
        live["paused_s"].as_f64().is_some_and(|pause| pause > 1.0) && !live["remaining_s"].is_null()
    });
    let left = live["remaining_s"].as_f64().expect("a time");
    // 2,700 rows at 300 a minute are nine minutes.
    assert!((400.0..=700.0).contains(&left), "{live}");
    let text = bench.sluice(&["status"]).run().expect_code(0);
    assert!(text.stdout.contains(" left"), "{}", text.stdout);
    run.signal("INT");
    run.wait().expect_code(5);
    let after = status();
    assert_eq!(after["live"], Value::Null);
}
