//! How long the rules wait before a row's next request.

use std::time::Duration;

use crate::tenant::dice::Dice;

/// Whole seconds of a `Retry-After`; most programs read nothing else, and a date falls through to their backoff.
pub(super) fn whole_seconds(retry_after: Option<&str>) -> Option<Duration> {
    let seconds: u64 = retry_after?.trim().parse().ok()?;
    (seconds > 0).then_some(Duration::from_secs(seconds))
}

/// 1 s, doubled with each attempt up to 30 s, anywhere between nothing and that.
pub(super) fn doubling(attempt: u32, dice: &mut Dice) -> Duration {
    let most_s = f64::from(1_u32 << attempt.saturating_sub(1).min(5)).min(30.0);
    Duration::from_secs_f64(most_s * dice.share())
}
