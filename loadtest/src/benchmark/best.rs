//! The oracle: the most that any client could have got done.
//!
//! A client that knew the tenant's rules would spend every burst, fill every window and save up during an outage. Each
//! limit alone bounds what it gets; of several the tightest counts. What the tenant's other clients take is theirs, so a
//! client that pushes them aside can reach more than 100 %.

use std::time::Duration;

use super::stretches::{Stretch, stretches};
use crate::tenant::{Anchor, Limit, LimitKind, LimitScope, Refill, Scenario};

/// The most writes that any client could get done between two times after the scenario's start, with every limit
/// untouched at `from`. `clock_at_zero` is the Unix time of the start: windows by the clock hang on it.
pub fn best_possible(
    scenario: &Scenario,
    clock_at_zero: Duration,
    from: Duration,
    to: Duration,
) -> f64 {
    let span = Span {
        clock_at_zero,
        from,
        to,
        with_burst: true,
    };
    bound(scenario, span)
}

/// The same without what was saved up before `from`, and with windows spread evenly: the rate that can be held, times
/// the time.
pub fn sustained(scenario: &Scenario, from: Duration, to: Duration) -> f64 {
    let span = Span {
        clock_at_zero: Duration::ZERO,
        from,
        to,
        with_burst: false,
    };
    bound(scenario, span)
}

#[derive(Clone, Copy)]
struct Span {
    clock_at_zero: Duration,
    from: Duration,
    to: Duration,
    with_burst: bool,
}

fn bound(scenario: &Scenario, span: Span) -> f64 {
    if span.to <= span.from {
        return 0.0;
    }
    let served: f64 = stretches(scenario, None, span.from, span.to)
        .iter()
        .map(|stretch| stretch.seconds * stretch.success)
        .sum();
    let limits = scenario.limits.iter();
    limits
        // Nobody meets the limit of one record who writes each record once.
        .filter(|limit| limit.scope != LimitScope::Record)
        .map(|limit| of_limit(scenario, limit, span))
        .fold(served * serving_per_s(scenario), f64::min)
}

/// Mean over median of the latency's distribution.
fn mean_over_median(scenario: &Scenario) -> f64 {
    (scenario.latency.sigma.powi(2) / 2.0).exp()
}

fn mean_service_s(scenario: &Scenario) -> f64 {
    scenario.latency.median.as_secs_f64() * mean_over_median(scenario)
}

/// Writes a second that the tenant's speed allows to the best client: at the knee, or with all its requests in flight.
fn serving_per_s(scenario: &Scenario) -> f64 {
    let latency = &scenario.latency;
    let network_s = latency.network.as_secs_f64() * mean_over_median(scenario);
    let places = scenario.most_in_flight();
    let service_s = |inside: u64| mean_service_s(scenario) * latency.load_factor(inside);
    let all_in_flight = places as f64 / (service_s(places) + network_s);
    let knee = latency.knee.map(|knee| knee.in_flight.min(places));
    // Requests on the wire hold no place in the tenant, so the wire costs nothing at the knee.
    let at_knee = knee.map_or(0.0, |knee| knee as f64 / service_s(knee));
    all_in_flight.max(at_knee)
}

fn of_limit(scenario: &Scenario, limit: &Limit, span: Span) -> f64 {
    let stretches = stretches(scenario, Some(limit), span.from, span.to);
    let others = limit.other_traffic;
    // Each process has a token of its own.
    let shares = match limit.scope {
        LimitScope::Token => scenario.processes() as f64,
        _ => 1.0,
    };
    let steady = |rate: f64| -> f64 {
        let of = |stretch: &Stretch| {
            stretch.success * stretch.seconds * (rate * stretch.factor - others).max(0.0)
        };
        stretches.iter().map(of).sum()
    };
    shares
        * match limit.kind {
            LimitKind::Concurrency { cap } => steady(cap as f64 / mean_service_s(scenario)),
            LimitKind::FixedWindow {
                requests, window, ..
            }
            | LimitKind::SlidingLog {
                requests, window, ..
            } => {
                if span.with_burst {
                    by_windows(limit, (requests, window), span, &stretches)
                } else {
                    steady(requests as f64 / window.as_secs_f64())
                }
            }
            LimitKind::TokenBucket {
                rate,
                burst,
                refill,
            } => {
                if span.with_burst {
                    by_tokens((rate, burst, refill), others, &stretches)
                } else {
                    steady(rate)
                }
            }
        }
}

/// A full count in each window, at its best moment.
fn by_windows(
    limit: &Limit,
    (requests, window): (u64, Duration),
    span: Span,
    stretches: &[Stretch],
) -> f64 {
    let window_s = window.as_secs_f64();
    let (from_s, to_s) = (span.from.as_secs_f64(), span.to.as_secs_f64());
    let by_clock = matches!(
        limit.kind,
        LimitKind::FixedWindow {
            anchor: Anchor::Clock,
            ..
        }
    );
    let mut start_s = from_s;
    if by_clock {
        let clock_ns = (span.clock_at_zero + span.from).as_nanos();
        start_s -= (clock_ns % window.as_nanos()) as f64 / 1e9;
    }
    let mut total = 0.0;
    // A nanosecond of a further window is rounding, not a window.
    while start_s < to_s - 1e-9 {
        let (open_s, end_s) = (start_s.max(from_s), (start_s + window_s).min(to_s));
        let inside = stretches
            .iter()
            .filter(|stretch| stretch.start_s < end_s - 1e-9 && stretch.end_s() > open_s + 1e-9);
        let most = inside.fold((0.0_f64, 0.0_f64), |(factor, success), stretch| {
            (factor.max(stretch.factor), success.max(stretch.success))
        });
        let quota = requests as f64 * most.0 - limit.other_traffic * (end_s - open_s);
        total += quota.max(0.0) * most.1;
        start_s += window_s;
    }
    total
}

/// The burst and all tokens; those that come while requests fail are saved, as far as the bucket holds them.
fn by_tokens((rate, burst, refill): (f64, f64, Refill), others: f64, stretches: &[Stretch]) -> f64 {
    let (mut saved, mut total) = (burst, 0.0);
    for (index, stretch) in stretches.iter().enumerate() {
        let seconds = match refill {
            Refill::Continuous => stretch.seconds,
            Refill::Every(period) => stretch.refills(period) * period.as_secs_f64(),
        };
        let tokens = saved + seconds * (rate * stretch.factor - others).max(0.0);
        let gets_better = stretches
            .get(index + 1)
            .is_some_and(|next| next.success > stretch.success);
        saved = if gets_better { tokens.min(burst) } else { 0.0 };
        total += stretch.success * (tokens - saved);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(yaml: &str, seconds: u64) -> f64 {
        let scenario = Scenario::from_yaml(yaml, "a test").expect("a scenario");
        let to = Duration::from_secs(seconds);
        best_possible(
            &scenario,
            Duration::from_secs(1_800_000_030),
            Duration::ZERO,
            to,
        )
    }

    fn window(more: &str) -> String {
        format!("limits: [{{ kind: fixed_window, requests: 300, window: 60s{more} }}]")
    }

    fn bucket(more: &str) -> String {
        format!("limits: [{{ kind: token_bucket, rate: 50, burst: 100{more} }}]")
    }

    #[test]
    fn a_window_gives_its_count_as_often_as_it_opens() {
        assert_eq!(best(&window(""), 4020), 67.0 * 300.0);
        assert_eq!(best(&window(""), 121), 900.0);
        // Half a minute is left of the clock's first one.
        assert_eq!(best(&window(", anchor: clock"), 60), 600.0);
        assert_eq!(best(&window(", other_traffic: { rate: 1 }"), 120), 480.0);
        let halved = window(", phases: [{ at: 120s, factor: 0.5 }, { at: 240s, factor: 1 }]");
        assert_eq!(best(&halved, 360), 1500.0);
    }

    #[test]
    fn a_bucket_gives_its_burst_and_its_rate() {
        assert_eq!(best(&bucket(""), 1200), 60_100.0);
        assert_eq!(best(&bucket(", other_traffic: { rate: 10 }"), 100), 4100.0);
        let chunks =
            "limits: [{ kind: token_bucket, rate: 500/60s, burst: 1000, refill: { every: 60s } }]";
        assert!((best(chunks, 2400) - 20_500.0).abs() < 1e-6);
    }

    #[test]
    fn an_outage_costs_its_tokens_but_for_a_full_bucket() {
        let outage = "\nfaults: [{ kind: server_error, status: 503, ratio: 1, from: 150s, until: 180s, every: 300s }]";
        let with_outages = best(&format!("{}{outage}", bucket("")), 1200);
        assert!((with_outages - (60_100.0 - 4.0 * 1500.0 + 4.0 * 100.0)).abs() < 1e-6);
    }

    #[test]
    fn of_two_limits_the_tighter_counts() {
        let nested = "limits: [{ kind: fixed_window, requests: 600, window: 60s }, { kind: fixed_window, requests: 20, window: 1s }]";
        assert_eq!(best(nested, 2400), 24_000.0);
        assert_eq!(best(nested, 10), 200.0);
    }

    #[test]
    fn places_serve_by_the_mean_time_in_service() {
        let latency = "latency: { median: 100ms, sigma: 0 }";
        let cap = format!("limits: [{{ kind: concurrency, cap: 32 }}]\n{latency}");
        assert!((best(&cap, 10) - 3200.0).abs() < 1e-6);
        let knee = "latency: { median: 100ms, knee: { in_flight: 40, slope: 1.3 } }";
        assert!((best(knee, 10) - 4000.0).abs() < 1e-6);
        assert!((best(latency, 10) - 51_200.0).abs() < 1e-6);
        assert_eq!(best("seed: 1", 10), f64::INFINITY);
    }

    #[test]
    fn what_can_be_held_has_no_burst() {
        let scenario = Scenario::from_yaml(&bucket(""), "a test").expect("a scenario");
        let held = sustained(&scenario, Duration::ZERO, Duration::from_secs(30));
        assert!((held - 1500.0).abs() < 1e-6);
    }
}
