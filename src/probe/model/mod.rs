//! The kinds of limit, each as a small model that is led through what was
//! sent: how many requests it contradicts says how well it fits.
//!
//! A model follows what happened, not what it would have done itself: it takes
//! a place for each request that was let in, and is emptied by each refusal.
//! So an error doesn't breed further ones, and the sum of errors counts
//! requests: a bucket thought 2 % too slow misses 2 % of what got through.

mod bucket;
mod cap;
mod chunks;
mod sliding;
mod window;
mod words;

pub(crate) use bucket::Bucket;
pub(crate) use cap::fit_cap;
pub(crate) use chunks::Chunks;
pub(crate) use sliding::Sliding;
pub(crate) use window::{Anchor, Window};

use super::record::{Answer, Record};
use words::Words;

/// A limit that can be asked request by request.
pub(crate) trait Model {
    /// Requests that it would let in at that moment; may be a fraction.
    fn room(&mut self, at_s: f64) -> f64;
    /// A request was let in.
    fn take(&mut self, at_s: f64);
    /// Requests that it lets in at once at most.
    fn capacity(&self) -> f64;
    /// A request was refused: nothing can have been left.
    fn empty(&mut self, at_s: f64);
    /// How long, from now, until it lets the next one in.
    fn wait_s(&mut self, at_s: f64) -> f64;
}

/// How far a model is from what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Misfit {
    /// Requests contradicted by requests let in, the root of the cycles' mean
    /// square: a wrong limit is far off in some of them. 0 is a perfect fit.
    pub(crate) share: f64,
    /// What the told waits say against it; 0 where they are the model's own.
    pub(crate) words: f64,
    /// Share of the told waits that aren't the model's own, rounded up.
    pub(crate) untrue: f64,
    /// Whether the waits told are the model's own although they differ widely:
    /// no other limit says the same by chance.
    pub(crate) is_spoken: bool,
}

impl Misfit {
    /// What explains nothing.
    pub(crate) const WHOLE: Self = Self {
        share: 1.0,
        words: 1.0,
        untrue: 1.0,
        is_spoken: false,
    };

    /// Both in one figure. Words weigh less than requests: a tenant may lie,
    /// but what it let in it let in.
    pub(crate) fn total(self) -> f64 {
        self.share + WEIGHT_OF_WORDS * self.words
    }
}

/// So many requests in a row for so long, let in where the model has nothing to
/// give, refute it, however few they are beside all the others.
const REFUTING: u32 = 5;
const REFUTING_S: f64 = 1.0;
const REFUTED: f64 = 0.04;
/// Requests of a cycle of weight 1.
const USUAL_CYCLE: f64 = 80.0;
/// What words weigh against requests.
const WEIGHT_OF_WORDS: f64 = 0.15;

/// Leads a model through the records. `by_date`: waits were told as dates.
///
/// A request that the model would have refused counts as one of the cycle's; a
/// refusal that it doesn't explain counts as what it still had to give, of all
/// that it can give: a model that would have gone on for ever explains nothing.
pub(crate) fn misfit(model: &mut dyn Model, records: &[Record], by_date: bool) -> Misfit {
    let (mut errors, mut admitted) = (0.0_f64, 0.0_f64);
    let (mut shares, mut cycles) = (0.0, 0.0_f64);
    let mut words = Words::new(by_date);
    // Requests that left before the first refusal was known belong to its bout.
    let mut bout_ends_s = f64::NEG_INFINITY;
    let mut overtook = vec![false; records.len()];
    let mut let_in_at_zero = Run::default();
    let mut is_refuted = false;
    for (index, record) in records.iter().enumerate() {
        let at_s = record.sent_s;
        let wait_s = match record.answer {
            Answer::Failed | Answer::Doubtful { .. } => continue,
            Answer::Admitted if overtook[index] => continue,
            Answer::Admitted => {
                let missing = (1.0 - model.room(at_s)).clamp(0.0, 1.0);
                is_refuted |= let_in_at_zero.lasts(at_s, missing > 0.9);
                errors += missing;
                admitted += 1.0;
                model.take(at_s);
                continue;
            }
            Answer::Refused { wait_s } => wait_s,
        };
        // What left soon after it may have come first.
        for (other, later) in records.iter().enumerate().skip(index + 1) {
            if record.overtaken_until_s() < later.sent_s || model.room(at_s) < 1.0 {
                break;
            }
            if later.is_admitted() && !overtook[other] {
                overtook[other] = true;
                admitted += 1.0;
                model.take(at_s);
            }
        }
        let unexplained = unexplained(model, at_s, admitted);
        model.empty(at_s);
        if at_s <= bout_ends_s {
            bout_ends_s = bout_ends_s.max(record.replied_s);
            continue;
        }
        // One for each bout: what was sent together is told the same.
        if let Some(wait_s) = wait_s {
            words.note(wait_s, model.wait_s(at_s));
        }
        bout_ends_s = record.replied_s;
        if admitted >= 1.0 || unexplained > 0.0 {
            let weight = weight(admitted);
            shares += weight * (errors / admitted.max(1.0) + unexplained).min(1.0).powi(2);
            cycles += weight;
        }
        (errors, admitted) = (0.0, 0.0);
    }
    // What follows the last refusal is no whole cycle, but its errors count.
    if admitted >= 1.0 && errors > 0.0 {
        shares += weight(admitted) * (errors / admitted).min(1.0).powi(2);
        cycles += weight(admitted);
    }
    Misfit {
        share: (shares / cycles.max(1.0)).sqrt() + if is_refuted { REFUTED } else { 0.0 },
        words: words.against(),
        untrue: words.untrue(),
        is_spoken: words.are_the_models_own(),
    }
}

/// Requests in a row, let in where a model has nothing to give.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    count: u32,
    since_s: f64,
}

impl Run {
    /// Whether there were too many for chance.
    fn lasts(&mut self, at_s: f64, is_at_zero: bool) -> bool {
        if !is_at_zero {
            self.count = 0;
            return false;
        }
        if self.count == 0 {
            self.since_s = at_s;
        }
        self.count += 1;
        self.count >= REFUTING && at_s - self.since_s >= REFUTING_S
    }
}

/// What a cycle with so many requests weighs: a few that overtake others are
/// much in a short one, and nothing in a long one.
fn weight(admitted: f64) -> f64 {
    (admitted / USUAL_CYCLE).clamp(0.5, 2.0)
}

/// How far a refusal contradicts the model: what it still had to give, of all
/// that it can give. One that was full can't have refused, however small it is.
fn unexplained(model: &mut dyn Model, at_s: f64, admitted: f64) -> f64 {
    let room = model.room(at_s);
    if room < 1.0 {
        return 0.0;
    }
    let capacity = model.capacity().max(1.0);
    let left = (room - 1.0) / capacity.min(admitted.max(1.0));
    let fullness = room / capacity;
    left.max(fullness * fullness).min(1.0)
}
