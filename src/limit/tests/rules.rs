//! The rules of the controller, each as one sentence.

use std::num::NonZeroU32;
use std::time::Duration;

use super::bench::{Bench, DONE, REFUSED, bench, throttled};
use crate::limit::{
    CloseReason, Concurrency, Decision, LimitEvent, LimitKind, LimitSettings, Observation, Permit,
    Rate, Reaction, Share,
};

#[test]
fn nothing_is_sent_between_close_and_reopen() {
    let mut bench = bench();
    let permit = bench.send();
    assert_eq!(
        bench.reply(permit, throttled(5.0)),
        Reaction::RetryWhenGateOpens
    );
    for tenths in 0..50 {
        assert!(matches!(
            bench.at(f64::from(tenths) / 10.0).poll(),
            Decision::WaitUntil(_)
        ));
    }
    assert!((5.0..5.06).contains(&bench.at(0.0).closed_for()));
    assert_eq!(bench.at(5.06).poll(), Decision::Go);
}

#[test]
fn a_longer_retry_after_lengthens_the_wait_and_a_shorter_one_never_shortens_it() {
    let mut bench = bench();
    let permits: Vec<Permit> = (0..3).map(|_| bench.send()).collect();
    for (permit, seconds) in permits.into_iter().zip([5.0, 20.0, 1.0]) {
        bench.reply(permit, throttled(seconds));
    }
    assert!(bench.closed_for() >= 20.0);
}

#[test]
fn a_retry_after_of_zero_is_no_busy_loop() {
    let mut bench = bench();
    let permit = bench.send();
    bench.reply(permit, throttled(0.0));
    assert!(bench.closed_for() >= 0.25);
}

#[test]
fn a_stale_429_does_not_close_the_gate_but_its_record_waits() {
    let mut bench = bench();
    let (slow, quick) = (bench.send(), bench.send());
    bench.reply(quick, throttled(1.0));
    assert_eq!(bench.at(1.1).poll(), Decision::Go);
    let reaction = bench.reply(slow, throttled(9.0));
    let delay = Duration::from_secs(9);
    assert_eq!(
        reaction,
        Reaction::RetryAfter {
            delay,
            counts_as_attempt: false
        }
    );
    assert_eq!(bench.poll(), Decision::Go);
}

#[test]
fn a_wait_is_lengthened_only_once_proven_short_twice() {
    let mut bench = bench();
    bench.flood(20, DONE);
    let mut now_s = 0.0;
    let waits: Vec<f64> = (0..5)
        .map(|_| {
            let permit = bench.at(now_s).send();
            bench.reply(permit, throttled(1.0));
            let wait = bench.closed_for();
            now_s += wait;
            wait
        })
        .collect();
    let expected = [1.0, 1.0, 1.0, 1.5, 2.25];
    for (wait, expected) in waits.iter().zip(expected) {
        assert!((0.0..0.06).contains(&(wait - expected)), "{waits:?}");
    }
}

#[test]
fn a_cycle_teaches_its_rate_and_a_fruitless_one_joins_it() {
    let mut bench = bench();
    bench.learn_100_in(0.0, 10.0);
    assert!((bench.pace().unwrap() - 10.0).abs() < 0.1);
    // Refused at once for ten more seconds: it came free somewhere in these,
    // so it was 100 in about 15 seconds.
    let permit = bench.send();
    bench.reply(permit, throttled(10.0));
    let wait = bench.closed_for();
    bench.now += Duration::from_secs_f64(wait);
    bench.poll();
    assert!((bench.pace().unwrap() - 100.0 / 15.0).abs() < 0.1);
}

#[test]
fn two_measures_that_agree_are_sure() {
    let mut bench = bench();
    bench.learn_100_in(0.0, 10.0);
    assert!(
        !bench
            .controller
            .snapshot(bench.now)
            .learned_limit
            .unwrap()
            .sure
    );
    let admitted = bench.run(10.1, 20.0);
    let permit = bench.at(20.0 + 0.2).send();
    bench.reply(permit, throttled(0.5));
    bench.at(21.0).poll();
    let learned = bench.controller.snapshot(bench.now).learned_limit.unwrap();
    assert!(
        learned.sure && learned.kind == LimitKind::Window,
        "{admitted} {learned:?}"
    );
}

#[test]
fn half_a_minute_of_503_leaves_the_pace_as_it_was() {
    let mut bench = bench();
    bench.learn_100_in(0.0, 10.0);
    let before = bench.controller.snapshot(bench.now).learned_limit.unwrap();
    for tenth in 101..400 {
        bench
            .at(f64::from(tenth) / 10.0)
            .flood(1, Observation::Transient { failures: 1 });
    }
    assert_eq!(
        bench.controller.snapshot(bench.now).learned_limit,
        Some(before)
    );
}

#[test]
fn a_503_with_retry_after_closes_the_gate_and_teaches_nothing() {
    let mut bench = bench();
    let permit = bench.send();
    let retry_after = Duration::from_secs(7);
    bench.reply(
        permit,
        Observation::Unavailable {
            retry_after: Some(retry_after),
            failures: 1,
        },
    );
    assert!(bench.closed_for() >= 7.0);
    assert_eq!(bench.at(7.1).poll(), Decision::Go);
    assert_eq!(bench.pace(), None);
}

#[test]
fn the_pace_grows_only_while_it_is_what_holds_back() {
    let mut bench = bench();
    bench.learn_100_in(0.0, 10.0);
    let learned = bench.pace().unwrap();
    // Nobody asks: no growth.
    bench.at(100.0).poll();
    assert_eq!(bench.pace(), Some(learned));
    // What is earned in 10 s can't show in less: it doubles in 1.5 times that.
    bench.run(100.0, 115.0);
    assert!((bench.pace().unwrap() / learned - 2.0).abs() < 0.1);
}

#[test]
fn the_circuit_breaker_opens_on_five_failures_in_a_row_and_closes_on_a_success() {
    let mut bench = bench();
    assert_eq!(bench.flood(10, Observation::Transient { failures: 1 }), 5);
    let closed_for = bench.closed_for();
    assert!(bench.controller.snapshot(bench.now).breaker_open && closed_for > 0.0);
    bench.at(closed_for + 0.001).flood(1, DONE);
    assert!(!bench.controller.snapshot(bench.now).breaker_open);
    let events = bench.controller.take_events();
    assert!(events.contains(&LimitEvent::BreakerOpened {
        failures_in_a_row: 5
    }));
    assert_eq!(events.last(), Some(&LimitEvent::BreakerClosed));
    assert!(bench.controller.take_events().is_empty());
}

#[test]
fn a_few_failures_amid_successes_leave_the_gate_open() {
    let mut bench = bench();
    for _ in 0..100 {
        bench.flood(4, Observation::Transient { failures: 1 });
        bench.flood(1, DONE);
    }
    assert_eq!(bench.closed_for(), 0.0);
}

#[test]
fn without_retry_after_the_gate_closes_when_nothing_gets_through() {
    let mut bench = bench();
    bench.flood(20, DONE);
    let reaction = {
        let permit = bench.send();
        bench.reply(permit, REFUSED)
    };
    assert!(matches!(
        reaction,
        Reaction::RetryAfter {
            counts_as_attempt: false,
            ..
        }
    ));
    assert!((0.25..=0.3).contains(&bench.closed_for()));
}

#[test]
fn the_ceiling_is_never_passed() {
    let max_rate = "10/s".parse::<Rate>().ok();
    let mut bench = Bench::new(LimitSettings {
        max_rate,
        ..LimitSettings::default()
    });
    assert!((100..=101).contains(&bench.run(0.0, 10.0)));
}

#[test]
fn a_fixed_concurrency_stays() {
    let concurrency = Concurrency::Fixed(NonZeroU32::new(7).unwrap());
    let mut bench = Bench::new(LimitSettings {
        concurrency,
        ..LimitSettings::default()
    });
    let permits: Vec<Permit> = (0..7).map(|_| bench.send()).collect();
    assert_eq!(bench.poll(), Decision::WaitForReply);
    for permit in permits {
        bench.reply(permit, DONE);
    }
    bench.run(0.0, 1.0);
    assert_eq!(bench.controller.snapshot(bench.now).window, 7);
}

#[test]
fn a_courteous_share_is_kept_and_not_probed() {
    let share = Share::try_new(0.5).unwrap();
    let mut bench = Bench::new(LimitSettings {
        share,
        ..LimitSettings::default()
    });
    bench.learn_100_in(0.0, 10.0);
    bench.run(10.1, 20.0);
    let permit = bench.at(20.2).send();
    bench.reply(permit, throttled(0.5));
    bench.run(21.0, 22.0);
    let pace = bench.pace().unwrap();
    let learned = bench.controller.snapshot(bench.now).learned_limit.unwrap();
    assert!(learned.sure && (pace / learned.rate_per_s - 0.5).abs() < 1e-9);
    bench.run(22.0, 60.0);
    assert_eq!(bench.pace(), Some(pace));
}

#[test]
fn a_long_pause_is_told() {
    let mut bench = bench();
    let permit = bench.send();
    bench.reply(permit, throttled(3600.0));
    let events = bench.controller.take_events();
    assert!(matches!(
        events[..],
        [
            LimitEvent::GateClosed {
                reason: CloseReason::Throttled,
                ..
            },
            LimitEvent::PausedUntil { .. }
        ]
    ));
}

#[test]
fn an_abandoned_permit_leaves_no_trace() {
    let mut bench = bench();
    bench.learn_100_in(0.0, 10.0);
    let granted = bench.controller.snapshot(bench.now).granted;
    for _ in 0..50 {
        let permit = bench.send();
        bench.controller.abandon(bench.now, permit);
    }
    let snapshot = bench.controller.snapshot(bench.now);
    assert_eq!((snapshot.in_flight, snapshot.granted), (0, granted));
}

#[test]
fn a_cap_that_names_a_wait_is_no_quota() {
    let mut bench = bench();
    // Sixteen at once are admitted, each answered after 10 ms.
    let mut served: Vec<Permit> = Vec::new();
    for millisecond in (0..3000).step_by(10) {
        bench.at(f64::from(millisecond) / 1000.0);
        for permit in std::mem::take(&mut served) {
            bench.reply(permit, DONE);
        }
        while bench.poll() == Decision::Go {
            let permit = bench.send();
            if served.len() < 16 {
                served.push(permit);
            } else {
                bench.reply(permit, throttled(1.0));
            }
        }
    }
    let snapshot = bench.controller.snapshot(bench.now);
    assert_eq!(
        (snapshot.throttled, snapshot.pace_per_s),
        (1, None),
        "{snapshot:?}"
    );
    assert!(
        bench
            .controller
            .take_events()
            .iter()
            .any(|event| matches!(event, LimitEvent::ConcurrencyCapMet { .. }))
    );
}
