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

pub(crate) use bucket::Bucket;
pub(crate) use cap::fit_cap;
pub(crate) use chunks::Chunks;
pub(crate) use sliding::Sliding;
pub(crate) use window::{Anchor, Window};

use super::record::{Answer, Record};

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
    /// Share of the told waits that aren't the model's own, rounded up.
    pub(crate) words: f64,
}

impl Misfit {
    /// What explains nothing.
    pub(crate) const WHOLE: Self = Self {
        share: 1.0,
        words: 1.0,
    };

    /// Both in one figure. Words weigh less than requests: a tenant may lie,
    /// but what it let in it let in.
    pub(crate) fn total(self) -> f64 {
        self.share + WEIGHT_OF_WORDS * self.words
    }
}

/// What words weigh against requests.
const WEIGHT_OF_WORDS: f64 = 0.15;
/// Rounding up to whole seconds, twice for a date.
const ROUNDING_S: f64 = 1.15;
const DATE_ROUNDING_S: f64 = 2.15;

/// Leads a model through the records. `by_date`: waits were told as dates.
///
/// A request that the model would have refused counts as one of the cycle's; a
/// refusal that it doesn't explain counts as what it still had to give, of all
/// that it can give: a model that would have gone on for ever explains nothing.
pub(crate) fn misfit(model: &mut dyn Model, records: &[Record], by_date: bool) -> Misfit {
    let rounding_s = if by_date { DATE_ROUNDING_S } else { ROUNDING_S };
    let (mut errors, mut admitted) = (0.0_f64, 0.0_f64);
    let (mut shares, mut cycles) = (0.0, 0.0_f64);
    let (mut told, mut untrue) = (0.0_f64, 0.0);
    // Requests that left before the first refusal was known belong to its bout.
    let mut bout_ends_s = f64::NEG_INFINITY;
    for record in records {
        let at_s = record.sent_s;
        let wait_s = match record.answer {
            Answer::Failed => continue,
            Answer::Admitted => {
                errors += (1.0 - model.room(at_s)).clamp(0.0, 1.0);
                admitted += 1.0;
                model.take(at_s);
                continue;
            }
            Answer::Refused { wait_s } => wait_s,
        };
        let unexplained = unexplained(model, at_s, admitted);
        model.empty(at_s);
        if let Some(wait_s) = wait_s {
            let own_s = model.wait_s(at_s);
            told += 1.0;
            let slack_s = 0.05 + 0.01 * own_s;
            if wait_s < own_s - slack_s || wait_s > own_s + rounding_s + slack_s {
                untrue += 1.0;
            }
        }
        if at_s <= bout_ends_s {
            bout_ends_s = bout_ends_s.max(record.replied_s);
            continue;
        }
        bout_ends_s = record.replied_s;
        if admitted >= 1.0 || unexplained > 0.0 {
            shares += (errors / admitted.max(1.0) + unexplained).min(1.0).powi(2);
            cycles += 1.0;
        }
        (errors, admitted) = (0.0, 0.0);
    }
    // What follows the last refusal is no whole cycle, but its errors count.
    if admitted >= 1.0 && errors > 0.0 {
        shares += (errors / admitted).min(1.0).powi(2);
        cycles += 1.0;
    }
    Misfit {
        share: (shares / cycles.max(1.0)).sqrt(),
        words: untrue / told.max(1.0),
    }
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
