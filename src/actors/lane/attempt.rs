//! A row on its way through attempts.

use std::cmp::Ordering;

use tokio::time::Instant;

use crate::connector::{Change, FoundRecord};
use crate::record::Item;

use super::jobs::AwaitedJob;

/// Whether the row may have been applied already, unknown to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Surely not.
    None,
    /// It may have been. The row is sent again where that does no harm, and
    /// looked up first elsewhere.
    MayBeApplied,
}

/// What is sent for the row next.
#[derive(Debug)]
pub(super) enum Step {
    /// The record.
    Write,
    /// The question whether the record is there, and how.
    LookUp,
    /// The change of the record that was found.
    Change(Box<FoundChange>),
    /// The question about the job that the row was sent with. It stands with the
    /// first row of the job, and is for all of them.
    AskJob(Box<AwaitedJob>),
}

/// A record that was found, and its change.
#[derive(Debug)]
pub(super) struct FoundChange {
    /// The platform's own id of it.
    pub(super) id: String,
    /// The request.
    pub(super) change: Change,
    /// Whether it deletes the record.
    pub(super) deletes: bool,
    /// What stood there, until it is on its way to the disk; `None` where that
    /// isn't kept.
    pub(super) image: Option<Vec<u8>>,
    /// The record as it is after the change; `None` where that can't be told.
    pub(super) after: Option<FoundRecord>,
}

/// A row that is to be sent, or sent again.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) item: Item,
    /// How often the row was sent.
    pub(super) sent: u32,
    /// Failures that count against the row.
    pub(super) failures: u32,
    /// How often another record stood in its way.
    pub(super) conflicts: u32,
    /// How often a token was refused for the row.
    pub(super) token_refusals: u32,
    /// How often the tenant said "too many requests" to the row.
    pub(super) throttles: u32,
    /// How often it did although it had let others through since the last time.
    pub(super) throttles_amid_others: i32,
    /// Requests that the lane had got through when it last said so.
    pub(super) accepted_at_last: u64,
    /// Requests that the lane had got through when it first said so, and those
    /// that had been throttled.
    pub(super) accepted_before: u64,
    pub(super) throttled_before: u64,
    /// What is sent next.
    pub(super) step: Step,
    /// Whether it may have been applied already.
    pub(super) doubt: Doubt,
    /// Whether the journal has it as about to be sent.
    pub(super) is_intended: bool,
    /// Whether it is written down that the record wasn't there.
    pub(super) has_image: bool,
    /// Whether the change of a found record was under way, in this leg or in an
    /// earlier one.
    pub(super) was_changed: bool,
    /// Whether the journal has it as about to be changed.
    pub(super) is_change_noted: bool,
    /// Look-ups of it in a row that failed.
    pub(super) look_ups_failed: u32,
    /// How often it was looked up and wasn't there.
    pub(super) found_absent: u32,
    /// The most rows of a request that it may be in.
    pub(super) most_together: usize,
    /// The most rows of a look-up that it may be in.
    pub(super) asked_together: usize,
    /// The record as the row has left it, for the next row of its key.
    pub(super) leaves: Option<FoundRecord>,
}

impl Pending {
    /// Whether the record is asked for next, and not written.
    pub(super) fn is_to_look_up(&self) -> bool {
        matches!(self.step, Step::LookUp)
    }

    /// Whether anything of it may have reached the tenant, in this leg or in an
    /// earlier one.
    pub(super) fn may_be_known(&self) -> bool {
        self.sent > 0 || self.is_intended || self.is_change_noted
    }

    pub(super) fn new(item: Item) -> Self {
        Self {
            item,
            sent: 0,
            failures: 0,
            conflicts: 0,
            token_refusals: 0,
            throttles: 0,
            throttles_amid_others: 0,
            accepted_at_last: 0,
            accepted_before: 0,
            throttled_before: 0,
            step: Step::Write,
            doubt: Doubt::None,
            is_intended: false,
            has_image: false,
            was_changed: false,
            is_change_noted: false,
            look_ups_failed: 0,
            found_absent: 0,
            most_together: usize::MAX,
            asked_together: usize::MAX,
            leaves: None,
        }
    }
}

/// A row that waits for its backoff. Ordered so that a max-heap gives the
/// earliest first, and equal times in the order they were put in.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) due: Instant,
    pub(super) order: u64,
    pub(super) pending: Pending,
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}
