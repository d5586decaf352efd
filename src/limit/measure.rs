//! What the limit gives, measured at the end of each cycle.
//!
//! There are two measures, and each is too low rather than too high. What
//! whole cycles admitted in their time is exact where nothing is lost over a
//! wait: a window, or a bucket that a wait doesn't fill. The level that a ramp
//! found is exact where a wait loses most of its time: a bucket with little
//! burst, or one whose `Retry-After` is far too long. So the larger one counts.

use super::burst::{Burst, SOON_EARNED_S};
use super::cycles::CycleLog;
use super::learned::LearnedLimit;
use super::ramp::Ramp;
use super::steady::Steadiness;

/// Two measures agree when they differ by less than this share.
const AGREEMENT: f64 = 0.15;
/// A wait is told in whole seconds, so a shorter cycle measures nothing well.
const ROUNDING_S: f64 = 10.0;
/// A ramp whose end lies within this share above what it found shows it well.
const NARROW: f64 = 0.5;
/// A pace refused sooner than this many waits after reopening, so often in a
/// row, is far too high: then only the cycles know how far.
const SOON_IN_WAITS: f64 = 5.0;
const MOST_SOON_IN_A_ROW: u32 = 3;
/// Of a rate that was refused no more is kept: a little below it a tight limit
/// is left in peace for longer.
const KEPT: f64 = 0.98;
/// Rounds in which the limit's rate and burst are fitted to each other.
const SETTLING_ROUNDS: u32 = 8;
/// A pace below this would look like a hang, and any limit is above it.
pub(super) const LEAST_PER_S: f64 = 0.01;

/// One finding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) rate_per_s: f64,
    pub(super) sure: bool,
    /// Seconds of the wait that gave nothing, as far as cycles show it.
    pub(super) lost_s: f64,
}

/// What the pace was when it was refused.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    ramp: Ramp,
    open_s: f64,
}

/// What a request that is admitted touches comes last, next to the pace's own.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Measure {
    /// Time in this cycle in which the gate was closed.
    closed_s: f64,
    pub(super) cycles: CycleLog,
    refusal: Option<Refusal>,
    before_per_s: f64,
    /// What a ramp that was never refused has shown the limit to give.
    proved_per_s: f64,
    /// In this cycle the limit was found to be raised, from that.
    raised_from_per_s: Option<f64>,
    soon_in_a_row: u32,
    pub(super) has_searched: bool,
    was_sure: bool,
    steadiness: Steadiness,
    opened_at_s: f64,
    pub(super) burst: Burst,
    cycle_start_s: f64,
    accepted: f64,
}

impl Measure {
    /// `start` is what was known before.
    pub(super) fn new(now_s: f64, start: Option<&LearnedLimit>) -> Self {
        let longest_wait_s = start.map_or(0.0, |start| start.longest_wait_s.clamp(0.0, 86_400.0));
        let sure = start.filter(|start| start.sure);
        Self {
            cycles: CycleLog::new(longest_wait_s),
            burst: Burst::known(start.and_then(LearnedLimit::most_at_once)),
            cycle_start_s: now_s,
            opened_at_s: now_s,
            closed_s: 0.0,
            accepted: 0.0,
            refusal: None,
            before_per_s: sure.map_or(0.0, |start| start.rate_per_s),
            proved_per_s: 0.0,
            raised_from_per_s: None,
            steadiness: Steadiness::default(),
            soon_in_a_row: 0,
            has_searched: sure.is_some(),
            was_sure: sure.is_some(),
        }
    }

    /// A request of this cycle was admitted.
    pub(super) fn count_accepted(&mut self, sent_at_s: f64) {
        if sent_at_s >= self.cycle_start_s {
            self.accepted += 1.0;
        }
    }

    /// Whether the gate is open for unusually long, for a limit that earns its
    /// burst in so many seconds: then it was raised.
    pub(super) fn is_spared(&self, now_s: f64, earning_s: f64) -> bool {
        let open_s = now_s - self.opened_at_s;
        self.steadiness.is_unusual(open_s, earning_s)
    }

    /// Whether a pace that has grown since the gate opened says that the limit
    /// was raised. At the end of a window everybody is refused, at a bucket only
    /// who comes first.
    pub(super) fn tells_of_a_raise(&self, now_s: f64) -> bool {
        let open_s = now_s - self.opened_at_s;
        self.cycles.name_windows() || self.steadiness.tells_of_a_raise(open_s)
    }

    pub(super) fn accepted_in_cycle(&self) -> f64 {
        self.accepted
    }

    /// The gate closes on a quota; `ramp` is what the pace was, if it was in charge.
    pub(super) fn note_refusal(&mut self, now_s: f64, ramp: Option<Ramp>) {
        let open_s = now_s - self.opened_at_s;
        self.steadiness.note_opening(open_s);
        self.refusal = ramp.map(|ramp| Refusal { ramp, open_s });
    }

    /// A rate was met without a wait, so no cycle has ended yet. What was
    /// admitted beyond the rate since the start was the burst.
    pub(super) fn note_first_burst(&mut self, now_s: f64) {
        if !self.burst.is_known() {
            self.burst.add(self.accepted, now_s - self.opened_at_s);
        }
    }

    /// The gate reopens after a quota: the cycle is over.
    pub(super) fn end_cycle(&mut self, now_s: f64, wait_s: f64) -> Measured {
        let length_s = now_s - self.cycle_start_s;
        self.cycles.add(self.accepted, length_s, wait_s);
        let raised_from_per_s = self.raised_from_per_s.take();
        if raised_from_per_s.is_none() {
            self.burst
                .add(self.accepted, length_s - self.closed_s - wait_s);
        }
        // A tenant in use may refuse a whole first cycle; one request a cycle
        // is a pace to start a search from, none at all isn't.
        let least_per_s = (1.0 / length_s.max(1e-3)).min(1.0);
        let admitted = self.cycles.rate_per_s().unwrap_or(0.0);
        let admitted = if admitted > 0.0 {
            admitted
        } else {
            least_per_s
        };
        let refusal = self.refusal.take();
        let in_charge = refusal.is_some();
        let found = refusal.and_then(|refusal| self.level(&refusal, wait_s, admitted));
        let narrow = found.is_some_and(|(_, narrow)| narrow);
        let rate_per_s = admitted
            .max(found.map_or(0.0, |(level, _)| level))
            .max(LEAST_PER_S);
        let before = std::mem::replace(&mut self.before_per_s, rate_per_s);
        let exact = self.was_sure || length_s >= ROUNDING_S;
        let agree = exact && before > 0.0 && (rate_per_s / before - 1.0).abs() < AGREEMENT;
        if let Some(from_per_s) = raised_from_per_s {
            // Its windows are as long as before.
            self.burst.scale(rate_per_s / from_per_s);
        }
        let change = (rate_per_s / before.max(LEAST_PER_S) - 1.0).abs();
        self.steadiness.note_measure(change);
        // A whole window's count is exact, and where it has changed, others have
        // come or gone. A search that went on would take the others' share, find
        // each count larger than the last, and so never end.
        let earning_s = self.burst.most(rate_per_s) / rate_per_s;
        let whole = self.was_sure
            && in_charge
            && earning_s >= SOON_EARNED_S
            && length_s >= self.cycles.longest_wait_s();
        self.proved_per_s = 0.0;
        self.has_searched |= found.is_some();
        self.was_sure |= agree || narrow;
        Measured {
            rate_per_s,
            sure: agree || narrow || whole,
            lost_s: self.cycles.lost_s(),
        }
    }

    /// The limit that the ramp found, and whether it shows it well.
    fn level(&mut self, refusal: &Refusal, wait_s: f64, admitted: f64) -> Option<(f64, bool)> {
        let soon = refusal.open_s < SOON_IN_WAITS * wait_s;
        self.soon_in_a_row = if soon { self.soon_in_a_row + 1 } else { 0 };
        if self.soon_in_a_row > MOST_SOON_IN_A_ROW {
            return None;
        }
        let end_per_s = refusal.ramp.rate_per_s();
        // The less the burst, the higher the level, and the other way round:
        // from below both come to rest at the lowest pair that fits.
        let mut level = admitted.max(self.proved_per_s);
        self.burst.fit(&refusal.ramp);
        for _ in 0..SETTLING_ROUNDS {
            let burst = self.burst.behind_a_ramp(level);
            let found = refusal.ramp.level_with_burst(burst);
            level = level.max(found.min(KEPT * end_per_s));
        }
        let narrow = refusal.ramp.began_below(level) && end_per_s < (1.0 + NARROW) * level;
        Some((level, narrow))
    }

    /// The ramp has grown so far unrefused that the limit must have been raised.
    pub(super) fn note_raised(&mut self, now_s: f64, ramp: &Ramp, base_per_s: f64) {
        self.proved_per_s = ramp.level_with_burst(self.burst.most(base_per_s));
        self.burst.forget_ramps();
        let is_window = self.burst.most(base_per_s) >= SOON_EARNED_S * base_per_s;
        self.raised_from_per_s = is_window.then_some(base_per_s);
        self.steadiness.begin_anew();
        self.begin_anew(now_s);
    }

    /// The cycles so far measured another limit, or another pace.
    pub(super) fn begin_anew(&mut self, now_s: f64) {
        let opened_at_s = self.opened_at_s;
        self.cycles.clear();
        self.begin_cycle(now_s);
        self.opened_at_s = opened_at_s;
    }

    pub(super) fn begin_cycle(&mut self, now_s: f64) {
        self.cycle_start_s = now_s;
        self.opened_at_s = now_s;
        self.closed_s = 0.0;
        self.accepted = 0.0;
        self.refusal = None;
    }

    /// The gate reopens, but its cycle goes on.
    pub(super) fn continue_cycle(&mut self, now_s: f64, wait_s: f64) {
        self.opened_at_s = now_s;
        self.closed_s += wait_s;
        self.refusal = None;
    }
}
