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
use super::burst::SOON_EARNED_S;
use super::doubling::Grounds;
use super::learned::{LearnedLimit, LimitKind};
use super::learnt_pace::LearntPace;
use super::measure::{LEAST_PER_S, Measure, Measured};
use super::ramp::Ramp;
use super::rate::Share;
use super::step_down::{self, Steps};
use super::told::{Told, Word};

/// What an earlier run learnt without being sure is trusted only so far.
const TRUSTED_UNSURE: f64 = 0.8;
/// A pace of zero (nothing left until the reset) is asked about again then.
const LONGEST_POLL_S: f64 = 1.0;
/// What a request that is admitted touches lies together, from the end of the
/// measure to the beginning of what headers told.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Pace {
    pub(super) measure: Measure,
    bucket: TokenBucket,
    holds_back: bool,
    learnt: Option<LearntPace>,
    approach: Approach,
    told: Option<Told>,
    share: Share,
    steps: Steps,
}

impl Pace {
    /// `start` is what was known before, if anything.
    pub(super) fn new(now_s: f64, share: Share, start: Option<&LearnedLimit>) -> Self {
        let mut pace = Self {
            learnt: None,
            told: None,
            approach: Approach::NotBegun,
            bucket: TokenBucket::new(now_s),
            holds_back: false,
            share,
            steps: Steps::new(now_s),
            measure: Measure::new(now_s, start),
        };
        if let Some(start) = start.filter(|start| start.is_quota()) {
            let trusted = if start.sure { 1.0 } else { TRUSTED_UNSURE };
            let measured = Measured {
                rate_per_s: (trusted * start.rate_per_s).max(LEAST_PER_S),
                sure: start.sure,
                lost_s: 0.0,
            };
            // A wait that nobody was asked for yet in this run is no reason to
            // be slow in finding that the limit is another one now.
            let (wait_s, wait_told) = (0.0, true);
            pace.settle(measured, wait_s, wait_told);
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
        let learnt = self.learnt.map(|learnt| learnt.rate_per_s(self.share));
        match (learnt, self.told(now_s)) {
            (Some(learnt), Some(told)) => Some(learnt.min(told)),
            (learnt, told) => learnt.or(told),
        }
    }

    /// Whether there is a pace at all, learnt or told.
    pub(super) fn is_known(&self, now_s: f64) -> bool {
        self.learnt.is_some() || self.told(now_s).is_some()
    }

    /// Whether a refusal says that a window is used up, and not just that one
    /// request came too soon.
    pub(super) fn waits_for_windows(&self) -> bool {
        self.learnt.is_none_or(|learnt| {
            let most = self.measure.burst.most(learnt.base_per_s);
            !learnt.sure || most >= SOON_EARNED_S * learnt.base_per_s
        })
    }

    /// Learnt rate without growth, and whether it is sure.
    pub(super) fn learnt(&self) -> Option<(f64, bool)> {
        self.learnt.map(|learnt| (learnt.base_per_s, learnt.sure))
    }

    pub(super) fn told(&self, now_s: f64) -> Option<f64> {
        self.told.and_then(|told| told.rate_per_s(now_s))
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
        // What was told may end before that, and with it what it allowed.
        let told_for_s = self.told.and_then(|told| told.lasts_s(now_s));
        wait_s.min(told_for_s.unwrap_or(LONGEST_POLL_S).min(LONGEST_POLL_S))
    }

    /// Fill the bucket up to now. Returns the rate, if anything bounds it.
    fn refill(&mut self, now_s: f64) -> Option<f64> {
        if std::mem::take(&mut self.holds_back) {
            self.grow(now_s, self.bucket.unfilled_s(now_s));
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
        if let Some(learnt) = &mut self.learnt {
            learnt.grow(now_s, passed_s, told, &mut self.measure);
        }
    }

    /// Whether no request has left yet.
    pub(super) fn is_untried(&self) -> bool {
        matches!(self.approach, Approach::NotBegun)
    }

    /// The first request leaves.
    pub(super) fn begin(&mut self, now_s: f64) {
        self.approach = Approach::Since(now_s);
    }

    /// A request leaves.
    pub(super) fn take(&mut self) {
        self.bucket.take();
    }

    pub(super) fn give_back(&mut self) {
        self.bucket.give_back();
    }

    /// Headers told how much is left.
    pub(super) fn tell(&mut self, now_s: f64, word: Word) {
        self.refill(now_s);
        self.told = Some(Told::new(self.told, now_s, word, self.share));
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
    pub(super) fn learn(&mut self, now_s: f64, wait_s: f64, wait_told: bool) -> Measured {
        let measured = self.measure.end_cycle(now_s, wait_s);
        self.settle(measured, wait_s, wait_told);
        self.restart(now_s);
        measured
    }

    fn settle(&mut self, measured: Measured, wait_s: f64, wait_told: bool) {
        let Measured {
            rate_per_s,
            sure,
            lost_s,
        } = measured;
        let earning_s = self.measure.burst.behind_a_ramp(rate_per_s) / rate_per_s;
        let doubling_s = Grounds {
            rate_per_s,
            sure,
            has_searched: self.measure.has_searched,
            wait_told,
            lost_s: lost_s.max(wait_s - earning_s),
            earning_s,
        }
        .doubling_s();
        let ramp = if sure {
            Ramp::probing(rate_per_s, doubling_s)
        } else {
            Ramp::doubling(rate_per_s, doubling_s)
        };
        self.learnt = Some(LearntPace {
            base_per_s: rate_per_s,
            sure,
            ramp,
            wait_told,
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
        self.steps.begin_anew(now_s);
        self.measure.note_first_burst(now_s);
        self.measure.has_searched = true;
        let measured = Measured {
            rate_per_s: rate_per_s.max(LEAST_PER_S),
            sure,
            lost_s: 0.0,
        };
        let wait_told = false;
        self.settle(measured, 0.0, wait_told);
        if let Some(learnt) = &mut self.learnt
            && sure
        {
            let below_per_s = (1.0 - step_down::STEP) * learnt.base_per_s;
            learnt.ramp = Ramp::probing(below_per_s, learnt.ramp.doubling_s());
        }
    }

    /// A request was refused without a wait while the pace held back. The
    /// burst is used up, so the pace is above the limit.
    pub(super) fn step_down(&mut self, now_s: f64, round_trip_s: f64) {
        let accepted = self.measure.accepted_in_cycle();
        let Some(step) = self.steps.note_refusal(now_s, round_trip_s, accepted) else {
            return;
        };
        if let (Some(rate_per_s), true) = (self.rate_per_s(now_s), self.learnt.is_some()) {
            self.measure.begin_cycle(now_s);
            self.adopt(now_s, (1.0 - step.refused_share) * rate_per_s, step.near);
        }
    }
}
