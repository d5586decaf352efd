//! Each kind of limit is named right, and its figures are right.

use std::time::Duration;

use loadtest::tenant::{Anchor, LimitKind, Refill};

use super::tenant::{Simulated, Words, bounds, bucket, probe, window};
use crate::limit::WindowStart;
use crate::probe::verdict::{Honesty, Kind, Limit, Verdict};

/// What is true of a tenant.
struct Truth {
    kind: Kind,
    rate_per_s: f64,
    burst: Option<f64>,
    window_s: Option<f64>,
    starts: Option<WindowStart>,
    honest: Honesty,
}

const RATE_OFF: f64 = 0.05;
const FIGURES_OFF: f64 = 0.10;

fn is_near(found: Option<f64>, truth: Option<f64>, off: f64) -> bool {
    match (found, truth) {
        (_, None) => true,
        (Some(found), Some(truth)) => (found / truth - 1.0).abs() <= off,
        (None, Some(_)) => false,
    }
}

fn is_right(limit: &Limit, truth: &Truth) -> bool {
    let value = |figure: Option<crate::probe::Figure>| figure.map(|figure| figure.value);
    let rate = Some(truth.rate_per_s).filter(|rate| *rate > 0.0);
    limit.kind == truth.kind
        && is_near(value(limit.rate_per_s), rate, RATE_OFF)
        && is_near(value(limit.burst), truth.burst, FIGURES_OFF)
        && is_near(value(limit.window_s), truth.window_s, FIGURES_OFF)
        && (truth.starts.is_none() || limit.window_starts == truth.starts)
}

fn seeds() -> u64 {
    let asked = std::env::var("SLUICE_PROBE_SEEDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Probes with each seed: right with the first, and with the others right or,
/// now and then, not sure; never wrong.
#[track_caller]
fn assert_named(kinds: &[LimitKind], words: Words, truth: &Truth) -> Verdict {
    assert_named_within(kinds, words, truth, bounds())
}

#[track_caller]
fn assert_named_within(
    kinds: &[LimitKind],
    words: Words,
    truth: &Truth,
    bounds: crate::probe::Bounds,
) -> Verdict {
    let (mut first, mut unsure) = (None, 0);
    for seed in 1..=seeds() {
        let (verdict, stop, undercuts) = probe(bounds, || Simulated::new(kinds, words, seed));
        if std::env::var_os("SLUICE_PROBE_TRACE").is_some() {
            println!("{kinds:?} {words:?} seed {seed}: {stop:?} {verdict:#?}");
        }
        assert_eq!(undercuts, 0, "a wait was cut short: {kinds:?} seed {seed}");
        assert!(verdict.requests <= bounds.max_requests);
        if verdict.limit.kind == Kind::NotSure {
            let (seen, longest) = (&verdict.limit, verdict.retry_after.longest_s);
            println!("not sure, seed {seed}, {stop:?}, {longest} s: {seen:?}");
        }
        let right = is_right(&verdict.limit, truth) && verdict.retry_after.honest == truth.honest;
        if verdict.limit.kind == Kind::NotSure && seed > 1 {
            unsure += 1;
        } else {
            assert!(
                right,
                "{kinds:?} {words:?} seed {seed}: {stop:?} {verdict:#?}"
            );
        }
        first.get_or_insert(verdict);
    }
    assert!(
        unsure * 10 <= seeds(),
        "{kinds:?} {words:?}: {unsure} times not sure"
    );
    first.expect("at least one seed")
}

fn of_window(starts: WindowStart, honest: Honesty) -> Truth {
    Truth {
        kind: Kind::FixedWindow,
        rate_per_s: 5.0,
        burst: Some(300.0),
        window_s: Some(60.0),
        starts: Some(starts),
        honest,
    }
}

fn of_bucket(rate_per_s: f64, burst: f64, honest: Honesty) -> Truth {
    Truth {
        kind: Kind::TokenBucket,
        rate_per_s,
        burst: Some(burst),
        window_s: None,
        starts: None,
        honest,
    }
}

const MINUTE_FIRST: fn() -> [LimitKind; 1] = || [window(300, 60, Anchor::FirstRequest)];
const MINUTE_CLOCK: fn() -> [LimitKind; 1] = || [window(300, 60, Anchor::Clock)];

#[test]
fn a_window_of_a_minute_with_honest_words() {
    let first = of_window(WindowStart::FirstRequest, Honesty::Honest);
    assert_named(&MINUTE_FIRST(), Words::Seconds, &first);
    let clock = of_window(WindowStart::Clock, Honesty::Honest);
    assert_named(&MINUTE_CLOCK(), Words::Seconds, &clock);
}

#[test]
fn a_window_of_a_minute_told_as_a_date_by_a_wrong_clock() {
    for skew_s in [2.0, -2.0] {
        let truth = of_window(WindowStart::FirstRequest, Honesty::Honest);
        assert_named(&MINUTE_FIRST(), Words::Date { skew_s }, &truth);
    }
}

#[test]
fn a_window_of_a_minute_that_says_nothing() {
    let first = of_window(WindowStart::FirstRequest, Honesty::NotTold);
    assert_named(&MINUTE_FIRST(), Words::Nothing, &first);
    let clock = of_window(WindowStart::Clock, Honesty::NotTold);
    assert_named(&MINUTE_CLOCK(), Words::Nothing, &clock);
}

#[test]
fn a_window_of_a_minute_whose_words_are_too_short() {
    let truth = of_window(WindowStart::FirstRequest, Honesty::TooShort);
    assert_named(&MINUTE_FIRST(), Words::Always(1), &truth);
}

#[test]
fn buckets() {
    for (rate, burst) in [(50.0, 100.0), (50.0, 20.0), (200.0, 20.0)] {
        let truth = of_bucket(rate, burst, Honesty::Honest);
        assert_named(&[bucket(rate, burst)], Words::Seconds, &truth);
    }
}

#[test]
fn a_bucket_that_says_nothing_or_too_much() {
    let silent = of_bucket(50.0, 100.0, Honesty::NotTold);
    assert_named(&[bucket(50.0, 100.0)], Words::Nothing, &silent);
    let long = of_bucket(50.0, 100.0, Honesty::LongerThanNeeded);
    assert_named(&[bucket(50.0, 100.0)], Words::Always(10), &long);
}

#[test]
fn a_bucket_of_1000_a_second_takes_more_requests() {
    let wide = crate::probe::Bounds {
        max_requests: 20_000,
        max_in_flight: 256,
        ..bounds()
    };
    let truth = of_bucket(1000.0, 2000.0, Honesty::Honest);
    assert_named_within(&[bucket(1000.0, 2000.0)], Words::Seconds, &truth, wide);
    let (verdict, ..) = probe(bounds(), || {
        Simulated::new(&[bucket(1000.0, 2000.0)], Words::Seconds, 1)
    });
    assert_eq!(verdict.limit.kind, Kind::None);
    let below = verdict.none_below_per_s.expect("a rate that was borne");
    assert!((500.0..1000.0).contains(&below), "{below}");
}

#[test]
fn a_bucket_that_is_refilled_in_portions() {
    let minute = Duration::from_secs(60);
    let limit = LimitKind::TokenBucket {
        rate: 500.0 / 60.0,
        burst: 1000.0,
        refill: Refill::Every(minute),
    };
    let truth = Truth {
        window_s: Some(60.0),
        ..of_bucket(500.0 / 60.0, 1000.0, Honesty::Honest)
    };
    let verdict = assert_named(&[limit], Words::Seconds, &truth);
    assert_eq!(verdict.limit.portion, Some(500.0));
}

#[test]
fn a_sliding_window() {
    for count_rejected in [false, true] {
        let limit = LimitKind::SlidingLog {
            requests: 300,
            window: Duration::from_secs(60),
            count_rejected,
        };
        let truth = Truth {
            kind: Kind::SlidingWindow,
            starts: None,
            ..of_window(WindowStart::Clock, Honesty::Honest)
        };
        assert_named(&[limit], Words::Seconds, &truth);
    }
}

#[test]
fn caps() {
    for (cap, words, honest) in [
        (32, Words::Nothing, Honesty::NotTold),
        (32, Words::Always(1), Honesty::LongerThanNeeded),
        (16, Words::Nothing, Honesty::NotTold),
    ] {
        let truth = Truth {
            kind: Kind::ConcurrencyCap,
            rate_per_s: 0.0,
            burst: None,
            window_s: None,
            starts: None,
            honest,
        };
        let verdict = assert_named(&[LimitKind::Concurrency { cap }], words, &truth);
        assert_eq!(verdict.limit.concurrency_cap, u32::try_from(cap).ok());
        // A request holds its place for 67 ms and is under way for 83.
        let rate = verdict.limit.rate_per_s.expect("a rate").value;
        let expected = f64::from(u32::try_from(cap).expect("small")) / 0.083;
        assert!(
            (rate / expected - 1.0).abs() < 0.1,
            "{rate} and not {expected}"
        );
    }
}

#[test]
fn short_windows() {
    for anchor in [Anchor::FirstRequest, Anchor::Clock] {
        let truth = Truth {
            rate_per_s: 20.0,
            burst: Some(100.0),
            window_s: Some(5.0),
            starts: None,
            ..of_window(WindowStart::Clock, Honesty::Honest)
        };
        assert_named(&[window(100, 5, anchor)], Words::Seconds, &truth);
    }
    let second = Truth {
        rate_per_s: 20.0,
        burst: Some(20.0),
        window_s: Some(1.0),
        starts: None,
        ..of_window(WindowStart::Clock, Honesty::Honest)
    };
    let one = [window(20, 1, Anchor::FirstRequest)];
    assert_named(&one, Words::Seconds, &second);
}

#[test]
fn a_limit_behind_a_limit() {
    let both = [
        window(600, 60, Anchor::FirstRequest),
        window(20, 1, Anchor::FirstRequest),
    ];
    let truth = Truth {
        rate_per_s: 10.0,
        burst: Some(600.0),
        starts: None,
        ..of_window(WindowStart::FirstRequest, Honesty::Honest)
    };
    let verdict = assert_named(&both, Words::Seconds, &truth);
    let also = verdict.also.expect("the shorter one was found too");
    assert_eq!(also.kind, Kind::FixedWindow);
    let rate = also.rate_per_s.expect("a rate").value;
    assert!((rate / 20.0 - 1.0).abs() <= RATE_OFF, "{rate}");
}
