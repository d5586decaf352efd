//! What refusals without a wait say about the pace.
//!
//! Nobody's gate closes for them, so the pace itself has to give way: by a
//! small step where one request came too soon, by as much as was refused where
//! many were. Every client that is refused steps down, so that the larger share
//! of a limit, refused more often, gives way to the smaller one.

/// At most one step in this time and in so many round trips: what was under
/// way meanwhile was still sent at the old pace.
const LEAST_S: f64 = 0.25;
const LEAST_ROUND_TRIPS: f64 = 5.0;
/// So many more answers are supposed to be good: one refusal among the first
/// few says little.
const SUPPOSED: f64 = 5.0;
/// Where a larger share is refused the pace is far above the limit, and what
/// is left of it no more than a place to search from.
const FAR_ABOVE: f64 = 0.35;
/// How much a pace begins below what the limit seems to give. Less, and clients
/// of one limit keep unequal shares for long; more leaves it unused.
pub(super) const STEP: f64 = 0.05;

/// A step that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StepDown {
    /// The share that was refused.
    pub(super) refused_share: f64,
    /// Whether the pace was near the limit.
    pub(super) near: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    latest_s: f64,
    refused: f64,
}

impl Steps {
    pub(super) fn new(now_s: f64) -> Self {
        Self {
            latest_s: now_s,
            refused: 0.0,
        }
    }

    /// The pace was set anew.
    pub(super) fn begin_anew(&mut self, now_s: f64) {
        *self = Self::new(now_s);
    }

    /// A request was refused, after so many that were admitted since the step
    /// before. Returns the step that is due, if one is.
    pub(super) fn note_refusal(
        &mut self,
        now_s: f64,
        round_trip_s: f64,
        accepted: f64,
    ) -> Option<StepDown> {
        self.refused += 1.0;
        if now_s - self.latest_s <= LEAST_S.max(LEAST_ROUND_TRIPS * round_trip_s) {
            return None;
        }
        let refused_share = self.refused / (accepted + self.refused + SUPPOSED);
        Some(StepDown {
            refused_share,
            near: refused_share < FAR_ABOVE,
        })
    }
}
