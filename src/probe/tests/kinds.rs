//! Each limited tenant is named right, and its figures are right: every
//! scenario that is kept, and limits that no scenario has.

use std::time::Duration;

use loadtest::tenant::Scenario;

use super::tenant::{Probed, bounds, probe, tenant};
use super::truth::{Truth, Worth};
use crate::probe::Bounds;
use crate::probe::verdict::{Kind, Verdict};

fn asked_seeds() -> Option<u64> {
    std::env::var("SLUICE_PROBE_SEEDS").ok()?.parse().ok()
}

fn seeds() -> u64 {
    asked_seeds().unwrap_or(1)
}

/// Whether every tenant is tried: in a debug build that takes a minute.
fn thorough() -> bool {
    !cfg!(debug_assertions) || asked_seeds().is_some()
}

/// Of seeds, one in so many may leave a probe unsure.
const UNSURE_ONE_IN: u64 = 5;

/// How often it was right and how often not sure; it may never be wrong.
#[track_caller]
fn tried(name: &str, scenario: &Scenario, bounds: Bounds) -> (u64, u64, Verdict) {
    let truth = Truth::of(scenario);
    let (mut right, mut unsure, mut first) = (0, 0, None);
    for seed in 1..=seeds() {
        let probed = probe(scenario, bounds, seed);
        let Probed {
            verdict,
            stop,
            undercuts,
        } = &probed;
        let worth = truth.judge(&probed);
        println!(
            "{worth:?}: {name}, seed {seed}: {:?}, {} requests in {:.0} s, {stop:?}",
            verdict.limit, verdict.requests, verdict.elapsed_s
        );
        assert_eq!(*undercuts, 0, "a wait was cut short: {name}, seed {seed}");
        assert!(verdict.requests <= bounds.max_requests);
        assert_ne!(worth, Worth::Wrong, "{name}, seed {seed}: {verdict:#?}");
        right += u64::from(worth == Worth::Right);
        unsure += u64::from(worth == Worth::Unsure);
        first.get_or_insert(probed.verdict);
    }
    (right, unsure, first.expect("at least one seed"))
}

/// A tenant that is named right with the first seed and nearly always.
#[track_caller]
fn assert_named(yaml: &str) -> Verdict {
    assert_named_within(yaml, &tenant(yaml), bounds())
}

#[track_caller]
fn assert_named_within(name: &str, scenario: &Scenario, bounds: Bounds) -> Verdict {
    let (right, unsure, first) = tried(name, scenario, bounds);
    assert!(right >= 1, "{name}: {first:#?}");
    assert!(
        unsure <= seeds() / UNSURE_ONE_IN,
        "{name}: {unsure} times not sure"
    );
    first
}

fn assert_scenarios_named(names: &[&str]) {
    for name in names {
        let scenario = Scenario::named(name).expect("it is kept");
        assert_named_within(name, &scenario, bounds());
    }
}

const USUAL: &str = "latency: { median: 64ms, network: 16ms, sigma: 0.3 }";

fn of_limit(limit: &str, more: &str) -> String {
    format!("limits: [{{ {limit} }}]\n{more}\n{USUAL}")
}

const SILENT: &str = "retry_after: { form: none }";
const AS_503: &str = "refusals: service_unavailable\nretry_after: { form: none }";

#[test]
fn windows_of_a_minute() {
    assert_scenarios_named(&[
        "fixed-window-300-per-minute",
        "clock-window-300-per-minute",
        "fixed-window-without-retry-after",
    ]);
}

#[test]
fn windows_whose_words_are_dates_or_in_the_body() {
    assert_scenarios_named(&[
        "http-date-clock-ahead",
        "http-date-clock-behind",
        "retry-after-in-the-body",
    ]);
}

#[test]
fn windows_whose_words_are_crooked() {
    assert_scenarios_named(&[
        "fixed-window-retry-after-too-short",
        "fixed-window-retry-after-halved",
        "fixed-window-retry-after-padded",
    ]);
}

#[test]
fn windows_told_by_headers() {
    assert_scenarios_named(&[
        "fixed-window-with-headers",
        "headers-salesforce",
        "headers-hubspot",
    ]);
}

#[test]
fn short_windows() {
    assert_scenarios_named(&["window-20-per-second", "window-100-per-5s"]);
    assert_named(&of_limit("kind: fixed_window, requests: 7, window: 1s", ""));
}

#[test]
fn sliding_windows() {
    assert_scenarios_named(&["sliding-log-300-per-minute"]);
    assert_named(&of_limit(
        "kind: sliding_log, requests: 100, window: 10s",
        SILENT,
    ));
}

#[test]
fn buckets() {
    assert_scenarios_named(&[
        "bucket-50-burst-100",
        "bucket-50-burst-20",
        "bucket-200-burst-20",
        "retry-after-in-milliseconds",
        "hidden-route-bucket",
    ]);
}

#[test]
fn buckets_whose_words_are_crooked() {
    assert_scenarios_named(&["bucket-without-retry-after", "bucket-retry-after-too-long"]);
}

#[test]
fn a_bucket_beside_others() {
    assert_scenarios_named(&["live-traffic-bucket"]);
}

/// Others' requests begin the windows, so they look like the clock's.
#[test]
fn windows_beside_others() {
    assert_scenarios_named(&["live-traffic-window", "live-traffic-window-with-headers"]);
}

/// What fails now and then is neither taken for a limit nor dear.
#[test]
fn a_bucket_on_an_ordinary_day() {
    let scenario = Scenario::named("demo").expect("it is kept");
    let verdict = assert_named_within("demo", &scenario, bounds());
    assert_eq!(verdict.refused_with.as_deref(), Some("status 429"));
}

/// Failures that ask for a wait are obeyed as refusals are.
#[test]
fn a_bucket_in_storms_that_ask_for_a_wait() {
    assert_scenarios_named(&["storms-of-503-with-retry-after"]);
}

#[test]
fn a_bucket_that_is_refilled_in_portions() {
    let name = "bucket-refilled-each-minute";
    let scenario = Scenario::named(name).expect("it is kept");
    let verdict = assert_named_within(name, &scenario, bounds());
    assert_eq!(verdict.limit.portion, Some(500.0));
}

#[test]
fn a_bucket_of_1000_a_second_takes_more_requests() {
    let scenario = Scenario::named("bucket-1000-burst-2000").expect("it is kept");
    let wide = Bounds {
        max_requests: 20_000,
        max_in_flight: 256,
        ..bounds()
    };
    assert_named_within("bucket-1000-burst-2000", &scenario, wide);
    let verdict = probe(&scenario, bounds(), 1).verdict;
    assert_eq!(verdict.limit.kind, Kind::None);
    let below = verdict.none_below_per_s.expect("a rate that was borne");
    assert!((500.0..1000.0).contains(&below), "{below}");
}

#[test]
fn caps() {
    assert_scenarios_named(&["cap-16", "cap-32", "cap-32-retry-after-1-second"]);
    assert_named(&of_limit("kind: concurrency, cap: 5", ""));
    assert_named(&of_limit("kind: concurrency, cap: 50", SILENT));
}

#[test]
fn limits_that_are_worded_as_trouble() {
    assert_scenarios_named(&[
        "bucket-refuses-with-503",
        "bucket-refuses-with-503-and-a-wait",
        "cap-16-refuses-with-503",
        "cap-16-closes-connections",
    ]);
}

#[test]
fn a_limit_behind_a_limit() {
    let scenario = Scenario::named("two-windows").expect("it is kept");
    let verdict = assert_named_within("two-windows", &scenario, bounds());
    let also = verdict.also.expect("the shorter one was found too");
    assert_eq!(also.kind, Kind::FixedWindow);
}

/// Small limits, fast and slow networks, and trouble of every share: the
/// verdict may be "not sure", and is never wrong.
#[test]
fn what_is_hard_is_never_named_wrong() {
    let mut tenants = Vec::new();
    for limit in [
        "kind: token_bucket, rate: 3, burst: 3",
        "kind: token_bucket, rate: 10, burst: 1",
        "kind: token_bucket, rate: 400, burst: 40",
        "kind: fixed_window, requests: 1000, window: 1h",
        "kind: concurrency, cap: 2",
    ] {
        tenants.push(of_limit(limit, ""));
    }
    tenants.push(of_limit(
        "kind: fixed_window, requests: 300, window: 60s",
        AS_503,
    ));
    // A bucket whose burst is used up and filled within a round trip is much like
    // a cap, and a window that is shorter than one much like a longer window.
    tenants.push(
        "limits: [{ kind: token_bucket, rate: 7, burst: 4 }, { kind: fixed_window, requests: 320, window: 60s }]\nlatency: { median: 454ms, network: 227ms, sigma: 0.2 }".to_owned(),
    );
    tenants.push(
        "limits: [{ kind: fixed_window, requests: 34, window: 1s }]\nretry_after: { form: none }\nlatency: { median: 486ms, network: 243ms, sigma: 0.5 }".to_owned(),
    );
    for median in ["5ms", "1500ms"] {
        let limit = "limits: [{ kind: token_bucket, rate: 50, burst: 100 }]";
        tenants.push(format!(
            "{limit}\nlatency: {{ median: {median}, network: 2ms, sigma: 0.3 }}"
        ));
    }
    for ratio in [0.01, 0.03, 0.1] {
        let fault = format!("faults: [{{ kind: server_error, status: 503, ratio: {ratio} }}]");
        tenants.push(format!("{fault}\n{USUAL}"));
        tenants.push(of_limit("kind: token_bucket, rate: 50, burst: 100", &fault));
    }
    let step = if thorough() { 1 } else { 3 };
    for yaml in tenants.into_iter().step_by(step) {
        tried(&yaml, &tenant(&yaml), bounds());
    }
}

#[test]
fn a_quota_of_an_hour_is_not_guessed_at_within_minutes() {
    let short = Bounds {
        max_duration: Duration::from_secs(120),
        ..bounds()
    };
    let yaml = of_limit("kind: fixed_window, requests: 1000, window: 1h", "");
    let (_, unsure, _) = tried(&yaml, &tenant(&yaml), short);
    assert_eq!(unsure, seeds());
}
