//! What is learnt from cycles, ramps and refusals.

use std::time::Duration;

use super::bench::{DONE, REFUSED, bench};
use crate::limit::Decision;
use crate::limit::burst::Burst;
use crate::limit::cycles::CycleLog;
use crate::limit::ramp::Ramp;
use crate::limit::steady::Steadiness;
use crate::limit::step_down::Steps;

/// Grows the ramp until a bucket with this rate and burst would refuse it.
fn refused_by(mut ramp: Ramp, rate_per_s: f64, burst: f64) -> Ramp {
    let (mut level, tick_s) = (burst, 0.001);
    while level > 0.0 {
        ramp.grow(tick_s);
        level = (level + (rate_per_s - ramp.rate_per_s()) * tick_s).min(burst);
    }
    ramp
}

#[test]
fn a_refused_ramp_tells_the_rate_of_a_bucket_whose_burst_is_known() {
    for (rate_per_s, burst) in [(50.0, 20.0), (200.0, 20.0), (5.0, 100.0)] {
        for ramp in [
            Ramp::doubling(0.5 * rate_per_s, 5.0),
            Ramp::doubling(0.9 * rate_per_s, 20.0),
            Ramp::probing(0.98 * rate_per_s, 20.0),
        ] {
            let refused = refused_by(ramp, rate_per_s, burst);
            let level = refused.level_with_burst(burst);
            assert!(
                (level / rate_per_s - 1.0).abs() < 0.01,
                "{level} {refused:?}"
            );
        }
    }
}

#[test]
fn a_limit_that_is_all_burst_has_no_level() {
    // A window of 300: the ramp asked for no more than that.
    let mut ramp = Ramp::doubling(5.0, 20.0);
    ramp.grow(32.0);
    assert!(ramp.level_with_burst(300.0) < 0.5);
}

#[test]
fn two_ramps_of_different_steepness_tell_the_burst() {
    for truth in [1.0, 20.0] {
        let mut burst = Burst::default();
        burst.add(60.0, 0.5);
        burst.fit(&refused_by(Ramp::doubling(15.0, 5.0), 20.0, truth));
        burst.fit(&refused_by(Ramp::probing(19.5, 20.0), 20.0, truth));
        let found = burst.behind_a_ramp(20.0);
        assert!(
            (found - truth).abs() < 0.1 * truth + 0.3,
            "{found} not {truth}"
        );
    }
}

#[test]
fn the_burst_is_no_larger_than_what_the_leanest_cycles_got() {
    let mut burst = Burst::known(Some(500.0));
    for _ in 0..10 {
        burst.add(40.0, 1.0);
    }
    assert!((39.0..42.0).contains(&burst.most(0.0)), "{burst:?}");
    // In its second the limit also gave its rate of 30.
    assert!((9.0..11.0).contains(&burst.most(30.0)), "{burst:?}");
}

#[test]
fn a_punishment_isnt_counted_into_the_rate() {
    // 100 in any 10 s, and 10 s of nothing for whoever asks for more.
    let mut cycles = CycleLog::new(0.0);
    cycles.add(100.0, 10.4, 10.0);
    cycles.add(100.0, 20.2, 10.0);
    let rate_per_s = cycles.rate_per_s().unwrap();
    assert!((9.0..10.0).contains(&rate_per_s), "{rate_per_s}");
    assert!(cycles.lost_s() > 9.0);
}

#[test]
fn a_window_that_was_halved_is_measured_whole() {
    let mut cycles = CycleLog::new(0.0);
    for _ in 0..3 {
        cycles.add(300.0, 60.0, 58.0);
    }
    for _ in 0..3 {
        cycles.add(150.0, 60.0, 30.0);
    }
    assert_eq!((cycles.rate_per_s(), cycles.lost_s()), (Some(2.5), 0.0));
}

#[test]
fn a_refusal_without_a_wait_steps_below_the_pace_once() {
    let mut bench = bench();
    bench.learn_100_in(0.0, 10.0);
    bench.run(10.1, 12.0);
    let before = bench.pace().unwrap();
    let mut permits = Vec::new();
    while permits.len() < 4 {
        bench.now += Duration::from_millis(1);
        if bench.poll() == Decision::Go {
            permits.push(bench.send());
        }
    }
    bench.reply(permits.remove(0), REFUSED);
    let stepped = bench.pace().unwrap();
    assert!(
        (0.9..0.96).contains(&(stepped / before)),
        "{before} {stepped}"
    );
    bench.reply(permits.remove(0), DONE);
    bench.reply(permits.remove(0), REFUSED);
    assert_eq!(
        bench.pace(),
        Some(stepped),
        "both were sent at the old pace"
    );
}

#[test]
fn where_many_are_refused_the_pace_falls_by_as_many() {
    let mut steps = Steps::new(0.0);
    for _ in 0..5 {
        assert_eq!(steps.note_refusal(0.2, 0.05, 5.0), None);
    }
    let step = steps.note_refusal(0.3, 0.05, 5.0).unwrap();
    assert!((step.refused_share - 6.0 / 16.0).abs() < 1e-9 && !step.near);
    steps.begin_anew(0.3);
    assert_eq!(steps.note_refusal(0.5, 0.05, 5.0), None);
    let step = steps.note_refusal(0.6, 0.05, 93.0).unwrap();
    assert!((step.refused_share - 0.02).abs() < 1e-9 && step.near);
}

#[test]
fn a_long_opening_is_unusual_only_where_every_measure_was_the_same() {
    let after = |changes: &[f64]| {
        let mut steadiness = Steadiness::default();
        for change in changes {
            steadiness.note_opening(119.0);
            steadiness.note_measure(*change);
        }
        steadiness
    };
    let alone = after(&[0.002; 8]);
    assert!(!alone.is_unusual(120.0, 60.0));
    assert!(alone.is_unusual(130.0, 60.0));
    assert!(!alone.is_unusual(130.0, 100.0), "a window of that length");
    let among_others = after(&[0.002, 0.002, 0.002, 0.03, 0.002, 0.002, 0.002, 0.002]);
    assert!(!among_others.is_unusual(600.0, 60.0));
}

#[test]
fn a_pace_that_others_were_refused_for_tells_of_no_raise() {
    let after = |change: f64| {
        let mut steadiness = Steadiness::default();
        steadiness.note_opening(20.0);
        steadiness.note_measure(change);
        steadiness
    };
    let among_others = after(0.05);
    assert!(!among_others.tells_of_a_raise(39.0));
    assert!(among_others.tells_of_a_raise(41.0));
    assert!(after(0.005).tells_of_a_raise(1.0), "alone");
}
