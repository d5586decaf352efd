//! A token bucket without a clock of its own.

/// Pace in requests per second, with small savings only.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    tokens: f64,
    refilled_at_s: f64,
}

/// Savings in seconds of the pace. Larger ones let a stalled lane burst past a
/// limit with no burst; smaller ones lose pace to timers that wake up late.
const SAVINGS_S: f64 = 0.05;
/// Rounding errors of a token's refill must not cost a whole timer.
const ROUNDING: f64 = 1e-9;

impl TokenBucket {
    pub(super) fn new(now_s: f64) -> Self {
        Self {
            tokens: 1.0,
            refilled_at_s: now_s,
        }
    }

    /// The most tokens that a pace can save.
    pub(super) fn capacity(rate_per_s: f64) -> f64 {
        (rate_per_s * SAVINGS_S).max(1.0)
    }

    /// Start over with one token: a wait that was asked for saves nothing up.
    pub(super) fn restart(&mut self, now_s: f64) {
        *self = Self::new(now_s);
    }

    /// Seconds since it was last refilled.
    pub(super) fn unfilled_s(&self, now_s: f64) -> f64 {
        (now_s - self.refilled_at_s).max(0.0)
    }

    /// Add what `rate_per_s` earned since the last call; seconds passed.
    pub(super) fn refill(&mut self, now_s: f64, rate_per_s: f64) {
        let passed_s = self.unfilled_s(now_s);
        self.refilled_at_s = self.refilled_at_s.max(now_s);
        self.tokens = (self.tokens + rate_per_s * passed_s).min(Self::capacity(rate_per_s));
    }

    /// Seconds until one token is there; 0 when it is.
    pub(super) fn wait_s(&self, rate_per_s: f64) -> f64 {
        if self.tokens >= 1.0 - ROUNDING {
            return 0.0;
        }
        (1.0 - self.tokens) / rate_per_s
    }

    pub(super) fn take(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }

    pub(super) fn give_back(&mut self) {
        self.tokens += 1.0;
    }
}
