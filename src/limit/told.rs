//! The pace that rate-limit headers tell.

/// A header's reset is in whole seconds: half of one is its error.
const RESET_ERROR_S: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    rate_per_s: f64,
    until_s: f64,
}

impl Told {
    /// So many requests are left until the reset; `in_flight` may still be
    /// uncounted there.
    pub(super) fn new(now_s: f64, remaining: f64, resets_in_s: f64, in_flight: u32) -> Self {
        let left = (remaining - f64::from(in_flight)).max(0.0);
        Self {
            rate_per_s: left / (resets_in_s - RESET_ERROR_S).max(RESET_ERROR_S),
            until_s: now_s + resets_in_s,
        }
    }

    /// Requests a second; `None` once the reset is over.
    pub(super) fn rate_per_s(&self, now_s: f64) -> Option<f64> {
        (now_s < self.until_s).then_some(self.rate_per_s)
    }
}
