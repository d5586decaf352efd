//! How the pace grows, and what the end of its growth says about the limit.

use std::f64::consts::LN_2;

/// The probe's first step in units of the square root of the pace. The root
/// lets a smaller share grow relatively faster: clients of one limit converge.
const PROBE_STEP: f64 = 0.05;
/// The probe begins this much of a step below what was measured. More leaves a
/// window unused at its start, less refuses at the end of every window.
const DIP: f64 = 0.1;
/// Doublings stop here, so that a pace nobody meets doesn't run away.
const MOST_DOUBLINGS: f64 = 32.0;
/// Halvings of the stretch in which the level is looked for.
const HALVINGS: u32 = 40;

/// A rate that grows with the time in which it was what held requests back:
/// `floor + step * 2^(grown / doubling)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ramp {
    floor_per_s: f64,
    step_per_s: f64,
    doubling_s: f64,
    grown_s: f64,
    /// The rate as of now, kept because it is asked for with every request.
    rate_per_s: f64,
}

impl Ramp {
    /// Search: the whole rate doubles.
    pub(super) fn doubling(from_per_s: f64, doubling_s: f64) -> Self {
        Self {
            floor_per_s: 0.0,
            step_per_s: from_per_s,
            doubling_s,
            grown_s: 0.0,
            rate_per_s: from_per_s,
        }
    }

    /// Probe: start one small step below `around_per_s`, be there after one
    /// doubling time, pass it after that. What is left unused below comes back
    /// above: a bucket banks it, and a window still has it at its end.
    pub(super) fn probing(around_per_s: f64, doubling_s: f64) -> Self {
        let step_per_s = PROBE_STEP * around_per_s.sqrt();
        let floor_per_s = (around_per_s - (1.0 + DIP) * step_per_s).max(0.0);
        Self {
            floor_per_s,
            step_per_s,
            doubling_s,
            grown_s: 0.0,
            rate_per_s: floor_per_s + step_per_s,
        }
    }

    pub(super) fn rate_per_s(&self) -> f64 {
        self.rate_per_s
    }

    pub(super) fn doubling_s(&self) -> f64 {
        self.doubling_s
    }

    /// Requests held back for this much longer.
    pub(super) fn grow(&mut self, seconds: f64) {
        self.grown_s += seconds;
        self.rate_per_s = self.rate_at(self.grown_s);
    }

    fn doublings_at(&self, grown_s: f64) -> f64 {
        (grown_s / self.doubling_s).min(MOST_DOUBLINGS).exp2()
    }

    fn rate_at(&self, grown_s: f64) -> f64 {
        self.floor_per_s + self.step_per_s * self.doublings_at(grown_s)
    }

    /// Requests that the ramp asked for beyond its rate at `from_s`, from then on.
    fn excess_since(&self, from_s: f64) -> f64 {
        let (first, last) = (self.doublings_at(from_s), self.doublings_at(self.grown_s));
        let area = self.doubling_s / LN_2 * (last - first);
        self.step_per_s * (area - (self.grown_s - from_s) * first)
    }

    /// The steady rate of a limit with this burst that refused the ramp's end.
    ///
    /// Such a limit admits its rate and, once, its burst. While the ramp runs
    /// below the rate the burst stays whole; from where it crosses the rate,
    /// all that it asks for beyond is taken from the burst, and the refusal
    /// says that the burst is used up. So the rate is the level above which
    /// the ramp's excess is just the burst. A limit that is all burst, such as
    /// a window, comes out near zero: it has no steady rate to speak of.
    pub(super) fn level_with_burst(&self, burst: f64) -> f64 {
        let missing = burst - self.excess_since(0.0);
        if missing >= 0.0 {
            let start_per_s = self.rate_at(0.0);
            return (start_per_s - missing / self.grown_s.max(1e-3)).max(0.0);
        }
        let (mut low_s, mut high_s) = (0.0, self.grown_s);
        for _ in 0..HALVINGS {
            let middle_s = 0.5 * (low_s + high_s);
            if self.excess_since(middle_s) > burst {
                low_s = middle_s;
            } else {
                high_s = middle_s;
            }
        }
        self.rate_at(low_s)
    }

    /// How fast the rate rises at the ramp's end, a second.
    pub(super) fn steepness(&self) -> f64 {
        self.step_per_s * LN_2 / self.doubling_s * self.doublings_at(self.grown_s)
    }

    /// Whether the ramp began below this rate, so that it passed it on its way.
    pub(super) fn began_below(&self, rate_per_s: f64) -> bool {
        self.rate_at(0.0) <= rate_per_s
    }
}
