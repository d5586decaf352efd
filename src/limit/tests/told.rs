//! The pace that headers tell.

use std::time::Duration;

use super::bench::{Bench, bench};
use crate::limit::{Hint, LimitSettings, Observation, Share};

/// An answer that leaves 100 requests until the reset.
fn leaves_100(resets_in: Duration) -> Observation {
    let hint = Hint {
        remaining: Some(100.0),
        resets_in: Some(resets_in),
        ..Hint::default()
    };
    Observation::Accepted { hint: Some(hint) }
}

#[test]
fn a_told_quota_is_spread_over_its_time() {
    let mut bench = bench();
    bench.flood(1, leaves_100(Duration::from_millis(10_500)));
    assert_eq!(bench.pace(), Some(10.0));
    bench.at(11.0);
    assert_eq!(bench.pace(), None, "older than its reset");
}

#[test]
fn of_a_told_quota_a_courteous_client_takes_its_share() {
    let share = Share::try_new(0.9).unwrap();
    let mut bench = Bench::new(LimitSettings {
        share,
        ..LimitSettings::default()
    });
    bench.flood(1, leaves_100(Duration::from_secs(10)));
    assert_eq!(bench.pace(), Some(9.0));
    // Something is left to others up to the reset, however its seconds are rounded.
    bench.at(1.0).flood(1, leaves_100(Duration::from_secs(1)));
    assert_eq!(bench.pace(), Some(90.0));
}
