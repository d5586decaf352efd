//! How many requests a load takes, and how long under a known limit.

use std::time::Duration;

use serde::Serialize;

use crate::limit::{LearnedLimit, LimitKind, Rate, Share};

/// What a load will take.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// Requests, without repeats.
    pub requests: u64,
    /// Seconds under the known limit; null where none is known.
    pub seconds: Option<f64>,
    /// Requests a second once the first burst is used up: the known limit,
    /// its share, or the user's own rate, whichever is the least.
    pub requests_per_s: Option<f64>,
    /// Where that figure comes from: `probe`, `run` or `max_rate`.
    pub limit_from: Option<&'static str>,
    /// How old the figure is, in seconds; null for the user's own.
    pub limit_age_s: Option<u64>,
}

impl Forecast {
    /// The time under the known limit.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seconds?).ok()
    }
}

/// Requests for `rows` rows, `rows_a_request` at a time (at least 1). Where
/// every row is looked up first, `looked_up_at_once` of them with one request
/// (at least 1), the look-ups are added; and there are as many as this only if
/// none of the rows turns out to be there as it should be.
#[must_use]
pub fn requests_for(rows: u64, rows_a_request: u64, looked_up_at_once: Option<u64>) -> u64 {
    let writes = rows.div_ceil(rows_a_request.max(1));
    match looked_up_at_once {
        Some(at_once) => rows.div_ceil(at_once.max(1)).saturating_add(writes),
        None => writes,
    }
}

/// Requests a second that a limit leaves to a load once the first burst is
/// used up; `None` where there is neither a limit nor a rate of the user's.
#[must_use]
pub fn sustained_rate(
    limit: Option<&LearnedLimit>,
    share: Share,
    max_rate: Option<Rate>,
) -> Option<f64> {
    let allowed = limit
        .map(|limit| limit.rate_per_s * share.get())
        .filter(|rate| rate.is_finite() && *rate > 0.0);
    let wished = max_rate.map(Rate::requests_per_second);
    match (allowed, wished) {
        (Some(allowed), Some(wished)) => Some(allowed.min(wished)),
        (allowed, wished) => allowed.or(wished),
    }
}

/// The time that `requests` take under a limit, a share of it, and the user's
/// own rate; `None` where none of them bounds anything.
///
/// What a limit admits at once counts: a bucket's burst, the quota of the
/// first window. A share takes no part in that, since it keeps to its pace
/// from the start.
#[must_use]
pub fn time_for(
    requests: u64,
    limit: Option<&LearnedLimit>,
    share: Share,
    max_rate: Option<Rate>,
) -> Option<Duration> {
    let seconds = match (limit, sustained_rate(limit, share, max_rate)) {
        (_, None) => return None,
        (Some(limit), Some(_)) if share == Share::WHOLE => {
            // The user's own rate bounds each stretch of it, the burst too.
            let wished_s = sustained_rate(None, share, max_rate)
                .map_or(0.0, |wished| as_number(requests) / wished);
            at_full_share_s(requests, limit).max(wished_s)
        }
        (_, Some(rate)) => as_number(requests) / rate,
    };
    // Longer than a clock can say is longer than anybody waits.
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// Seconds under the whole limit, with nothing else to keep to.
fn at_full_share_s(requests: u64, limit: &LearnedLimit) -> f64 {
    if !(limit.rate_per_s.is_finite() && limit.rate_per_s > 0.0) {
        return 0.0;
    }
    let burst = limit.burst.unwrap_or(0.0).max(0.0);
    let beyond = (as_number(requests) - burst).max(0.0);
    match (limit.kind, limit.window_s) {
        (LimitKind::TokenBucket, _) => beyond / limit.rate_per_s,
        // The first quota goes at once; the others are spread over their
        // windows, which begin when the first one ends.
        (LimitKind::FixedWindow | LimitKind::SlidingWindow, Some(window_s)) if burst >= 1.0 => {
            match beyond > 0.0 {
                true => window_s + beyond / limit.rate_per_s,
                false => 0.0,
            }
        }
        _ => as_number(requests) / limit.rate_per_s,
    }
}

/// Precise enough: a load has far fewer than 2^52 requests.
fn as_number(requests: u64) -> f64 {
    requests as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> LearnedLimit {
        serde_json::from_str(text).expect("a limit")
    }

    fn seconds(requests: u64, limit: &LearnedLimit) -> f64 {
        let time = time_for(requests, Some(limit), Share::WHOLE, None);
        time.expect("a limit is known").as_secs_f64()
    }

    #[test]
    fn without_any_limit_no_time_is_told() {
        assert_eq!(time_for(10, None, Share::WHOLE, None), None);
        let nothing = limit(r#"{"rate_per_s": 0.0}"#);
        assert_eq!(time_for(10, Some(&nothing), Share::WHOLE, None), None);
        assert_eq!(requests_for(1_001, 10, None), 101);
        assert_eq!(requests_for(7, 0, None), 7);
        assert_eq!(requests_for(1_001, 10, Some(1)), 1_102);
        assert_eq!(requests_for(1_001, 10, Some(50)), 122);
    }

    #[test]
    fn a_bucket_gives_its_burst_at_once() {
        let bucket = limit(r#"{"rate_per_s": 50.0, "burst": 100.0, "kind": "token_bucket"}"#);
        assert!((seconds(1_100, &bucket) - 20.0).abs() < 1e-9);
        assert_eq!(seconds(90, &bucket), 0.0);
    }

    #[test]
    fn a_window_gives_its_quota_at_once_and_then_one_a_window() {
        let window = r#"{"rate_per_s": 5.0, "burst": 300.0, "window_s": 60.0, "kind": "KIND"}"#;
        for kind in ["fixed_window", "sliding_window"] {
            let window = limit(&window.replace("KIND", kind));
            assert_eq!(seconds(300, &window), 0.0);
            assert!((seconds(600, &window) - 120.0).abs() < 1e-9);
            assert!((seconds(100_000, &window) - 20_000.0).abs() < 1e-6);
        }
    }

    #[test]
    fn other_kinds_are_their_rate_and_no_more() {
        for kind in ["concurrency_cap", "told", "window", "not_sure"] {
            let text = r#"{"rate_per_s": 4.0, "burst": 300.0, "kind": "KIND"}"#;
            let other = limit(&text.replace("KIND", kind));
            assert!((seconds(1_000, &other) - 250.0).abs() < 1e-9, "{kind}");
        }
    }

    #[test]
    fn a_share_and_a_rate_of_the_user_only_ever_slow_down() {
        let bucket = limit(r#"{"rate_per_s": 50.0, "burst": 100.0, "kind": "token_bucket"}"#);
        let half = Share::try_new(0.5).expect("a share");
        let shared = time_for(1_000, Some(&bucket), half, None).expect("known");
        assert!((shared.as_secs_f64() - 40.0).abs() < 1e-9);
        let slow = Rate::per_second(10.0);
        let slowed = time_for(1_000, Some(&bucket), Share::WHOLE, slow).expect("known");
        assert!((slowed.as_secs_f64() - 100.0).abs() < 1e-9);
        let fast = Rate::per_second(500.0);
        let unslowed = time_for(1_000, Some(&bucket), Share::WHOLE, fast).expect("known");
        assert!((unslowed.as_secs_f64() - 18.0).abs() < 1e-9);
        let alone = time_for(1_000, None, half, slow).expect("the user's rate is known");
        assert!((alone.as_secs_f64() - 100.0).abs() < 1e-9);
        assert_eq!(sustained_rate(Some(&bucket), half, slow), Some(10.0));
        assert_eq!(sustained_rate(Some(&bucket), half, fast), Some(25.0));
    }
}
