//! A pace that was learnt, and how it grows from there.

use super::burst::SOON_EARNED_S;
use super::doubling::{DOUBLING_S, RAISED_DOUBLING_S, proof_of_raise, raised_doubling_s};
use super::measure::Measure;
use super::ramp::Ramp;
use super::rate::Share;

/// With a courtesy share the limit is looked for anew this often.
const RELEARN_S: f64 = 1200.0;

#[derive(Clone, Copy, Debug)]
pub(super) struct LearntPace {
    pub(super) base_per_s: f64,
    pub(super) sure: bool,
    pub(super) ramp: Ramp,
    /// Whether the refusal told a wait.
    pub(super) wait_told: bool,
    /// Whether the pace leaves a share to others instead of growing.
    pub(super) courteous: bool,
    /// Seconds in which it held back that way.
    pub(super) courteous_s: f64,
}

impl LearntPace {
    /// What it allows a client with this share.
    pub(super) fn rate_per_s(&self, share: Share) -> f64 {
        if self.courteous {
            self.base_per_s * share.get()
        } else {
            self.ramp.rate_per_s()
        }
    }

    /// The pace held requests back for so long; `told` says whether headers do
    /// as well.
    pub(super) fn grow(&mut self, now_s: f64, passed_s: f64, told: bool, measure: &mut Measure) {
        if self.courteous {
            self.courteous_s += passed_s;
            if self.courteous_s >= RELEARN_S {
                // Look for the limit again: probe it once, up to one refusal.
                self.courteous = false;
                measure.begin_anew(now_s);
            }
            return;
        }
        let rate_per_s = self.ramp.rate_per_s();
        let earning_s = measure.burst.most(rate_per_s) / rate_per_s;
        self.ramp
            .grow(passed_s * self.haste(now_s, earning_s, told, measure));
        let rate_per_s = self.ramp.rate_per_s();
        let proof = proof_of_raise(earning_s, self.wait_told);
        let is_far_above = rate_per_s > (1.0 + proof) * self.base_per_s;
        if self.sure && is_far_above && measure.tells_of_a_raise(now_s) {
            measure.note_raised(now_s, &self.ramp, self.base_per_s);
            self.sure = false;
            self.ramp = Ramp::doubling(rate_per_s, raised_doubling_s(earning_s));
        }
    }

    /// How many times as fast as usual to grow.
    fn haste(&self, now_s: f64, earning_s: f64, told: bool, measure: &Measure) -> f64 {
        let is_window = self.sure && earning_s >= SOON_EARNED_S;
        let hasty_s = if told {
            // Headers bound the pace, so that a probe refuses nobody and need
            // not wait for whole windows.
            DOUBLING_S
        } else if is_window && measure.is_spared(now_s, earning_s) {
            RAISED_DOUBLING_S
        } else {
            return 1.0;
        };
        (self.ramp.doubling_s() / hasty_s).max(1.0)
    }
}
