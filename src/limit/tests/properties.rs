//! What holds for any sequence of answers at any times.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::limit::window::Window;
use crate::limit::{
    Concurrency, Controller, Decision, Hint, LearnedLimit, LimitKind, LimitSettings, Observation,
    Permit, Rate,
};

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Send,
    Reply(usize, Observation),
    Abandon(usize),
}

fn observation() -> impl Strategy<Value = Observation> {
    let hint = prop::option::of(
        (0.0..500.0f64, 0u64..100).prop_map(|(remaining, reset_s)| Hint {
            remaining: Some(remaining),
            resets_in: Some(Duration::from_secs(reset_s)),
            ..Hint::default()
        }),
    );
    let wait = (0u64..20_000).prop_map(Duration::from_millis);
    prop_oneof![
        6 => hint.clone().prop_map(|hint| Observation::Accepted { hint }),
        1 => (prop::option::of(wait.clone()), hint)
            .prop_map(|(retry_after, hint)| Observation::Throttled { retry_after, hint }),
        2 => prop::option::of(wait).prop_map(|retry_after| Observation::Unavailable { retry_after, failures: 1 }),
        2 => (1u32..50).prop_map(|failures| Observation::Transient { failures }),
        1 => (1u32..50).prop_map(|failures| Observation::Unreached { failures }),
        1 => Just(Observation::Neutral { hint: None }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u64..400).prop_map(Step::Pass),
        6 => Just(Step::Send),
        5 => (any::<usize>(), observation()).prop_map(|(which, reply)| Step::Reply(which, reply)),
        1 => any::<usize>().prop_map(Step::Abandon),
    ];
    prop::collection::vec(step, 1..400)
}

/// A send, and the pace just then.
struct Sent {
    at: Instant,
    ceiling: f64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn window_gate_and_ceiling_hold_for_any_answers(steps in steps(), seed: u64, limited: bool) {
        let start = Instant::now();
        let max_rate = if limited { Rate::per_second(20.0) } else { None };
        let settings = LimitSettings { max_rate, ..LimitSettings::default() };
        let mut controller = Controller::new(settings, start, seed);
        let mut now = start;
        let mut out: Vec<Permit> = Vec::new();
        let mut sent: Vec<Sent> = Vec::new();
        let mut forbidden_until = start;
        for step in steps {
            match step {
                Step::Pass(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Send => {
                    if controller.poll(now) == Decision::Go {
                        prop_assert!(now >= forbidden_until, "before a Retry-After had run out");
                        let before = controller.snapshot(now);
                        prop_assert!(before.window >= 1 && before.in_flight < before.window);
                        out.push(controller.on_send(now));
                        sent.push(Sent { at: now, ceiling: before.pace_per_s.unwrap_or(f64::INFINITY) });
                    }
                }
                Step::Reply(which, reply) if !out.is_empty() => {
                    let permit = out.swap_remove(which % out.len());
                    // Old news binds its own record only.
                    let fresh = permit.sent_at() >= forbidden_until;
                    controller.on_reply(now, permit, &reply);
                    let asked = match reply {
                        Observation::Throttled { retry_after, .. } if fresh => retry_after,
                        Observation::Unavailable { retry_after, .. } => retry_after,
                        _ => None,
                    };
                    forbidden_until = forbidden_until.max(now + asked.unwrap_or_default());
                }
                Step::Abandon(which) if !out.is_empty() => {
                    controller.abandon(now, out.swap_remove(which % out.len()));
                    sent.clear(); // its token came back, so counting starts anew
                }
                Step::Reply(..) | Step::Abandon(_) => {}
            }
            prop_assert_eq!(controller.snapshot(now).in_flight as usize, out.len());
        }
        if limited {
            for (first, one) in sent.iter().enumerate() {
                for (count, other) in sent[first..].iter().enumerate() {
                    let seconds = (other.at - one.at).as_secs_f64();
                    prop_assert!(count as f64 <= 1.0 + 20.0 * seconds + 1e-6);
                }
            }
        }
        // Where a pace is known, no two sends at one moment exceed its savings.
        for pair in sent.chunk_by(|one, other| one.at == other.at) {
            let ceiling = pair.iter().map(|sent| sent.ceiling).fold(0.0, f64::max);
            prop_assert!(pair.len() as f64 <= (0.05 * ceiling).max(1.0) + 1.0);
        }
    }

    #[test]
    fn pace_and_places_stay_within_what_was_learnt(steps in steps(), seed: u64, most in 1u32..40) {
        let start = Instant::now();
        let settings = LimitSettings { max_in_flight: most, ..LimitSettings::default() };
        let mut controller = Controller::new(settings, start, seed);
        let mut now = start;
        let mut out: Vec<Permit> = Vec::new();
        for step in steps {
            match step {
                Step::Pass(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Send if controller.poll(now) == Decision::Go => out.push(controller.on_send(now)),
                Step::Reply(which, reply) if !out.is_empty() => {
                    let permit = out.swap_remove(which % out.len());
                    controller.on_reply(now, permit, &reply);
                }
                _ => {}
            }
            let seen = controller.snapshot(now);
            prop_assert!((1..=most).contains(&seen.window), "{:?}", seen);
            prop_assert!(seen.in_flight <= most);
            if let (Some(pace_per_s), Some(learned)) = (seen.pace_per_s, seen.learned_limit) {
                prop_assert!(pace_per_s.is_finite() && pace_per_s >= 0.0);
                // Past the probe's reach the limit counts as raised, and is no longer sure.
                let reach = if learned.sure { 1.151 } else { f64::INFINITY };
                prop_assert!(pace_per_s <= reach * learned.rate_per_s, "{:?}", seen);
            }
        }
    }

    /// Whatever the controller tells the window, and in whatever order.
    #[test]
    fn one_place_stays_and_none_is_above_the_cap(
        told in prop::collection::vec((0u8..8, 0.0..1.0f64), 1..300),
        most in 1u32..100,
    ) {
        let mut window = Window::starting_at(0.0, Concurrency::Auto, most, None);
        let mut now_s = 0.0;
        for (what, amount) in told {
            now_s += amount;
            match what {
                0 => window.note_window_bound(),
                1 => window.note_pace_bound(),
                2 => {
                    window.on_accepted(now_s, now_s - 0.05);
                },
                3 | 4 => {
                    window.on_refused(now_s, now_s - 0.05);
                },
                5 => window.lose_connection(now_s),
                6 => window.restart_slowly(now_s, Some(200.0 * amount)),
                _ => window.set_cap(now_s, 200.0 * amount),
            }
            prop_assert!((1..=most).contains(&window.places()), "{window:?}");
        }
    }

    /// A tenant that admits everything from now on, whatever limit was known.
    #[test]
    fn a_sure_pace_grows_no_further_than_the_probe_reaches(
        rate_per_s in 0.5..500.0f64,
        window_s in 0.5..120.0f64,
        seed: u64,
    ) {
        let start = Instant::now();
        let known = LearnedLimit {
            rate_per_s,
            burst: Some(rate_per_s * window_s),
            window_s: Some(window_s),
            window_starts: None,
            longest_wait_s: window_s,
            concurrency_cap: None,
            kind: LimitKind::FixedWindow,
            sure: true,
        };
        let settings = LimitSettings { starting_point: Some(known), ..LimitSettings::default() };
        let mut controller = Controller::new(settings, start, seed);
        let mut now = start;
        for _ in 0..20_000 {
            let seen = controller.snapshot(now);
            let (Some(pace_per_s), Some(learned)) = (seen.pace_per_s, seen.learned_limit) else {
                panic!("a pace was known: {seen:?}");
            };
            if !learned.sure {
                return Ok(()); // raised, and searched for
            }
            // One request is over the bound by what the probe grew since the one before.
            prop_assert!(pace_per_s <= 1.16 * learned.rate_per_s, "{seen:?}");
            match controller.poll(now) {
                Decision::Go => {
                    let permit = controller.on_send(now);
                    now += Duration::from_millis(1);
                    controller.on_reply(now, permit, &Observation::Accepted { hint: None });
                }
                Decision::WaitUntil(until) => now = until,
                Decision::WaitForReply => prop_assert!(false, "nothing is in flight"),
            }
        }
    }

    #[test]
    fn a_quiet_controller_grants_again(steps in steps(), seed: u64) {
        let start = Instant::now();
        let mut controller = Controller::new(LimitSettings::default(), start, seed);
        let mut now = start;
        let mut out: Vec<Permit> = Vec::new();
        for step in steps {
            match step {
                Step::Pass(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Send if controller.poll(now) == Decision::Go => out.push(controller.on_send(now)),
                Step::Reply(which, reply) if !out.is_empty() => {
                    let permit = out.swap_remove(which % out.len());
                    controller.on_reply(now, permit, &reply);
                }
                _ => {}
            }
        }
        for permit in out {
            controller.on_reply(now, permit, &Observation::Neutral { hint: None });
        }
        // Each wait ends, and the waits end too.
        for _ in 0..2000 {
            match controller.poll(now) {
                Decision::Go => return Ok(()),
                Decision::WaitUntil(until) => {
                    prop_assert!(until > now);
                    now = until;
                }
                Decision::WaitForReply => prop_assert!(false, "a full window with nothing in flight"),
            }
        }
        prop_assert!(false, "never granted again");
    }
}
