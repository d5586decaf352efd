//! What a probe may not do, whatever the tenant is like.

use std::time::Duration;

use super::tenant::{bounds, probe, tenant};
use crate::probe::Bounds;
use crate::probe::bounds::Stop;
use crate::probe::compare::Differs;
use crate::probe::verdict::Kind;

const LATENCY: &str = "latency: { median: 64ms, network: 16ms, sigma: 0.3 }";
const BUCKET: &str = "limits: [{ kind: token_bucket, rate: 50, burst: 100 }]";

#[test]
fn no_more_requests_than_allowed_and_what_was_found_is_told() {
    let few = Bounds {
        max_requests: 120,
        ..bounds()
    };
    let probed = probe(&tenant(&format!("{BUCKET}\n{LATENCY}")), few, 3);
    assert_eq!(probed.stop, Some(Stop::Requests));
    assert_eq!(probed.verdict.requests, 120);
    assert_eq!(probed.verdict.limit.kind, Kind::NotSure, "it was never met");
    assert!(!probed.verdict.steps.is_empty());
}

#[test]
fn a_wait_longer_than_the_time_left_ends_the_probe_at_once() {
    let short = Bounds {
        max_duration: Duration::from_secs(30),
        ..bounds()
    };
    let hourly =
        format!("limits: [{{ kind: fixed_window, requests: 300, window: 1h }}]\n{LATENCY}");
    let probed = probe(&tenant(&hourly), short, 1);
    let Some(Stop::LongWait(wait)) = probed.stop else {
        panic!("it ended with {:?}", probed.stop);
    };
    assert!(wait > Duration::from_secs(3500), "{wait:?}");
    assert!(probed.verdict.elapsed_s < 30.0);
    assert_eq!(probed.verdict.limit.kind, Kind::NotSure);
}

#[test]
fn distress_ends_the_probe() {
    for status in [500, 503] {
        let failing =
            format!("faults: [{{ kind: server_error, status: {status}, ratio: 0.2 }}]\n{LATENCY}");
        let probed = probe(&tenant(&failing), bounds(), 1);
        let status = status.to_string();
        assert!(
            matches!(&probed.stop, Some(Stop::Distress(what)) if what.contains(&status)),
            "{:?}",
            probed.stop
        );
        assert!(probed.verdict.requests < 200);
    }
}

#[test]
fn a_failure_now_and_then_is_an_ordinary_day() {
    let fault = "faults: [{ kind: server_error, status: 500, ratio: 0.01 }]";
    let probed = probe(
        &tenant(&format!("{BUCKET}\n{fault}\n{LATENCY}")),
        bounds(),
        1,
    );
    assert_eq!(probed.stop, None);
    assert_eq!(probed.verdict.limit.kind, Kind::TokenBucket);
}

#[test]
fn without_a_limit_none_is_claimed() {
    let probed = probe(&tenant(LATENCY), bounds(), 1);
    let verdict = probed.verdict;
    assert_eq!((probed.stop, verdict.limit.kind), (None, Kind::None));
    assert_eq!(verdict.throttled, 0);
    assert!(verdict.none_below_per_s.expect("a rate") > 500.0);
    assert_eq!(verdict.steps.last().map(|step| step.in_flight), Some(64));
}

#[test]
fn tokens_with_limits_of_their_own_are_told_from_tokens_that_share_one() {
    let limits = [
        "kind: token_bucket, rate: 50, burst: 20",
        "kind: fixed_window, requests: 60, window: 5s",
        "kind: fixed_window, requests: 60, window: 5s, anchor: clock",
        "kind: sliding_log, requests: 100, window: 10s",
        "kind: concurrency, cap: 16",
    ];
    for limit in limits {
        for (scope, differs) in [("tenant", Differs::No), ("token", Differs::Yes)] {
            let yaml = format!("limits: [{{ {limit}, scope: {scope} }}]\n{LATENCY}");
            let probed = probe(&tenant(&yaml), bounds(), 1);
            assert_eq!(
                probed.verdict.differences.by_token, differs,
                "{yaml}: {:#?}",
                probed.verdict
            );
            assert_eq!(probed.undercuts, 0, "{yaml}");
        }
    }
}
