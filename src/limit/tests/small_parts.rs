//! Rates, shares, backoff and retry budget.

use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::limit::cap::{CapWatch, Suspicion, Verdict};
use crate::limit::{Backoff, LearnedLimit, LimitKind, Rate, RetryBudget, Share};

#[test]
fn a_rate_reads_as_a_user_writes_it() {
    let rate = |text: &str| text.parse::<Rate>().map(Rate::requests_per_second);
    assert_eq!(rate("250/s"), Ok(250.0));
    assert_eq!(rate("300/min"), Ok(5.0));
    assert_eq!(rate(" 1_800 / h "), Ok(0.5));
    for bad in [
        "",
        "250",
        "0/s",
        "-1/s",
        "inf/s",
        "nan/s",
        "5/fortnight",
        "/s",
    ] {
        assert!(rate(bad).is_err(), "{bad}");
    }
    assert_eq!("300/min".parse::<Rate>().unwrap().to_string(), "5/s");
    assert_eq!("100/min".parse::<Rate>().unwrap().to_string(), "100/min");
    assert_eq!(
        "x".parse::<Rate>().unwrap_err().to_string(),
        "`x` is not a rate; write it as 250/s, 300/min or 1000/h"
    );
}

#[test]
fn a_share_lies_above_zero_and_at_most_at_one() {
    assert!(Share::try_new(0.9).is_ok());
    for bad in [0.0, -0.1, 1.01, f64::NAN] {
        assert!(Share::try_new(bad).is_err());
    }
}

#[test]
fn a_learned_limit_survives_old_and_new_files() {
    let old = r#"{"rate_per_s": 5.0, "from_the_future": true}"#;
    let learned: LearnedLimit = serde_json::from_str(old).unwrap();
    assert_eq!(
        (learned.rate_per_s, learned.kind, learned.sure),
        (5.0, LimitKind::Unknown, false)
    );
    let text = serde_json::to_string(&learned).unwrap();
    assert_eq!(
        serde_json::from_str::<LearnedLimit>(&text).unwrap(),
        learned
    );
}

#[test]
fn a_share_of_retries_is_free_and_the_rest_waits() {
    let mut budget = RetryBudget::default();
    let free = (0..1000).filter(|_| budget.withdraw(0.0).is_zero()).count();
    assert_eq!(free, 100);
    // A busy job pays for one retry in five requests.
    (0..10_000).for_each(|_| budget.deposit());
    assert!(budget.withdraw(0.0).is_zero());
    // In debt, each retry waits longer than the one before, and none is refused.
    let waits: Vec<Duration> = (0..2000).map(|_| budget.withdraw(0.0)).collect();
    assert!(waits.is_sorted() && waits[1999] == Duration::from_secs(60));
    // The floor pays the debt back.
    assert!(budget.withdraw(120.0).is_zero());
}

proptest! {
    #[test]
    fn backoff_stays_between_half_and_its_bound(failures in 0u32..1000, seed: u64) {
        let delay = Backoff::default().delay(failures, &mut SmallRng::seed_from_u64(seed));
        let middle = 0.5 * f64::from(1 << (failures.clamp(1, 7) - 1));
        prop_assert!(delay.as_secs_f64() >= 0.5 * middle.min(30.0) - 1e-6);
        prop_assert!(delay <= Duration::from_secs(30));
    }

    #[test]
    fn a_rate_is_read_back_as_written(count in 1u32..1_000_000, unit in prop::sample::select(vec!["s", "min", "h"])) {
        let rate: Rate = format!("{count}/{unit}").parse().unwrap();
        let again: Rate = rate.to_string().parse().unwrap();
        prop_assert!((rate.requests_per_second() / again.requests_per_second() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn refusals_after_a_step_of_the_window_speak_less_against_a_cap() {
    let judge = |just_stepped, later_accepted: u32, later_refused: u32| {
        let mut watch = CapWatch::default();
        let suspicion = Suspicion {
            first_refused_sent_s: 1.0,
            window_binds: true,
            just_stepped,
            in_flight: 36,
            later_accepted: 0,
            later_refused: 0,
            wait_s: 1.0,
            open_s: 10.0,
            accepted: 1000.0,
        };
        watch.suspect(2.0, suspicion);
        (0..later_accepted).for_each(|_| watch.on_reply(1.5, true));
        (0..later_refused).for_each(|_| watch.on_reply(1.5, false));
        matches!(watch.judge(), Verdict::Cap { .. })
    };
    assert!(judge(true, 2, 5) && !judge(false, 2, 5));
    // A quota that is used up refuses whatever was sent after the first one.
    assert!(!judge(true, 0, 5) && !judge(true, 2, 7));
    assert!(judge(false, 5, 5));
}
