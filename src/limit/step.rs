//! A step: the stretch of time over which the window is judged.

/// A step with a larger share of refusals is bad.
const BAD_SHARE: f64 = 0.03;
/// A step has this many answers, spans this many round trips and this time
/// (before and after a limit was met).
const ANSWERS: u32 = 8;
const ROUND_TRIPS: f64 = 5.0;
const LEAST_S: f64 = 0.3;
const SETTLED_LEAST_S: f64 = 2.0;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    start_s: f64,
    accepted: u32,
    refused: u32,
    first_s: f64,
    last_s: f64,
    /// Whether the window held requests back, and whether the pace did.
    pub(super) window_bound: bool,
    pub(super) pace_bound: bool,
}

impl Step {
    pub(super) fn starting_at(now_s: f64) -> Self {
        Self {
            start_s: now_s,
            ..Self::default()
        }
    }

    /// An answer; one to a request from before the step says nothing about it.
    /// Whether it counted.
    pub(super) fn note(&mut self, now_s: f64, sent_at_s: f64, accepted: bool) -> bool {
        if sent_at_s < self.start_s {
            return false;
        }
        if self.answers() == 0 {
            self.first_s = now_s;
        }
        self.last_s = now_s;
        self.accepted += u32::from(accepted);
        self.refused += u32::from(!accepted);
        true
    }

    fn answers(&self) -> u32 {
        self.accepted + self.refused
    }

    /// Whether the step has seen enough to be judged.
    pub(super) fn is_over(&self, now_s: f64, settled: bool, round_trip_s: f64) -> bool {
        let least_s = if settled { SETTLED_LEAST_S } else { LEAST_S };
        let long_enough = now_s - self.start_s >= least_s.max(ROUND_TRIPS * round_trip_s);
        self.answers() >= ANSWERS && long_enough
    }

    /// The share that was refused, if it is bad.
    pub(super) fn bad_share(&self) -> Option<f64> {
        let refused_share = f64::from(self.refused) / f64::from(self.answers().max(1));
        (refused_share > BAD_SHARE).then_some(refused_share)
    }

    /// Admitted a second, over the whole step.
    pub(super) fn admitted_per_s(&self, now_s: f64) -> f64 {
        f64::from(self.accepted) / (now_s - self.start_s).max(1e-3)
    }

    /// Admitted a second between the first answer and the last: what sizes are
    /// compared by.
    pub(super) fn goodput_per_s(&self) -> f64 {
        f64::from(self.accepted) / (self.last_s - self.first_s).max(1e-3)
    }
}
