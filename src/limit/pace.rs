//! The pace: requests per second, learnt from cycles or told by headers.
//!
//! It starts unknown, which means no pace at all. Each reopening of a quota
//! gate sets it to what the cycles admitted; from there it grows, so that a
//! limit that was raised is found again: by doubling while two measures
//! disagree, by a small step that doubles once they agree. Growth counts only
//! the time in which the pace was what held requests back, since a pace that
//! binds nobody proves nothing.

use super::bucket::TokenBucket;
use super::cycles::CycleLog;
use super::rate::Share;

/// Doubling time of the pace while unsure, of the probe's step once sure.
/// Shorter refuses more, longer leaves a raised limit unused for minutes.
const DOUBLING_S: f64 = 20.0;
/// The same until the first sure measure, while no wait above a second was
/// asked for. A refusal then costs a second, not a minute, and a job of a
/// thousand rows ends before a slow ramp does.
const QUICK_DOUBLING_S: f64 = 5.0;
/// The shortest wait an integer header can say, and a little.
const SHORT_WAIT_S: f64 = 1.5;
/// The probe's first step in units of the square root of the pace. The root
/// lets a smaller share grow relatively faster: clients of one limit converge.
const PROBE_STEP: f64 = 0.05;
/// A sure pace that has grown past this share over its base unrefused was
/// raised at the tenant: from there it may ramp.
const RAISED: f64 = 0.2;
/// Doubling time of that ramp, and what is kept of its end: half of it lies
/// above the limit, since a bucket's burst has to be used up first.
const RAISED_DOUBLING_S: f64 = 10.0;
const KEPT_WHEN_RAISED: f64 = 0.75;
/// The limit is tight if it admits no more at once than its rate in this many
/// seconds: then every wait of a second costs a second's worth.
const TIGHT_S: f64 = 1.2;
/// A first cycle that was refused sooner than this hints at a small burst.
const SOON_REFUSED_S: f64 = 2.0;
/// Two measures agree when they differ by less than this share.
const AGREEMENT: f64 = 0.15;
/// Of the pace at which a short-waiting limit refused, this share is kept. A
/// ramp's average lags behind its end by more.
const KEPT_AT_REFUSAL: f64 = 0.9;
/// The same once sure: the probe's small step overshoots by little.
const KEPT_WHEN_SURE: f64 = 0.95;
/// …but not more often than this in a row without this many waits of calm:
/// then the pace is far too high, and only the cycles know how far.
const SOON_IN_WAITS: f64 = 5.0;
const MOST_SOON_IN_A_ROW: u32 = 3;
/// With a courtesy share the limit is looked for anew this often.
const RELEARN_S: f64 = 1200.0;
/// A pace below this would look like a hang, and any limit is above it.
const LEAST_PER_S: f64 = 0.01;
/// A pace of zero (nothing left until the reset) is asked about again then.
const LONGEST_POLL_S: f64 = 1.0;
/// A header's reset is in whole seconds: half of one is its error.
const RESET_ERROR_S: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
struct Learnt {
    base_per_s: f64,
    sure: bool,
    /// Seconds in which the pace was what held requests back.
    grown_s: f64,
    /// Growth past this time means that the limit was raised.
    raised_after_s: f64,
}

impl Learnt {
    fn new(base_per_s: f64, sure: bool) -> Self {
        let steps = 1.0 + RAISED * base_per_s.sqrt() / PROBE_STEP;
        Self {
            base_per_s,
            sure,
            grown_s: 0.0,
            raised_after_s: DOUBLING_S * steps.log2(),
        }
    }
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
    bucket: TokenBucket,
    refilled_at_s: f64,
    holds_back: bool,
    share: Share,
    pub(super) cycles: CycleLog,
    cycle_start_s: f64,
    accepted: f64,
    measured_before_per_s: f64,
    was_sure: bool,
    soon_refused: bool,
    first_burst: Option<f64>,
    soon_in_a_row: u32,
    /// Pace and open time when the gate closed, if the pace was in charge.
    at_refusal: Option<(f64, f64)>,
}

impl Pace {
    pub(super) fn new(
        now_s: f64,
        share: Share,
        start_per_s: Option<f64>,
        longest_wait_s: f64,
    ) -> Self {
        Self {
            learnt: start_per_s.map(|base_per_s| Learnt::new(base_per_s, false)),
            told: None,
            bucket: TokenBucket::new(now_s),
            refilled_at_s: now_s,
            holds_back: false,
            share,
            cycles: CycleLog::new(longest_wait_s),
            cycle_start_s: now_s,
            accepted: 0.0,
            measured_before_per_s: 0.0,
            was_sure: false,
            soon_refused: false,
            first_burst: None,
            soon_in_a_row: 0,
            at_refusal: None,
        }
    }

    /// What the pace is now; `None` while nothing is known.
    pub(super) fn rate_per_s(&self, now_s: f64) -> Option<f64> {
        let learnt = self.learnt.map(|learnt| self.grown(&learnt));
        let told = self
            .told
            .filter(|told| now_s < told.until_s)
            .map(|told| told.rate_per_s);
        match (learnt, told) {
            (Some(learnt), Some(told)) => Some(learnt.min(told)),
            (learnt, told) => learnt.or(told),
        }
    }

    fn grown(&self, learnt: &Learnt) -> f64 {
        if learnt.sure && self.share < Share::WHOLE {
            return learnt.base_per_s * self.share.get();
        }
        if learnt.grown_s <= 0.0 {
            return learnt.base_per_s;
        }
        let short_waits = self.cycles.longest_wait_s() <= SHORT_WAIT_S;
        if !learnt.sure {
            let quick = short_waits && self.soon_refused && !self.was_sure;
            let doubling_s = if quick { QUICK_DOUBLING_S } else { DOUBLING_S };
            return learnt.base_per_s * doublings(learnt.grown_s / doubling_s);
        }
        let raised_s = learnt.grown_s - learnt.raised_after_s;
        if short_waits && raised_s > 0.0 {
            return learnt.base_per_s * (1.0 + RAISED) * doublings(raised_s / RAISED_DOUBLING_S);
        }
        let steps = doublings(learnt.grown_s / DOUBLING_S) - 1.0;
        learnt.base_per_s + PROBE_STEP * learnt.base_per_s.sqrt() * steps
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
        self.refill(now_s);
        let Some(rate_per_s) = self.rate_per_s(now_s) else {
            return 0.0;
        };
        let wait_s = self.bucket.wait_s(rate_per_s);
        if wait_s > 0.0 {
            self.holds_back = true;
        }
        wait_s.min(LONGEST_POLL_S)
    }

    fn refill(&mut self, now_s: f64) {
        let passed_s = (now_s - self.refilled_at_s).max(0.0);
        self.refilled_at_s = self.refilled_at_s.max(now_s);
        if let (true, Some(learnt)) = (self.holds_back, &mut self.learnt) {
            learnt.grown_s += passed_s;
            if learnt.sure && self.share < Share::WHOLE && learnt.grown_s > RELEARN_S {
                // Look for the limit again: ramp up from the courteous pace to one refusal.
                learnt.base_per_s *= self.share.get();
                learnt.sure = false;
                learnt.grown_s = 0.0;
                self.cycles.clear();
                self.cycle_start_s = now_s;
                self.accepted = 0.0;
            }
        }
        self.holds_back = false;
        // Without a pace the bucket just stays full enough to start one.
        let rate_per_s = self.rate_per_s(now_s).unwrap_or(1.0);
        self.bucket.refill(now_s, rate_per_s);
    }

    pub(super) fn take(&mut self) {
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

    /// A request of this cycle was admitted.
    pub(super) fn count_accepted(&mut self, sent_at_s: f64) {
        if sent_at_s >= self.cycle_start_s {
            self.accepted += 1.0;
        }
    }

    pub(super) fn accepted_in_cycle(&self) -> f64 {
        self.accepted
    }

    /// The gate closes on a quota: remember what the pace was.
    pub(super) fn note_refusal(&mut self, now_s: f64, pace_bound: bool) {
        self.refill(now_s);
        let in_charge = pace_bound && self.told(now_s).is_none();
        let rate_per_s = self.rate_per_s(now_s).filter(|_| in_charge);
        self.at_refusal = rate_per_s.map(|rate_per_s| (rate_per_s, now_s - self.cycle_start_s));
    }

    /// The gate reopens after a quota: measure. Returns the rate and whether
    /// it is sure.
    pub(super) fn learn(&mut self, now_s: f64, wait_s: f64) -> (f64, bool) {
        let length_s = now_s - self.cycle_start_s;
        self.cycles.add(self.accepted, length_s, wait_s);
        self.note_first_burst(length_s - wait_s);
        let mut measured = self
            .cycles
            .rate_per_s()
            .unwrap_or(LEAST_PER_S)
            .max(LEAST_PER_S);
        if let Some(refusal) = self.at_refusal.take()
            && self.cycles.longest_wait_s() <= SHORT_WAIT_S
        {
            measured = measured.max(self.kept_of(refusal, wait_s));
        }
        let before = std::mem::replace(&mut self.measured_before_per_s, measured);
        let sure = before > 0.0 && (measured / before - 1.0).abs() < AGREEMENT;
        self.was_sure |= sure;
        self.learnt = Some(Learnt::new(measured, sure));
        (measured, sure)
    }

    fn note_first_burst(&mut self, open_s: f64) {
        if self.first_burst.is_none() {
            self.first_burst = Some(self.accepted);
            self.soon_refused = open_s < SOON_REFUSED_S;
        }
    }

    /// A refusal was put down to a cap. Its cycle goes on, so that nothing is
    /// lost if it turns out to have been a quota.
    pub(super) fn continue_cycle(&mut self, now_s: f64, wait_s: f64) {
        self.note_first_burst(now_s - self.cycle_start_s - wait_s);
        self.resume(now_s);
    }

    /// What to keep of the pace that was refused, where waits are short. The
    /// average over a ramp's cycle lags behind its end.
    fn kept_of(&mut self, (rate_per_s, open_s): (f64, f64), wait_s: f64) -> f64 {
        let soon = open_s < SOON_IN_WAITS * wait_s;
        self.soon_in_a_row = if soon { self.soon_in_a_row + 1 } else { 0 };
        let Some(learnt) = self.learnt else {
            return 0.0;
        };
        if learnt.sure && learnt.grown_s > learnt.raised_after_s {
            self.cycles.clear(); // they measured another limit
            return KEPT_WHEN_RAISED * rate_per_s;
        }
        let tight = self
            .first_burst
            .is_some_and(|burst| burst <= TIGHT_S * rate_per_s);
        if !tight || self.soon_in_a_row > MOST_SOON_IN_A_ROW {
            return 0.0;
        }
        rate_per_s
            * if learnt.sure {
                KEPT_WHEN_SURE
            } else {
                KEPT_AT_REFUSAL
            }
    }

    /// A new cycle begins; nothing is saved up over a wait.
    pub(super) fn restart(&mut self, now_s: f64) {
        self.cycle_start_s = now_s;
        self.accepted = 0.0;
        self.resume(now_s);
    }

    fn resume(&mut self, now_s: f64) {
        self.at_refusal = None;
        self.holds_back = false;
        self.refilled_at_s = now_s;
        self.bucket.restart(now_s);
    }

    /// A share of the requests was refused while the pace held back: slower.
    pub(super) fn slow_down(&mut self, now_s: f64, refused_share: f64) {
        if let Some(rate_per_s) = self.rate_per_s(now_s)
            && let Some(learnt) = &mut self.learnt
        {
            learnt.base_per_s = (rate_per_s * (1.0 - refused_share.min(0.5))).max(LEAST_PER_S);
            learnt.grown_s = 0.0;
        }
    }
}

/// 2^count, bounded so that a pace nobody meets doesn't run away.
fn doublings(count: f64) -> f64 {
    count.min(32.0).exp2()
}
