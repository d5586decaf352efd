//! How fast a pace may grow, which depends on what a refusal costs and on how
//! long the limit takes to show itself.

use super::burst::SOON_EARNED_S;

/// Doubling time of the whole pace in the first search, and later; of the
/// probe's step once sure. Shorter refuses more, longer leaves a raised limit
/// unused.
const FIRST_SEARCH_S: f64 = 5.0;
pub(super) const DOUBLING_S: f64 = 20.0;
/// Where no wait is told a refusal costs hardly more than itself, so the limit
/// is searched for and touched more often: the step's time is this at one
/// request a second, and falls with the root of the pace, as the step's share
/// of it does. Half of it shares a limit out sooner and refuses twice as much.
const FIRST_CHEAP_SEARCH_S: f64 = 2.0;
const CHEAP_S: f64 = 24.0;
/// …but a burst must be used up before the pace seems to be that of a raised
/// limit. Twice as long leaves a large bucket full now and then.
const CHEAP_PER_EARNING: f64 = 5.0;
/// A limit shows itself in the time in which it earns its burst, be that a
/// whole window, so the doubling time is at least this many of it. Less
/// exhausts each window well before its end, for everybody.
const PER_EARNING: f64 = 1.5;
/// A refusal that loses a second of the limit is asked for less often.
const PER_LOSS: f64 = 50.0;
/// …but this often in any case.
const LONGEST_S: f64 = 600.0;
/// A sure pace that has grown past this share over its base unrefused was
/// raised at the tenant, and is searched for from there. Where the burst is
/// earned soon and a wait is told, a false alarm costs little.
const RAISED: f64 = 0.15;
const SOON_RAISED: f64 = 0.1;
pub(super) const RAISED_DOUBLING_S: f64 = 10.0;
const RAISED_PER_EARNING: f64 = 0.5;

/// What the growth of a pace depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grounds {
    pub(super) rate_per_s: f64,
    pub(super) sure: bool,
    /// Whether a ramp has found a limit before.
    pub(super) has_searched: bool,
    /// Whether the refusal named its wait.
    pub(super) wait_told: bool,
    /// Seconds of the limit that a refusal loses.
    pub(super) lost_s: f64,
    /// Seconds in which the limit earns its burst.
    pub(super) earning_s: f64,
}

impl Grounds {
    /// The doubling time: of the probe's step if sure, else of the pace.
    pub(super) fn doubling_s(&self) -> f64 {
        let doubling_s = match (self.sure, self.wait_told) {
            (true, true) => DOUBLING_S.max(PER_LOSS * self.lost_s),
            (true, false) => (CHEAP_S / self.rate_per_s.sqrt())
                .max(CHEAP_PER_EARNING * self.earning_s)
                .min(DOUBLING_S),
            (false, _) if self.has_searched => DOUBLING_S,
            (false, true) => FIRST_SEARCH_S,
            (false, false) => FIRST_CHEAP_SEARCH_S,
        };
        doubling_s.max(PER_EARNING * self.earning_s).min(LONGEST_S)
    }
}

/// How far over its base a sure pace has to grow to prove that the limit was
/// raised: a share of the base.
pub(super) fn proof_of_raise(earning_s: f64, wait_told: bool) -> f64 {
    if earning_s < SOON_EARNED_S && wait_told {
        SOON_RAISED
    } else {
        RAISED
    }
}

/// The doubling time of the search for a limit that was raised.
pub(super) fn raised_doubling_s(earning_s: f64) -> f64 {
    RAISED_DOUBLING_S.max(RAISED_PER_EARNING * earning_s)
}
