//! Telling trouble from a limit that is worded as trouble.
//!
//! Some limiters refuse with a plain `503` (it is nginx's default). A server
//! in trouble answers the same. What tells the two apart is whose doing it is:
//! trouble comes when it likes, a limit comes when we have sent enough. So the
//! openings of the gate are watched. At a limit each of them begins with
//! requests that are admitted, and ends soon. After a few such openings in a
//! row a `503` is taken as what a `429` of the same form would be. In an outage
//! nothing is admitted, and in a storm the first failure comes by chance: both
//! leave everything as it was.

use super::pace::Pace;
use super::trickle::Trickle;

/// An opening that ended later than this after it began says nothing about us.
const SOON_S: f64 = 5.0;
/// The `503`s are a limit once this many requests led such openings (admitted,
/// and sent before the first that failed), over at least so many openings.
/// With half of all requests failing at random, one chain of openings in two
/// hundred gets there; with fewer failing, hardly any opening ends.
const LEAD_OF_A_LIMIT: i64 = 20;
const OPENINGS_OF_A_LIMIT: u32 = 2;
/// An opening whose first request failed weighs this much against it.
const LEADERLESS: i64 = 8;
/// Where each `503` names a wait, one failure ends an opening, so a storm
/// leads as well. But not by the same number each time: this many openings in
/// a row must have led by numbers that differ by less than this factor.
const ALIKE_OPENINGS: u32 = 4;
const ALIKE: f64 = 1.4;
const LEAD_OF_ALIKE: i64 = 16;
/// Paced, openings at a limit get at least as far as before. Of the first few,
/// only one may stop short of this share: more were chance, so a storm.
const PACED_OPENINGS: u32 = 6;
const SHORT_SHARE: f64 = 0.7;
const SHORT_OPENINGS: u32 = 2;
/// Taken as a limit, the `503`s soon become few. Where more than this share of
/// so many answers stays refused, so often in a row, it was a storm. Larger
/// blocks come too late: a storm slows the pace, and so the answers.
const SOON_FEW_S: f64 = 1.0;
const BLOCK: u32 = 12;
const REFUSED_SHARE: f64 = 0.25;
const BAD_BLOCKS: u32 = 3;
/// So it was where requests are still refused at less than this share of a
/// pace that was known before.
const FAR_BELOW: f64 = 0.25;
/// So many openings in a row with nothing admitted are an outage, whatever was
/// thought before.
const BARREN_OPENINGS: u32 = 3;
/// Nothing is taken as a limit for so long after a storm was.
const REFUTED_FOR_S: f64 = 60.0;
/// A limit is forgotten after this long without a `503`.
const FORGOTTEN_AFTER_S: f64 = 600.0;

/// How an opening of the gate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The breaker opened.
    Failing,
    /// A `503` named a wait.
    WaitNamed,
    /// A quota.
    Quota,
}

/// What came back since the gate was last opened.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Opening {
    unavailable: u32,
    other_failures: u32,
    start_s: f64,
    accepted: u32,
    /// Admitted, and sent before the first request that failed.
    lead: u32,
    first_failed_sent_s: Option<f64>,
}

/// A chain of openings that look like a limit's.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    openings: u32,
    lead: i64,
    /// Openings in a row that led alike, what they led by, and the range.
    alike: u32,
    alike_lead: i64,
    least: f64,
    most: f64,
}

/// What is known while a `503` is taken as a limit.
#[derive(Clone, Debug)]
struct TakenAsLimit {
    latest_s: f64,
    /// Paced openings still to be compared, and what openings led by before.
    doubts: u32,
    led: f64,
    stopped_short: u32,
    /// Answers to what was sent from then on are counted.
    counted_from_s: f64,
    answers: u32,
    refused: u32,
    bad_blocks: u32,
    /// The `503`s have become few.
    is_proven: bool,
    /// The pace to go back to if it was trouble after all.
    trusted: Pace,
}

/// What a request that is admitted touches comes last, next to the rest of it in
/// the controller.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub(super) struct TroubleWatch {
    evidence: Evidence,
    refuted_until_s: f64,
    opening: Opening,
    trickle: Trickle,
    limit: Option<Box<TakenAsLimit>>,
}

impl TroubleWatch {
    /// Whether something was admitted since the gate was last opened.
    pub(super) fn lets_through(&self) -> bool {
        self.opening.accepted > 0
    }

    pub(super) fn on_accepted(&mut self, now_s: f64, sent_at_s: f64) {
        self.trickle.note(now_s, false);
        if let Some(limit) = &mut self.limit {
            limit.count(sent_at_s, false);
        }
        let opening = &mut self.opening;
        if sent_at_s < opening.start_s {
            return;
        }
        opening.accepted = opening.accepted.saturating_add(1);
        let leads = opening
            .first_failed_sent_s
            .is_none_or(|first_s| sent_at_s < first_s);
        opening.lead = opening.lead.saturating_add(u32::from(leads));
    }

    /// A request of this opening failed.
    pub(super) fn on_failed(&mut self, now_s: f64, sent_at_s: f64, is_unavailable: bool) {
        match is_unavailable {
            true => self.trickle.note(now_s, true),
            false => self.trickle = Trickle::default(),
        }
        let opening = &mut self.opening;
        let first_s = opening.first_failed_sent_s.unwrap_or(sent_at_s);
        opening.first_failed_sent_s = Some(first_s.min(sent_at_s));
        let count = match is_unavailable {
            true => &mut opening.unavailable,
            false => &mut opening.other_failures,
        };
        *count = count.saturating_add(1);
    }

    /// Whether a `503` is a limit now.
    pub(super) fn is_limit(&self, now_s: f64) -> bool {
        self.limit
            .as_ref()
            .is_some_and(|limit| now_s - limit.latest_s < FORGOTTEN_AFTER_S)
    }

    /// From now on a `503` is a limit.
    pub(super) fn take_as_limit(&mut self, now_s: f64, pace: &Pace) {
        self.trickle = Trickle::default();
        let Evidence {
            alike, alike_lead, ..
        } = std::mem::take(&mut self.evidence);
        let is_by_likeness = alike >= ALIKE_OPENINGS;
        self.limit = Some(Box::new(TakenAsLimit {
            latest_s: now_s,
            doubts: if is_by_likeness { PACED_OPENINGS } else { 0 },
            led: alike_lead as f64 / f64::from(alike.max(1)),
            stopped_short: 0,
            counted_from_s: now_s + SOON_FEW_S,
            answers: 0,
            refused: 0,
            bad_blocks: 0,
            is_proven: false,
            trusted: pace.clone(),
        }));
    }

    /// A `503` while it is taken as a limit, after so many openings in a row
    /// with nothing admitted. Where it is trouble after all, returns the pace
    /// to go back to.
    pub(super) fn doubt(
        &mut self,
        now_s: f64,
        sent_at_s: f64,
        barren: u32,
        (pace, pace_binds): (&Pace, bool),
    ) -> Option<Pace> {
        let limit = self.limit.as_mut()?;
        limit.latest_s = now_s;
        limit.count(sent_at_s, true);
        let is_outage = barren >= BARREN_OPENINGS;
        let mut is_storm = limit.bad_blocks >= BAD_BLOCKS || limit.is_far_below_trusted(pace);
        if pace_binds && limit.doubts > 0 {
            limit.doubts -= 1;
            let is_short = f64::from(self.opening.accepted) < SHORT_SHARE * limit.led;
            limit.stopped_short += u32::from(is_short);
            is_storm |= limit.stopped_short >= SHORT_OPENINGS;
        }
        if !is_outage && !is_storm {
            return None;
        }
        if is_storm {
            self.refuted_until_s = now_s + REFUTED_FOR_S;
        }
        self.evidence = Evidence::default();
        self.limit.take().map(|limit| limit.trusted)
    }

    /// The pace was learnt from an opening in which something was admitted.
    pub(super) fn trust(&mut self, pace: &Pace) {
        if let Some(limit) = &mut self.limit
            && limit.is_proven
            && limit.doubts == 0
            && limit.bad_blocks == 0
        {
            limit.trusted = pace.clone();
        }
    }

    /// Whether this opening, about to end in failures, completes the evidence.
    pub(super) fn ends_like_a_limit(&self, now_s: f64) -> bool {
        let lead = self.evidence.lead + i64::from(self.opening.lead);
        let leads = self.looks_like_a_limit(now_s)
            && self.evidence.openings + 1 >= OPENINGS_OF_A_LIMIT
            && lead >= LEAD_OF_A_LIMIT;
        leads || (self.trickle.is_shown(now_s) && now_s >= self.refuted_until_s)
    }

    fn looks_like_a_limit(&self, now_s: f64) -> bool {
        now_s >= self.refuted_until_s
            && now_s - self.opening.start_s <= SOON_S
            && self.opening.accepted > 0
            && self.opening.unavailable > self.opening.other_failures
    }

    /// The gate reopens; the opening before ended at `closed_at_s`. Returns
    /// whether its `503`s with a wait must be taken as a limit from now on.
    pub(super) fn on_reopen(&mut self, now_s: f64, closed_at_s: f64, ending: Ending) -> bool {
        let is_like_a_limit = self.looks_like_a_limit(closed_at_s);
        let lead = i64::from(self.opening.lead);
        self.opening = Opening {
            start_s: now_s,
            ..Opening::default()
        };
        if ending == Ending::Quota {
            return false;
        }
        if !is_like_a_limit {
            self.evidence = Evidence::default();
            return false;
        }
        self.evidence.add(lead);
        ending == Ending::WaitNamed
            && self.evidence.alike >= ALIKE_OPENINGS
            && self.evidence.alike_lead >= LEAD_OF_ALIKE
            && !self.is_limit(now_s)
    }
}

impl TakenAsLimit {
    /// Whether requests are refused at a small part of the pace that others
    /// than these `503`s had shown to be right.
    fn is_far_below_trusted(&self, pace: &Pace) -> bool {
        let (Some((now_per_s, _)), Some((before_per_s, _))) =
            (pace.learnt(), self.trusted.learnt())
        else {
            return false;
        };
        now_per_s < FAR_BELOW * before_per_s
    }

    fn count(&mut self, sent_at_s: f64, is_refused: bool) {
        if sent_at_s < self.counted_from_s {
            return;
        }
        self.answers += 1;
        self.refused += u32::from(is_refused);
        if self.answers < BLOCK {
            return;
        }
        let is_bad = f64::from(self.refused) > REFUSED_SHARE * f64::from(BLOCK);
        self.bad_blocks = if is_bad { self.bad_blocks + 1 } else { 0 };
        self.is_proven |= !is_bad;
        (self.answers, self.refused) = (0, 0);
    }
}

impl Evidence {
    fn add(&mut self, lead: i64) {
        if lead == 0 {
            self.lead = (self.lead - LEADERLESS).max(0);
            self.alike = 0;
            return;
        }
        self.openings += 1;
        self.lead += lead;
        let (least, most) = (self.least.min(lead as f64), self.most.max(lead as f64));
        if self.alike > 0 && most <= ALIKE * least {
            self.alike += 1;
            self.alike_lead += lead;
            (self.least, self.most) = (least, most);
        } else {
            self.alike = 1;
            self.alike_lead = lead;
            (self.least, self.most) = (lead as f64, lead as f64);
        }
    }
}
