//! The words for what a reply means for the records of its request.

use crate::record::OutcomeKind;

use super::class::ReplyClass;
use super::reply::Classified;

/// What a reply means for the records of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// Each record for itself, in the order in which they were sent.
    Items(Vec<ItemVerdict>),
    /// The reply has results, and none of them names a record that was sent, so
    /// the connector looks for their names in the wrong place. What can be said
    /// of each record all the same.
    NamesNone(Vec<ItemVerdict>),
    /// All of them alike. A failure that may have been applied all the same is
    /// `unknown` where the operation may not be repeated.
    Whole(Classified),
    /// The batch was refused for a record in it, and nothing of it was applied; or
    /// it may be repeated, and its reply doesn't tell its records apart. Send it
    /// again in two halves, until each such record is alone.
    Halve(Classified),
    /// The batch was refused for its size, and nothing of it was applied: send
    /// it again in parts, and no larger batch from now on.
    ShrinkCap {
        /// The most records that the next request may have.
        most: usize,
        /// What the reply said.
        why: Classified,
    },
}

/// What a reply means for one record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemVerdict {
    /// What it means.
    pub class: ReplyClass,
    /// The status that the reply names for the record, if it names one.
    pub status: Option<u16>,
    /// How the row ends; `None` for the classes after which it is sent again, or
    /// the run ends.
    pub outcome: Option<OutcomeKind>,
    /// Whether the record was left alone for another's fault: it is sent again
    /// at once, and that isn't counted against it. Its class is then `retry`.
    pub untouched: bool,
    /// `item_` and the status, or a word; empty for a record that is done.
    pub error: String,
    /// The field that the reply names, if it names one.
    pub field: String,
    /// The reason; empty for a record that is done.
    pub message: String,
    /// The platform's own id of a record that is done, where the reply has it.
    pub id: Option<String>,
}

impl ItemVerdict {
    /// A verdict that says nothing but its class.
    pub(super) fn bare(class: ReplyClass) -> Self {
        Self {
            class,
            status: None,
            outcome: None,
            untouched: false,
            error: String::new(),
            field: String::new(),
            message: String::new(),
            id: None,
        }
    }
}
