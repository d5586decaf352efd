//! What a limit gives at once.
//!
//! Three bounds from above, and the lowest one counts. A cycle that was refused
//! has used the burst up, so the burst is at most what the leanest cycle got.
//! And in its open time a limit also gives its rate, so that much of the
//! greediest cycle wasn't burst. Where a steep ramp and a flat one were refused
//! at about the same rate, there was hardly any: a burst lets a steep ramp
//! climb far beyond the limit before it is refused.

use super::ramp::Ramp;

/// A leaner cycle lowers the bound to half of it at most: it may have been cut
/// short by the limit's other clients.
const MOST_LOWERED: f64 = 0.5;
/// Two ramps tell the burst if one is this many times as steep as the other.
const MUCH_STEEPER: f64 = 4.0;
const HALVINGS: u32 = 20;
/// A burst that takes longer to earn may be a window's quota.
pub(super) const SOON_EARNED_S: f64 = 10.0;
/// The bound rises by this much a cycle, so that a raised limit shows again.
const MOST_RAISED: f64 = 1.02;

/// What growth asks for comes last, next to what else it touches.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Burst {
    steepest: Option<Ramp>,
    fitted: Option<f64>,
    leanest: Option<f64>,
    greediest: Option<Greediest>,
}

#[derive(Clone, Copy, Debug)]
struct Greediest {
    accepted: f64,
    open_s: f64,
}

impl Greediest {
    fn rate_per_s(&self) -> f64 {
        self.accepted / self.open_s.max(1e-3)
    }
}

impl Burst {
    /// With what was known before.
    pub(super) fn known(burst: Option<f64>) -> Self {
        Self {
            leanest: burst.filter(|burst| *burst >= 1.0),
            ..Self::default()
        }
    }

    /// Whether anything is known of it.
    pub(super) fn is_known(&self) -> bool {
        self.leanest.is_some()
    }

    /// A cycle that began after a wait and was refused after `open_s`.
    pub(super) fn add(&mut self, accepted: f64, open_s: f64) {
        if accepted < 0.5 {
            return; // the wait was too short: the cycle before goes on
        }
        let leanest = self.leanest.unwrap_or(accepted);
        self.leanest = Some(accepted.clamp(MOST_LOWERED * leanest, MOST_RAISED * leanest));
        let cycle = Greediest { accepted, open_s };
        if self
            .greediest
            .is_none_or(|greediest| cycle.rate_per_s() > greediest.rate_per_s())
        {
            self.greediest = Some(cycle);
        }
    }

    /// A ramp was refused: compare it with the steepest one.
    pub(super) fn fit(&mut self, refused: &Ramp) {
        let Some(steepest) = self
            .steepest
            .filter(|steepest| steepest.steepness() > refused.steepness())
        else {
            self.steepest = Some(*refused);
            return;
        };
        if steepest.steepness() < MUCH_STEEPER * refused.steepness() {
            return;
        }
        // Both found one limit, so there the burst makes the same of both.
        let (mut low, mut high) = (0.0, self.leanest.unwrap_or(0.0));
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if steepest.level_with_burst(middle) > refused.level_with_burst(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.fitted = Some(high);
    }

    /// The limit has grown so many times as large, its burst too.
    pub(super) fn scale(&mut self, times: f64) {
        self.leanest = self.leanest.map(|leanest| times * leanest);
        if let Some(greediest) = &mut self.greediest {
            greediest.accepted *= times;
        }
    }

    /// The limit has changed: ramps that it refused before say nothing now.
    pub(super) fn forget_ramps(&mut self) {
        (self.steepest, self.fitted) = (None, None);
    }

    /// The most that a limit of this rate gave at once; 0 before any cycle.
    pub(super) fn most(&self, rate_per_s: f64) -> f64 {
        let beyond_rate = self.greediest.map_or(f64::INFINITY, |greediest| {
            greediest.accepted - rate_per_s * greediest.open_s
        });
        let leanest = self.leanest.unwrap_or(0.0);
        beyond_rate.min(leanest).max(leanest.min(1.0))
    }

    /// The same for judging a ramp that was refused. Where the burst is earned
    /// soon, waits lose most of their time and only ramps can tell the rate. Of
    /// other limits the cycles tell it, and two ramps may just have met the end
    /// of two windows.
    pub(super) fn behind_a_ramp(&self, rate_per_s: f64) -> f64 {
        let most = self.most(rate_per_s);
        match self.fitted {
            Some(fitted) if most <= SOON_EARNED_S * rate_per_s => fitted.clamp(most.min(1.0), most),
            _ => most,
        }
    }
}
