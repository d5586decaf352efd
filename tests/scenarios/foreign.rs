//! Limiters as other programs build them, as far as the tenant's model goes: `scripts/foreign-limiters` has the programs
//! themselves. Short runs, since that is what they are measured over there.

use loadtest::tenant::Scenario;

use super::measure::Case;

/// Name, limits and refusals, length of the run with its processes, and what is expected.
const LIMITERS: &[(&str, &str, &str, &str)] = &[
    (
        "limit_req",
        "limits: [{ kind: token_bucket, rate: 50, burst: 21 }]\nretry_after: { form: none }",
        "duration: 60s",
        "goodput: 98, throttled: 1, reach_95_within: 10s",
    ),
    (
        "limit_req strict",
        "limits: [{ kind: token_bucket, rate: 50, burst: 1 }]\nretry_after: { form: none }",
        "duration: 60s",
        "goodput: 90, throttled: 2, reach_95_within: 10s",
    ),
    (
        "limit_req wait",
        "limits: [{ kind: token_bucket, rate: 50, burst: 21 }]\nretry_after: { honesty: { fixed: 1s } }",
        "duration: 60s",
        "goodput: 90, throttled: 2, reach_95_within: 20s",
    ),
    (
        "limit_req 503 wait",
        "limits: [{ kind: token_bucket, rate: 50, burst: 21 }]\nrefusals: service_unavailable\nretry_after: { honesty: { fixed: 1s } }",
        "duration: 60s",
        "goodput: 90, failed: 2",
    ),
    (
        "limit_req minute",
        "limits: [{ kind: token_bucket, rate: 5, burst: 6 }]\nretry_after: { form: none }",
        "duration: 120s",
        "goodput: 98, throttled: 2",
    ),
    (
        "limit_req minute 503",
        "limits: [{ kind: token_bucket, rate: 1, burst: 3 }]\nrefusals: service_unavailable\nretry_after: { form: none }",
        "duration: 120s",
        "goodput: 90, failed: 25",
    ),
    (
        "limit_req shared",
        "limits: [{ kind: token_bucket, rate: 50, burst: 21 }]\nretry_after: { form: none }",
        "duration: 60s, processes: [0s, 0s, 0s, 0s]",
        "goodput: 97, throttled: 2, fairness: 0.95",
    ),
    (
        "limit_req shared wait",
        "limits: [{ kind: token_bucket, rate: 50, burst: 21 }]\nretry_after: { honesty: { fixed: 1s } }",
        "duration: 60s, processes: [0s, 0s, 0s, 0s]",
        "goodput: 93, throttled: 2, fairness: 0.95",
    ),
    (
        "limit_req nested",
        "limits: [{ kind: token_bucket, rate: 100, burst: 51 }, { kind: token_bucket, rate: 20, burst: 11 }]\nretry_after: { form: none }",
        "duration: 60s",
        "goodput: 98, throttled: 1.5",
    ),
    (
        "limit_conn",
        "limits: [{ kind: concurrency, cap: 16 }]\nretry_after: { form: none }",
        "duration: 30s",
        "goodput: 97, throttled: 1.5",
    ),
    (
        "stick table",
        "limits: [{ kind: sliding_log, requests: 100, window: 10s, count_rejected: true }]\nretry_after: { form: none }",
        "duration: 120s",
        "goodput: 90, throttled: 2",
    ),
    (
        "stick table wait",
        "limits: [{ kind: sliding_log, requests: 100, window: 10s, count_rejected: true }]\nretry_after: { honesty: { fixed: 10s } }",
        "duration: 120s",
        "goodput: 90, throttled: 2",
    ),
    (
        "fill interval",
        "limits: [{ kind: token_bucket, rate: 50, burst: 50, refill: { every: 1s } }]\nretry_after: { form: none }",
        "duration: 60s",
        "goodput: 90, throttled: 2",
    ),
    (
        "second headers",
        "limits: [{ kind: fixed_window, requests: 50, window: 1s, anchor: clock }]\nlimit_headers: ietf_draft06\nretry_after: { form: none }",
        "duration: 60s",
        "goodput: 95, throttled: 0.5",
    ),
    (
        "window headers",
        "limits: [{ kind: fixed_window, requests: 200, window: 10s, anchor: clock }]\nlimit_headers: ietf_draft06",
        "duration: 120s",
        "goodput: 98, throttled: 0.1",
    ),
];

/// Every one of them, as a case.
pub fn all() -> Vec<Case> {
    let case = |(name, tenant, run, expect): &(&'static str, &str, &str, &str)| {
        let latency = "latency: { median: 50ms, network: 1ms, sigma: 0.05 }";
        let benchmark = format!("benchmark: {{ label: {name}, {run}, expect: {{ {expect} }} }}");
        let yaml = format!("{tenant}\n{latency}\n{benchmark}");
        let scenario = Scenario::from_yaml(&yaml, name).unwrap_or_else(|error| panic!("{error}"));
        let benchmark = scenario.benchmark.clone().expect("each is measured");
        Case {
            name,
            duration: benchmark.duration,
            scenario,
            benchmark,
        }
    };
    LIMITERS.iter().map(case).collect()
}
