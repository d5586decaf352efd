//! The first requests: with nothing known, and with what was learnt before.

use std::time::{Duration, Instant};

use super::bench::{Bench, DONE, throttled};
use crate::limit::{Controller, Decision, LearnedLimit, LimitKind, LimitSettings};

fn known(kind: LimitKind, sure: bool) -> LearnedLimit {
    LearnedLimit {
        rate_per_s: 50.0,
        burst: Some(100.0),
        window_s: None,
        window_starts: None,
        longest_wait_s: 1.0,
        concurrency_cap: None,
        kind,
        sure,
    }
}

fn starting_from(learned: LearnedLimit) -> Bench {
    Bench::new(LimitSettings {
        starting_point: Some(learned),
        ..LimitSettings::default()
    })
}

#[test]
fn an_unknown_limit_is_approached_not_rushed_at() {
    let start = Instant::now();
    let mut controller = Controller::new(LimitSettings::default(), start, 1);
    let mut sent = Vec::new();
    for tenth in 0..10_000u32 {
        let now = start + Duration::from_micros(100) * tenth;
        for _ in 0..10 {
            if controller.poll(now) != Decision::Go {
                break;
            }
            let permit = controller.on_send(now);
            controller.on_reply(now, permit, &DONE);
            sent.push(now - start);
        }
    }
    let within = |milliseconds| {
        let limit = Duration::from_millis(milliseconds);
        sent.iter().filter(|at| **at < limit).count()
    };
    assert!((8..=12).contains(&within(20)), "{}", within(20));
    assert!((200..=240).contains(&within(100)), "{}", within(100));
    assert!(within(1000) > 10_000, "over after a fifth of a second");
}

#[test]
fn a_sure_rate_is_used_at_once_and_an_unsure_one_to_four_fifths() {
    let pace = |sure| starting_from(known(LimitKind::TokenBucket, sure)).pace();
    assert!((pace(true).unwrap() - 50.0).abs() < 0.5);
    assert_eq!(pace(false), Some(40.0));
}

#[test]
fn what_headers_told_or_a_search_without_a_limit_is_no_pace_to_start_from() {
    for kind in [LimitKind::Told, LimitKind::None, LimitKind::ConcurrencyCap] {
        assert_eq!(starting_from(known(kind, true)).pace(), None, "{kind:?}");
    }
}

#[test]
fn a_sure_cap_is_the_window_at_once_and_an_unsure_one_is_found_again() {
    let window = |sure| {
        let cap = LearnedLimit {
            concurrency_cap: Some(24),
            ..known(LimitKind::ConcurrencyCap, sure)
        };
        let bench = starting_from(cap);
        bench.controller.snapshot(bench.now).window
    };
    assert_eq!((window(true), window(false)), (24, 4));
}

#[test]
fn a_starting_point_that_is_no_number_is_none() {
    for rate_per_s in [f64::NAN, f64::INFINITY, 0.0, -3.0] {
        let learned = LearnedLimit {
            rate_per_s,
            ..known(LimitKind::TokenBucket, true)
        };
        assert_eq!(starting_from(learned).pace(), None, "{rate_per_s}");
    }
}

#[test]
fn a_tenant_that_refuses_a_whole_first_cycle_is_asked_again_soon() {
    let mut bench = Bench::new(LimitSettings::default());
    let permit = bench.send();
    bench.reply(permit, throttled(1.0));
    bench.at(1.1).poll();
    let first = bench.pace().unwrap();
    assert!((0.5..1.5).contains(&first), "{first}");
    bench.run(1.1, 21.1);
    assert!(bench.pace().unwrap() > 8.0 * first, "{:?}", bench.pace());
}
