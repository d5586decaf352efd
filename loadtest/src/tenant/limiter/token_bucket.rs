//! A bucket that fills at a rate up to a burst; each request takes one token.

use std::time::Duration;

use super::{Limiter, Refill, Rejection, Standing};
use crate::tenant::units::bounded_seconds;

/// Counted as a whole token, so that rounding in the arithmetic does not turn an honest wait into a refusal.
const WHOLE_TOKEN: f64 = 1.0 - 1e-9;

/// Tokens per second of the slowest bucket, one in 31 years: a rate of zero would make every wait endless.
const SLOWEST_RATE: f64 = 1e-9;

/// A token bucket, filled continuously or in chunks. It starts full.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    configured_rate: f64,
    rate: f64,
    burst: f64,
    refill: Refill,
    tokens: f64,
    /// Continuous: the time `tokens` holds for. In chunks: the time of the last chunk.
    filled_at: Duration,
}

impl TokenBucket {
    /// `rate` tokens per second (above zero), at most `burst` (at least 1) saved up.
    pub fn new(rate: f64, burst: f64, refill: Refill) -> Self {
        let burst = burst.max(1.0);
        let rate = rate.max(SLOWEST_RATE);
        let refill = match refill {
            Refill::Every(period) => Refill::Every(period.max(Duration::from_millis(1))),
            Refill::Continuous => Refill::Continuous,
        };
        TokenBucket {
            configured_rate: rate,
            rate,
            burst,
            refill,
            tokens: burst,
            filled_at: Duration::ZERO,
        }
    }

    fn fill(&mut self, now: Duration) {
        let added = match self.refill {
            Refill::Continuous => {
                let elapsed = now.saturating_sub(self.filled_at);
                self.filled_at = now;
                elapsed.as_secs_f64() * self.rate
            }
            Refill::Every(period) => {
                let chunks =
                    now.saturating_sub(self.filled_at).as_nanos() / period.as_nanos().max(1);
                self.filled_at += Duration::from_nanos((chunks * period.as_nanos()) as u64);
                chunks as f64 * period.as_secs_f64() * self.rate
            }
        };
        self.tokens = (self.tokens + added).min(self.burst);
    }

    /// Time until `missing` more tokens are there.
    fn wait_for(&self, missing: f64, now: Duration) -> Duration {
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        match self.refill {
            Refill::Continuous => bounded_seconds(missing / self.rate),
            Refill::Every(period) => {
                let chunks = (missing / (self.rate * period.as_secs_f64()))
                    .ceil()
                    .max(1.0);
                (self.filled_at + bounded_seconds(period.as_secs_f64() * chunks))
                    .saturating_sub(now)
            }
        }
    }
}

impl Limiter for TokenBucket {
    fn check(&mut self, now: Duration) -> Result<(), Rejection> {
        self.fill(now);
        if self.tokens >= WHOLE_TOKEN {
            Ok(())
        } else {
            let wait = self.wait_for(1.0 - self.tokens, now);
            Err(Rejection { wait })
        }
    }

    fn take(&mut self, _now: Duration) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }

    fn scale(&mut self, now: Duration, factor: f64) {
        self.fill(now);
        self.rate = (self.configured_rate * factor).max(SLOWEST_RATE);
    }

    fn standing(&mut self, now: Duration) -> Option<Standing> {
        self.fill(now);
        Some(Standing {
            limit: self.burst as u64,
            remaining: (self.tokens + 1.0 - WHOLE_TOKEN) as u64,
            reset: self.wait_for(self.burst - self.tokens, now),
            window: bounded_seconds(self.burst / self.rate),
        })
    }

    fn is_idle(&mut self, now: Duration) -> bool {
        self.fill(now);
        self.tokens >= self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_burst_goes_first_and_the_rate_follows() {
        let mut limit = TokenBucket::new(50.0, 20.0, Refill::Continuous);
        let admitted = (0..10_000)
            .filter(|step| limit.admit(Duration::from_millis(*step)).is_ok())
            .count();
        assert!(admitted.abs_diff(20 + 500) <= 1, "{admitted}");
    }

    #[test]
    fn the_wait_is_the_time_to_the_next_token() {
        let mut limit = TokenBucket::new(4.0, 1.0, Refill::Continuous);
        limit.admit(at(0.0)).expect("the burst");
        let wait = limit.admit(at(0.1)).expect_err("empty").wait;
        assert!((wait.as_secs_f64() - 0.15).abs() < 1e-6, "{wait:?}");
        assert_eq!(limit.admit(at(0.1) + wait), Ok(()));
    }

    #[test]
    fn chunks_come_all_at_once() {
        let minute = Refill::Every(Duration::from_secs(60));
        let mut limit = TokenBucket::new(500.0 / 60.0, 1000.0, minute);
        let admitted = (0..59_900)
            .filter(|step| limit.admit(Duration::from_millis(step * 10)).is_ok())
            .count();
        assert_eq!(admitted, 1000 + 9 * 500);
        assert_eq!(limit.admit(at(599.5)), Err(Rejection { wait: at(0.5) }));
    }

    #[test]
    fn a_phase_changes_the_rate_from_then_on() {
        let mut limit = TokenBucket::new(10.0, 10.0, Refill::Continuous);
        while limit.admit(at(0.0)).is_ok() {}
        limit.scale(at(0.5), 0.5);
        // Five tokens from the full rate, five from the halved one.
        let admitted = (0..100).filter(|_| limit.admit(at(1.5)).is_ok()).count();
        assert_eq!(admitted, 10);
        assert!(!limit.is_idle(at(1.6)));
        assert!(limit.is_idle(at(4.0)));
    }

    #[test]
    fn the_standing_counts_whole_tokens() {
        let mut limit = TokenBucket::new(10.0, 10.0, Refill::Continuous);
        for _ in 0..4 {
            limit.admit(at(0.0)).expect("in the burst");
        }
        let standing = limit.standing(at(0.05)).expect("a bucket tells");
        assert_eq!((standing.limit, standing.remaining), (10, 6));
        assert_eq!(standing.reset, at(0.35));
    }
}
