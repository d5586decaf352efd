//! The pace that headers tell.

use std::time::Duration;

use super::bench::{Bench, bench};
use crate::limit::{Decision, Hint, LimitSettings, Observation, Share};

/// An answer that leaves so many requests until the reset.
fn leaves(remaining: f64, resets_in: Duration) -> Observation {
    let hint = Hint {
        remaining: Some(remaining),
        resets_in: Some(resets_in),
        ..Hint::default()
    };
    Observation::Accepted { hint: Some(hint) }
}

fn told(bench: &mut Bench, at_s: f64, remaining: f64, resets_in_s: u64) {
    let granted = bench
        .at(at_s)
        .flood(1, leaves(remaining, Duration::from_secs(resets_in_s)));
    assert_eq!(granted, 1, "at {at_s} s");
}

#[test]
fn a_told_quota_is_spread_over_its_time() {
    let mut bench = bench();
    bench.flood(1, leaves(105.0, Duration::from_millis(10_500)));
    assert_eq!(bench.pace(), Some(10.0));
}

#[test]
fn after_a_told_window_another_like_it_is_expected_for_as_long() {
    let mut bench = bench();
    told(&mut bench, 0.0, 100.0, 10);
    told(&mut bench, 9.0, 4.0, 1);
    bench.at(10.1);
    assert_eq!(bench.pace(), Some(10.0));
    bench.at(20.1);
    assert_eq!(bench.pace(), None);
}

#[test]
fn a_quota_that_was_used_up_when_it_was_first_told_is_asked_about_soon_after_its_reset() {
    let mut bench = bench();
    told(&mut bench, 0.0, 0.0, 30);
    let (before, soon_after) = (bench.run(29.0, 30.0), bench.run(30.0, 30.6));
    assert!(
        before == 0 && (1..=2).contains(&soon_after),
        "{before}, {soon_after}"
    );
}

#[test]
fn replies_of_one_window_narrow_its_reset_down() {
    let mut bench = bench();
    // Rounded up, the reset is at 2 s or up to a second earlier …
    told(&mut bench, 0.0, 90.0, 2);
    assert_eq!(bench.pace(), Some(60.0));
    // … but not before 1.1 s, …
    told(&mut bench, 0.1, 89.0, 2);
    assert!((bench.pace().unwrap() - 89.0 / 1.45).abs() < 1e-6);
    // … and at 1.2 s at the latest.
    told(&mut bench, 0.2, 88.0, 1);
    assert!((bench.pace().unwrap() - 88.0 / 0.95).abs() < 1e-6);
    // More is left than before: another window, and nothing is known of its end.
    told(&mut bench, 1.19, 99.0, 1);
    assert!((bench.pace().unwrap() - 99.0 / 0.5).abs() < 1e-6);
}

#[test]
fn nothing_left_is_asked_about_again_at_the_reset() {
    let mut bench = bench();
    told(&mut bench, 0.0, 10.0, 1);
    told(&mut bench, 0.4, 0.0, 1);
    assert_eq!(bench.pace(), Some(0.0));
    let asks_at = match bench.at(0.5).poll() {
        Decision::WaitUntil(until) => until.duration_since(bench.now).as_secs_f64(),
        other => panic!("{other:?}"),
    };
    assert!((asks_at - 0.5).abs() < 1e-6, "{asks_at}");
}

#[test]
fn what_was_sent_after_a_request_is_taken_off_what_its_reply_tells() {
    let mut bench = bench();
    let first = bench.send();
    let later: Vec<_> = (0..3).map(|_| bench.send()).collect();
    bench.reply(first, leaves(103.0, Duration::from_millis(10_001)));
    assert!((bench.pace().unwrap() - 100.0 / 10.001).abs() < 1e-6);
    // These were counted before their own replies were written.
    for (permit, remaining) in later.into_iter().zip([102.0, 101.0, 100.0]) {
        bench.reply(permit, leaves(remaining, Duration::from_millis(10_001)));
        assert!((bench.pace().unwrap() - 100.0 / 10.001).abs() < 1e-6);
    }
}

#[test]
fn others_are_left_what_they_take_in_the_last_half_second() {
    let mut bench = bench();
    let mut pace_near_the_end = |taken_by_others: f64| {
        let start_s = bench.seconds() + 20.0;
        told(&mut bench, start_s, 100.0, 10);
        told(&mut bench, start_s + 5.0, 99.0 - taken_by_others, 5);
        // The next window.
        told(&mut bench, start_s + 10.0, 100.0, 10);
        told(&mut bench, start_s + 19.0, 10.0, 1);
        bench.pace().unwrap()
    };
    let alone = pace_near_the_end(0.0);
    let among_others = pace_near_the_end(20.0);
    // They took two a second.
    assert!((alone - 10.0 / 0.5).abs() < 1e-3, "{alone}");
    assert!((among_others - 9.0 / 0.5).abs() < 1e-3, "{among_others}");
}

#[test]
fn two_limits_that_are_told_by_turns_stop_nothing() {
    let mut bench = bench();
    for turn in 0..10 {
        let remaining = if turn % 2 == 0 { 1000.0 } else { 60.0 };
        told(&mut bench, 2.0 * f64::from(turn), remaining, 60);
    }
    // The latest told 60 for a minute.
    assert!(bench.pace().unwrap() > 0.95, "{:?}", bench.pace());
}

#[test]
fn of_a_told_quota_a_courteous_client_takes_its_share() {
    let share = Share::try_new(0.9).unwrap();
    let mut bench = Bench::new(LimitSettings {
        share,
        ..LimitSettings::default()
    });
    told(&mut bench, 0.0, 100.0, 10);
    assert_eq!(bench.pace(), Some(9.0));
    // Something is left to others up to the reset, however its seconds are rounded.
    told(&mut bench, 1.0, 100.0, 1);
    assert_eq!(bench.pace(), Some(90.0));
}
