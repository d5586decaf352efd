//! A bucket that is refilled in portions.

use super::Model;

/// `portion` tokens every `period_s`, at most `burst` saved up. Starts full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    portion: f64,
    period_s: f64,
    burst: f64,
    level: f64,
    next_s: f64,
}

impl Chunks {
    /// One of the refills is at `refill_s`.
    pub(crate) fn new(portion: f64, period_s: f64, burst: f64, refill_s: f64) -> Self {
        let periods = (refill_s / period_s).ceil() - 1.0;
        Self {
            portion,
            period_s,
            burst,
            level: burst,
            next_s: refill_s - periods * period_s,
        }
    }
}

impl Model for Chunks {
    fn room(&mut self, at_s: f64) -> f64 {
        if at_s >= self.next_s {
            let periods = ((at_s - self.next_s) / self.period_s).floor() + 1.0;
            self.level = (self.level + periods * self.portion).min(self.burst);
            self.next_s += periods * self.period_s;
        }
        self.level
    }

    fn take(&mut self, _at_s: f64) {
        self.level = (self.level - 1.0).max(0.0);
    }

    fn capacity(&self) -> f64 {
        self.burst
    }

    fn empty(&mut self, _at_s: f64) {
        if self.level >= 1.0 {
            self.level = 0.0;
        }
    }

    fn wait_s(&mut self, at_s: f64) -> f64 {
        (self.next_s - at_s).max(0.0)
    }
}
