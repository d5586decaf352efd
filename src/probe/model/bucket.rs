//! A bucket that refills all the time.

use super::Model;

/// `rate_per_s` tokens a second, at most `burst` saved up. Starts full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate_per_s: f64,
    burst: f64,
    level: f64,
    at_s: f64,
}

impl Bucket {
    pub(crate) fn new(rate_per_s: f64, burst: f64) -> Self {
        Self {
            rate_per_s,
            burst,
            level: burst,
            at_s: 0.0,
        }
    }

    fn fill(&mut self, at_s: f64) {
        let elapsed_s = (at_s - self.at_s).max(0.0);
        self.level = (self.level + self.rate_per_s * elapsed_s).min(self.burst);
        self.at_s = self.at_s.max(at_s);
    }
}

impl Model for Bucket {
    fn room(&mut self, at_s: f64) -> f64 {
        self.fill(at_s);
        self.level
    }

    fn take(&mut self, _at_s: f64) {
        self.level = (self.level - 1.0).max(0.0);
    }

    fn capacity(&self) -> f64 {
        self.burst
    }

    fn empty(&mut self, _at_s: f64) {
        // Less than a whole token was left; half of one is the best guess.
        if self.level >= 1.0 {
            self.level = 0.5;
        }
    }

    fn wait_s(&mut self, at_s: f64) -> f64 {
        self.fill(at_s);
        (1.0 - self.level).max(0.0) / self.rate_per_s
    }
}
