//! The pace that rate-limit headers tell.
//!
//! A reset comes in whole seconds, rounded up as a rule, and of a window of one
//! second that is all of it. But all replies of a window speak of the same
//! moment, so each of them narrows it down. And what a window loses without our
//! doing is what its other users take.

use super::rate::Share;

/// A reset in whole seconds is rounded up by less than this.
const ROUNDING_S: f64 = 1.0;
/// Replies overtake each other by less than this, as far as it matters here.
const OVERTAKING_S: f64 = 0.5;
/// What is left is spread over at least this share of a whole window, and over
/// this time at most: the reset isn't known any better. Of the rest
/// others are left what they take in that time, which at the reset is all that
/// there is for them; more would keep unequal shares unequal.
const LAST_SHARE: f64 = 0.02;
const LAST_S: f64 = 0.5;

/// One reply's word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// Requests that are left, less those that weren't counted yet.
    pub(super) left: f64,
    /// Requests sent so far.
    pub(super) sent: f64,
    pub(super) resets_in_s: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    rate_per_s: f64,
    left: f64,
    /// What would be left if we had never sent anything.
    left_unsent: f64,
    /// The reset lies between these.
    earliest_s: f64,
    latest_s: f64,
    whole: Whole,
    others: Others,
}

/// The most that was ever left, and the time it had to last.
#[derive(Clone, Copy, Debug)]
struct Whole {
    left: f64,
    lasts_s: f64,
}

/// What others took: in this window since it began, and a second in the one before.
#[derive(Clone, Copy, Debug)]
struct Others {
    since_s: f64,
    taken: f64,
    per_s: f64,
}

impl Told {
    /// `before` is what was told before.
    ///
    /// Who was told to take a share takes that share of what is left, and of
    /// each reply's own reset: near it the rest is all that is left to others.
    pub(super) fn new(before: Option<Self>, now_s: f64, word: Word, share: Share) -> Self {
        let Word {
            left,
            sent,
            resets_in_s,
        } = word;
        let is_rounded = resets_in_s.fract() == 0.0;
        let rounding_s = if is_rounded { ROUNDING_S } else { 0.0 };
        let mut told = Self {
            rate_per_s: 0.0,
            left,
            left_unsent: left + sent,
            earliest_s: now_s + resets_in_s - rounding_s,
            latest_s: now_s + resets_in_s,
            whole: Whole {
                left,
                lasts_s: resets_in_s,
            },
            others: Others {
                since_s: now_s,
                taken: 0.0,
                per_s: 0.0,
            },
        };
        if share < Share::WHOLE {
            told.rate_per_s = share.get() * left / resets_in_s.max(LAST_S);
            return told;
        }
        if let Some(before) = before {
            told.follow(&before, now_s);
        }
        let rest_s = 0.5 * (told.earliest_s + told.latest_s) - now_s;
        let least_s = LAST_S.min(LAST_SHARE * told.whole.lasts_s);
        // Counts of several limits or nodes, told by turns, look like others'
        // doing, too; but nobody takes more than there is.
        let for_others =
            (told.others.per_s * rest_s.clamp(0.0, LAST_S)).min(left * LAST_S / rest_s.max(LAST_S));
        told.rate_per_s = (left - for_others) / rest_s.max(least_s);
        told
    }

    /// Goes on from what was told before.
    fn follow(&mut self, before: &Self, now_s: f64) {
        if before.whole.left > self.left {
            self.whole = before.whole;
        }
        let is_same_window = now_s < before.latest_s
            && self.left <= before.left
            && self.earliest_s <= before.latest_s + OVERTAKING_S
            && self.latest_s >= before.earliest_s - OVERTAKING_S;
        if is_same_window {
            self.latest_s = self.latest_s.min(before.latest_s);
            self.earliest_s = self.earliest_s.max(before.earliest_s).min(self.latest_s);
            self.others = before.others;
            self.others.taken += (before.left_unsent - self.left_unsent).max(0.0);
            self.left_unsent = self.left_unsent.min(before.left_unsent);
        } else {
            let lasted_s = now_s - before.others.since_s;
            self.others.per_s = before.others.taken / lasted_s.max(LAST_S);
        }
    }

    /// Seconds until what was told is over; `None` once it is.
    pub(super) fn lasts_s(&self, now_s: f64) -> Option<f64> {
        (now_s < self.latest_s).then_some(self.latest_s - now_s)
    }

    /// Requests a second. A window is followed by another, of which nothing is
    /// known before its first reply; until then it is taken for a whole one.
    /// `None` once that would be over, too.
    pub(super) fn rate_per_s(&self, now_s: f64) -> Option<f64> {
        if now_s < self.latest_s {
            return Some(self.rate_per_s);
        }
        let Whole { left, lasts_s } = self.whole;
        // Whoever came to a window that was used up knows no more than that.
        let asking_per_s = 1.0 / LAST_S;
        (now_s < self.latest_s + lasts_s).then_some((left / lasts_s.max(LAST_S)).max(asking_per_s))
    }
}
