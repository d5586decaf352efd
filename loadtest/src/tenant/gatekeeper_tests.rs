//! The limits together, with the time passed in.

use super::super::guard::FIRST_SWEEP;
use super::super::limiter::LimitScope;
use super::*;
use crate::tenant::limiter::{Anchor, LimitKind, Phase, Refill};
use crate::tenant::retry_after::RetryAfterForm;

const CLOCK_AT_ZERO: Duration = Duration::from_secs(1_700_000_000);

fn gate(limits: &[Limit], form: RetryAfterForm) -> Gatekeeper {
    let words = RetryAfter {
        form,
        ..RetryAfter::default()
    };
    Gatekeeper::new(limits, words, Duration::from_millis(100), true)
}

fn ask(gate: &mut Gatekeeper, seconds: f64, record: &str) -> Result<Admission, Box<Refusal>> {
    let moment = Moment {
        now: Duration::from_secs_f64(seconds),
        clock_at_zero: CLOCK_AT_ZERO,
    };
    let endpoint = Endpoint::PatchContact;
    gate.admit(
        moment,
        &Asker {
            client: "demo",
            token_serial: 0,
            endpoint,
            record,
        },
    )
}

fn every_quota() -> [Limit; 5] {
    let minute = Duration::from_secs(60);
    let chunks = LimitKind::TokenBucket {
        rate: 5.0,
        burst: 10.0,
        refill: Refill::Every(minute),
    };
    let clock = LimitKind::FixedWindow {
        requests: 30,
        window: minute,
        anchor: Anchor::Clock,
    };
    let log = LimitKind::SlidingLog {
        requests: 30,
        window: minute,
        count_rejected: false,
    };
    [
        Limit::fixed_window(30, minute),
        Limit::new(clock),
        Limit::token_bucket(5.0, 10.0),
        Limit::new(chunks),
        Limit::new(log),
    ]
}

#[test]
fn whoever_waits_as_told_is_let_in_and_never_undercuts() {
    for form in [
        RetryAfterForm::Seconds,
        RetryAfterForm::Fraction,
        RetryAfterForm::HttpDate,
    ] {
        for limit in every_quota() {
            let mut gate = gate(std::slice::from_ref(&limit), form);
            let mut seconds = 0.3;
            let mut refusals = 0;
            while refusals < 20 {
                if let Err(refusal) = ask(&mut gate, seconds, "c-1") {
                    refusals += 1;
                    let wait = refusal.spoken.expect("this tenant speaks").lasts;
                    seconds += wait.as_secs_f64() + 1e-6;
                    assert!(ask(&mut gate, seconds, "c-1").is_ok(), "{form:?} {limit:?}");
                }
                seconds += 0.013;
            }
            assert_eq!(gate.undercuts()[0].1, 0, "{form:?} {limit:?}");
        }
    }
}

#[test]
fn phases_halve_and_restore_a_limit() {
    let mut limit = Limit::fixed_window(100, Duration::from_secs(1));
    let phase = |at, factor| Phase {
        at: Duration::from_secs(at),
        factor,
    };
    limit.phases = vec![phase(10, 0.5), phase(20, 1.0)];
    let mut gate = gate(&[limit], RetryAfterForm::Seconds);
    let mut admitted = |from: u64| {
        (0..10_000)
            .filter(|step| ask(&mut gate, from as f64 + *step as f64 / 1000.0, "c-1").is_ok())
            .count()
    };
    assert_eq!([admitted(0), admitted(10), admitted(20)], [1000, 500, 1000]);
}

#[test]
fn live_traffic_is_refused_while_a_greedy_client_holds_the_window() {
    let mut limit = Limit::fixed_window(300, Duration::from_secs(60));
    limit.other_traffic = 1.0;
    let mut gate = gate(&[limit], RetryAfterForm::Seconds);
    let ours = (0..60_000)
        .filter(|step| ask(&mut gate, *step as f64 / 1000.0, "c-1").is_ok())
        .count() as u64;
    let (accepted, refused) = gate.others();
    assert_eq!(ours + accepted, 300);
    assert_eq!(accepted + refused, 60);
    assert!(refused > 55, "{refused}");
}

#[test]
fn idle_buckets_of_records_are_swept_out() {
    let mut limit = Limit::token_bucket(1.0, 2.0);
    limit.scope = LimitScope::Record;
    let mut gate = gate(&[limit], RetryAfterForm::Seconds);
    for number in 0..(FIRST_SWEEP + 10) {
        let seconds = number as f64 / 100.0;
        assert!(ask(&mut gate, seconds, &number.to_string()).is_ok());
    }
    assert!(gate.guards[0].buckets.len() < 1000);
}

#[test]
fn the_headers_tell_of_the_tightest_limit() {
    let limits = [
        Limit::fixed_window(100, Duration::from_secs(60)),
        Limit::fixed_window(4, Duration::from_secs(1)),
    ];
    let mut gate = gate(&limits, RetryAfterForm::Seconds);
    let standing = ask(&mut gate, 0.0, "c-1")
        .expect("free")
        .standing
        .expect("both tell");
    assert_eq!((standing.limit, standing.remaining), (4, 3));
}

#[test]
fn only_a_token_that_was_told_to_wait_is_to_blame() {
    let limit = Limit::fixed_window(1, Duration::from_secs(60));
    let mut gate = gate(&[limit], RetryAfterForm::Seconds);
    let mut ask_with = |token_serial: u64, seconds: f64| {
        let moment = Moment {
            now: Duration::from_secs_f64(seconds),
            clock_at_zero: CLOCK_AT_ZERO,
        };
        let asker = Asker {
            client: "demo",
            token_serial,
            endpoint: Endpoint::PatchContact,
            record: "c-1",
        };
        let _ = gate.admit(moment, &asker);
        (gate.undercuts()[0].1, gate.undercuts_by_told())
    };
    assert_eq!(ask_with(1, 0.0), (0, 0), "the window's one place");
    assert_eq!(ask_with(1, 1.0), (0, 0), "told to wait");
    assert_eq!(ask_with(2, 2.0), (1, 0), "another can't know");
    assert_eq!(ask_with(1, 3.0), (2, 1), "knows, and comes too early");
    assert_eq!(ask_with(2, 4.0), (3, 2), "has been told by now");
}
