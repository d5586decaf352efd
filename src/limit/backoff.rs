//! Exponential backoff with jitter, for one record.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Wait before the n-th retry of one record.
///
/// `first * 2^(n-1)`, at most `longest`, times 0.5 to 1.5. Half of the wait is
/// certain: full jitter down to zero spends all retries within seconds of a
/// long outage (aws-sdk-net issue 4341).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Middle of the first wait. Default 0.5 s.
    pub first: Duration,
    /// Bound of every wait, jitter included. Default 30 s.
    pub longest: Duration,
    /// Doublings stop after this retry. Default 7.
    pub doublings_end: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            doublings_end: 7,
        }
    }
}

impl Backoff {
    /// The wait after `failures` failures in a row (0 reads as 1).
    pub fn delay(&self, failures: u32, random: &mut impl Rng) -> Duration {
        let doublings = failures.clamp(1, self.doublings_end.clamp(1, 31)) - 1;
        let jitter = 0.5 + random.random::<f64>();
        self.first
            .saturating_mul(1 << doublings)
            .min(self.longest)
            .mul_f64(jitter)
            .min(self.longest)
    }
}
