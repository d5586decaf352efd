//! The pace: requests per second, learnt from cycles or told by headers.
//!
//! It starts unknown, which means that only the window and a short approach
//! hold requests back. Each reopening of a quota gate sets it to what the
//! limit gives; from there it grows, so that a limit that was raised is found
//! again: by doubling while it is unsure, by a small step that doubles once it
//! is sure. Growth counts only the time in which the pace was what held
//! requests back, since a pace that binds nobody proves nothing.

use super::approach::Approach;
use super::bucket::TokenBucket;
use super::learned::{LearnedLimit, LimitKind};
use super::measure::{LEAST_PER_S, Measure, Measured};
use super::ramp::Ramp;
use super::rate::Share;

/// Doubling time of the whole pace in the first search, and later; of the
/// probe's step once sure. Shorter refuses more, longer leaves a raised limit
/// unused.
const FIRST_SEARCH_DOUBLING_S: f64 = 5.0;
const DOUBLING_S: f64 = 20.0;
/// A limit shows itself in the time in which it earns its burst, be that a
/// whole window, so the doubling time is at least this many of it. Less
/// exhausts each window well before its end, for everybody.
const DOUBLING_PER_EARNING: f64 = 1.5;
/// A refusal that loses a second of the limit is asked for less often.
const DOUBLING_PER_LOSS: f64 = 50.0;
/// …but this often in any case.
const LONGEST_DOUBLING_S: f64 = 600.0;
/// A sure pace that has grown past this share over its base unrefused was
/// raised at the tenant, and is searched for from there. Where the burst is
/// earned soon a false alarm costs little.
const RAISED: f64 = 0.15;
const SOON_RAISED: f64 = 0.1;
const SOON_EARNED_S: f64 = 10.0;
const RAISED_DOUBLING_S: f64 = 10.0;
const RAISED_DOUBLING_PER_EARNING: f64 = 0.5;
/// What an earlier run learnt without being sure is trusted only so far.
const TRUSTED_UNSURE: f64 = 0.8;
/// A refusal without a wait lowers the pace by this share, at most once in this
/// time and in so many round trips. Every client that is refused steps down,
/// so that the larger share, refused more often, gives way.
const STEP_DOWN: f64 = 0.03;
const STEP_DOWN_S: f64 = 1.0;
const STEP_DOWN_ROUND_TRIPS: f64 = 5.0;
/// With a courtesy share the limit is looked for anew this often.
const RELEARN_S: f64 = 1200.0;
/// A pace of zero (nothing left until the reset) is asked about again then.
const LONGEST_POLL_S: f64 = 1.0;
/// A header's reset is in whole seconds: half of one is its error.
const RESET_ERROR_S: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
struct Learnt {
    base_per_s: f64,
    sure: bool,
    ramp: Ramp,
    /// Whether the pace leaves a share to others instead of growing.
    courteous: bool,
    /// Seconds in which it held back that way.
    courteous_s: f64,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    rate_per_s: f64,
    until_s: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Pace {
    learnt: Option<Learnt>,
    told: Option<Told>,
    approach: Approach,
    bucket: TokenBucket,
    refilled_at_s: f64,
    holds_back: bool,
    share: Share,
    slowed_at_s: f64,
    pub(super) measure: Measure,
}

impl Pace {
    /// `start` is what was known before, if anything.
    pub(super) fn new(now_s: f64, share: Share, start: Option<&LearnedLimit>) -> Self {
        let mut pace = Self {
            learnt: None,
            told: None,
            approach: Approach::NotBegun,
            bucket: TokenBucket::new(now_s),
            refilled_at_s: now_s,
            holds_back: false,
            share,
            slowed_at_s: now_s,
            measure: Measure::new(now_s, start),
        };
        if let Some(start) = start.filter(|start| start.is_quota()) {
            let trusted = if start.sure { 1.0 } else { TRUSTED_UNSURE };
            let measured = Measured {
                rate_per_s: (trusted * start.rate_per_s).max(LEAST_PER_S),
                sure: start.sure,
                lost_s: 0.0,
            };
            pace.settle(measured, start.longest_wait_s);
        }
        if start.is_some_and(|start| start.kind == LimitKind::ConcurrencyCap && start.sure) {
            pace.approach = Approach::Over;
        }
        pace
    }

    /// For tests of what comes later.
    #[cfg(test)]
    pub(super) fn skip_approach(&mut self) {
        self.approach = Approach::Over;
    }

    /// What the pace is now; `None` while nothing is known.
    pub(super) fn rate_per_s(&self, now_s: f64) -> Option<f64> {
        let learnt = self.learnt.map(|learnt| self.allowed(&learnt));
        match (learnt, self.told(now_s)) {
            (Some(learnt), Some(told)) => Some(learnt.min(told)),
            (learnt, told) => learnt.or(told),
        }
    }

    /// Whether there is a pace at all, learnt or told.
    pub(super) fn is_known(&self, now_s: f64) -> bool {
        self.learnt.is_some() || self.told(now_s).is_some()
    }

    fn allowed(&self, learnt: &Learnt) -> f64 {
        if learnt.courteous {
            learnt.base_per_s * self.share.get()
        } else {
            learnt.ramp.rate_per_s()
        }
    }

    /// Learnt rate without growth, and whether it is sure.
    pub(super) fn learnt(&self) -> Option<(f64, bool)> {
        self.learnt.map(|learnt| (learnt.base_per_s, learnt.sure))
    }

    pub(super) fn told(&self, now_s: f64) -> Option<f64> {
        self.told
            .filter(|told| now_s < told.until_s)
            .map(|told| told.rate_per_s)
    }

    /// Seconds until the pace allows a request; 0 when it does.
    pub(super) fn wait_s(&mut self, now_s: f64) -> f64 {
        let Some(rate_per_s) = self.refill(now_s) else {
            return 0.0;
        };
        let wait_s = self.bucket.wait_s(rate_per_s);
        if wait_s > 0.0 {
            self.holds_back = true;
        }
        wait_s.min(LONGEST_POLL_S)
    }

    /// Fill the bucket up to now. Returns the rate, if anything bounds it.
    fn refill(&mut self, now_s: f64) -> Option<f64> {
        let passed_s = (now_s - self.refilled_at_s).max(0.0);
        self.refilled_at_s = self.refilled_at_s.max(now_s);
        if std::mem::take(&mut self.holds_back) {
            self.grow(now_s, passed_s);
        }
        let rate_per_s = self
            .rate_per_s(now_s)
            .or_else(|| self.approach.rate_per_s(now_s));
        // Without a pace the bucket just stays full enough to start one.
        self.bucket.refill(now_s, rate_per_s.unwrap_or(1.0));
        rate_per_s
    }

    fn grow(&mut self, now_s: f64, passed_s: f64) {
        let told = self.told(now_s).is_some();
        let Some(learnt) = &mut self.learnt else {
            return;
        };
        if learnt.courteous {
            learnt.courteous_s += passed_s;
            if learnt.courteous_s >= RELEARN_S {
                // Look for the limit again: probe it once, up to one refusal.
                learnt.courteous = false;
                self.measure.begin_anew(now_s);
            }
            return;
        }
        let rate_per_s = learnt.ramp.rate_per_s();
        let earning_s = self.measure.burst.most(rate_per_s) / rate_per_s;
        // Where headers bound the pace a probe refuses nobody, so it need not
        // wait for whole windows.
        let hasty_s = if told {
            DOUBLING_S
        } else if learnt.sure
            && earning_s >= SOON_EARNED_S
            && self.measure.is_spared(now_s, earning_s)
        {
            RAISED_DOUBLING_S
        } else {
            f64::INFINITY
        };
        let haste = (learnt.ramp.doubling_s() / hasty_s).max(1.0);
        learnt.ramp.grow(passed_s * haste);
        if !learnt.sure {
            return;
        }
        let rate_per_s = learnt.ramp.rate_per_s();
        let raised = if earning_s < SOON_EARNED_S {
            SOON_RAISED
        } else {
            RAISED
        };
        if rate_per_s > (1.0 + raised) * learnt.base_per_s {
            self.measure
                .note_raised(now_s, &learnt.ramp, learnt.base_per_s);
            learnt.sure = false;
            let doubling_s = RAISED_DOUBLING_S.max(RAISED_DOUBLING_PER_EARNING * earning_s);
            learnt.ramp = Ramp::doubling(rate_per_s, doubling_s);
        }
    }

    /// A request leaves.
    pub(super) fn take(&mut self, now_s: f64) {
        self.approach.begin(now_s);
        self.bucket.take();
    }

    pub(super) fn give_back(&mut self) {
        self.bucket.give_back();
    }

    /// Headers told how much is left. `in_flight` may still be uncounted there.
    pub(super) fn tell(&mut self, now_s: f64, remaining: f64, resets_in_s: f64, in_flight: u32) {
        self.refill(now_s);
        let left = (remaining - f64::from(in_flight)).max(0.0);
        self.told = Some(Told {
            rate_per_s: left / (resets_in_s - RESET_ERROR_S).max(RESET_ERROR_S),
            until_s: now_s + resets_in_s,
        });
    }

    /// The gate closes on a quota: remember what the pace was.
    pub(super) fn note_refusal(&mut self, now_s: f64, pace_bound: bool) {
        self.approach = Approach::Over;
        self.refill(now_s);
        // Headers may tell of another limit than the one that refuses.
        let told_per_s = self.told(now_s).unwrap_or(f64::INFINITY);
        let ramp = self
            .learnt
            .filter(|learnt| pace_bound && !learnt.courteous)
            .map(|learnt| learnt.ramp)
            .filter(|ramp| ramp.rate_per_s() < told_per_s);
        self.measure.note_refusal(now_s, ramp);
    }

    /// The gate reopens after a quota: measure, and begin a new cycle with it.
    pub(super) fn learn(&mut self, now_s: f64, wait_s: f64) -> Measured {
        let measured = self.measure.end_cycle(now_s, wait_s);
        self.settle(measured, wait_s);
        self.restart(now_s);
        measured
    }

    fn settle(&mut self, measured: Measured, wait_s: f64) {
        let Measured {
            rate_per_s,
            sure,
            lost_s,
        } = measured;
        let earning_s = self.measure.burst.behind_a_ramp(rate_per_s) / rate_per_s;
        let doubling_s = if sure {
            let lost_s = lost_s.max(wait_s - earning_s);
            DOUBLING_S.max(DOUBLING_PER_LOSS * lost_s)
        } else if self.measure.has_searched {
            DOUBLING_S
        } else {
            FIRST_SEARCH_DOUBLING_S
        };
        let doubling_s = doubling_s
            .max(DOUBLING_PER_EARNING * earning_s)
            .min(LONGEST_DOUBLING_S);
        let ramp = if sure {
            Ramp::probing(rate_per_s, doubling_s)
        } else {
            Ramp::doubling(rate_per_s, doubling_s)
        };
        self.learnt = Some(Learnt {
            base_per_s: rate_per_s,
            sure,
            ramp,
            courteous: sure && self.share < Share::WHOLE,
            courteous_s: 0.0,
        });
    }

    /// A refusal was put down to a cap. Its cycle goes on, so that nothing is
    /// lost if it turns out to have been a quota.
    pub(super) fn continue_cycle(&mut self, now_s: f64, wait_s: f64) {
        self.measure.continue_cycle(now_s, wait_s);
        self.resume(now_s);
    }

    /// A new cycle begins; nothing is saved up over a wait.
    pub(super) fn restart(&mut self, now_s: f64) {
        self.measure.begin_cycle(now_s);
        self.resume(now_s);
    }

    fn resume(&mut self, now_s: f64) {
        self.holds_back = false;
        self.refilled_at_s = now_s;
        self.bucket.restart(now_s);
    }

    /// A share of the requests was refused while the pace held back: slower.
    pub(super) fn slow_down(&mut self, now_s: f64, refused_share: f64) {
        if let (Some(rate_per_s), true) = (self.rate_per_s(now_s), self.learnt.is_some()) {
            self.adopt(now_s, rate_per_s * (1.0 - refused_share.min(0.5)), true);
        }
    }

    /// So much was admitted amid refusals without a wait. Sure where the pace
    /// itself was refused just above.
    pub(super) fn adopt(&mut self, now_s: f64, rate_per_s: f64, sure: bool) {
        self.slowed_at_s = now_s;
        self.measure.has_searched = true;
        let measured = Measured {
            rate_per_s: rate_per_s.max(LEAST_PER_S),
            sure,
            lost_s: 0.0,
        };
        self.settle(measured, 0.0);
    }

    /// A request was refused without a wait while the pace held back. The
    /// burst is used up, so the pace is above the limit: step below it, once
    /// for all refusals of about the same time.
    pub(super) fn step_down(&mut self, now_s: f64, round_trip_s: f64) {
        if now_s - self.slowed_at_s > STEP_DOWN_S.max(STEP_DOWN_ROUND_TRIPS * round_trip_s) {
            self.slow_down(now_s, STEP_DOWN);
        }
    }
}
