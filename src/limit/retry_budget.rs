//! A retry budget: retries stay a small share of all requests.
//!
//! Backoff alone doesn't protect a tenant that fails half of everything:
//! thousands of records back off each on its own and come back together. The
//! budget is a purse that every request pays a share into and every retry
//! takes a whole coin from (tower's `retry::budget`). tower refuses a retry
//! when the purse is empty; here no record may be lost, so the purse goes
//! into debt and the retry waits until the floor has paid that debt back.

use std::time::Duration;

/// Retries per request, in the long run.
const SHARE: f64 = 0.2;
/// Retries per second that are always allowed, so that a slow job isn't stuck.
const FLOOR_PER_S: f64 = 10.0;
/// Most retries saved up: ten seconds of the floor. More would let a storm of
/// retries follow every calm hour.
const SAVINGS: f64 = 100.0;
/// Longest extra wait. Bounds the debt too: beyond it retries share the wait.
const LONGEST_WAIT_S: f64 = 60.0;

/// The purse of one limit key. Time is in seconds since the controller's start.
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    coins: f64,
    paid_at_s: f64,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            coins: SAVINGS,
            paid_at_s: 0.0,
        }
    }
}

impl RetryBudget {
    /// A request was granted: pay its share in.
    pub fn deposit(&mut self) {
        self.coins = (self.coins + SHARE).min(SAVINGS);
    }

    /// A retry is wanted: take its coin. The answer is the extra wait, zero
    /// while there are savings, at most 60 s.
    pub fn withdraw(&mut self, now_s: f64) -> Duration {
        let passed_s = (now_s - self.paid_at_s).max(0.0);
        self.paid_at_s = self.paid_at_s.max(now_s);
        let deepest_debt = -LONGEST_WAIT_S * FLOOR_PER_S;
        self.coins = (self.coins + passed_s * FLOOR_PER_S).min(SAVINGS);
        self.coins = (self.coins - 1.0).max(deepest_debt);
        Duration::from_secs_f64((-self.coins).max(0.0) / FLOOR_PER_S)
    }
}
