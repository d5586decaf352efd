//! The pace that rate-limit headers tell.

use super::rate::Share;

/// A header's reset is in whole seconds: half of one is its error.
const RESET_ERROR_S: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    rate_per_s: f64,
    until_s: f64,
}

impl Told {
    /// So many requests are left until the reset.
    ///
    /// Who was told to take a share takes that share of what is left, and has
    /// no use for the half second either: near the reset it is all that is left
    /// to others.
    pub(super) fn new(now_s: f64, left: f64, resets_in_s: f64, share: Share) -> Self {
        let error_s = if share < Share::WHOLE {
            0.0
        } else {
            RESET_ERROR_S
        };
        let rest_s = (resets_in_s - error_s).max(RESET_ERROR_S);
        Self {
            rate_per_s: share.get() * left / rest_s,
            until_s: now_s + resets_in_s,
        }
    }

    /// Requests a second; `None` once the reset is over.
    pub(super) fn rate_per_s(&self, now_s: f64) -> Option<f64> {
        (now_s < self.until_s).then_some(self.rate_per_s)
    }
}
