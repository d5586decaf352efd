//! How a row ended.

use bytes::Bytes;

use super::{CallRecord, CreditShare, Flaw, Position, RowId};

/// The ways a row can end. Every row that is read ends in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    /// The tenant made a new record.
    Created,
    /// The tenant changed an existing record.
    Updated,
    /// The record already was as it should be.
    Unchanged,
    /// The row was refused, here or by the tenant; it stands in `rejected.csv`.
    Rejected,
    /// The tenant doesn't have the record (404): rejected, and listed in
    /// `missing.csv` too.
    Missing,
    /// The user's choice left the row out (`--skip`, `--limit`, duplicates).
    Skipped,
    /// The request left and no answer came, and nothing could be looked up.
    Unknown,
}

impl OutcomeKind {
    /// The outcome's name in the journal. Never change one: old journals hold it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Missing => "missing",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a row was refused, in the columns of `rejected.csv`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// `_error`: the rule's name, such as `too_few_fields` or `http_400`.
    pub error: String,
    /// `_field`: the field that is at fault, where one can be named.
    pub field: String,
    /// `_message`: what is wrong, in words.
    pub message: String,
    /// `_status`: the HTTP status, where there was a reply.
    pub status: Option<u16>,
    /// `_attempts`: how often the row was sent.
    pub attempts: u32,
    /// `_request_id`: the last call's id, to quote to the tenant's support.
    pub request_id: String,
}

impl Refusal {
    /// Whether the row may get through at another time as it is: nothing was
    /// wrong with it, but with the token, the limit, or the tenant.
    #[must_use]
    pub fn may_pass_later(&self) -> bool {
        self.error == "retries_exhausted"
            || matches!(self.status, Some(401 | 408 | 425 | 429 | 500..=599))
    }
}

impl From<&Flaw> for Refusal {
    fn from(flaw: &Flaw) -> Self {
        Self {
            error: flaw.kind.name().to_owned(),
            message: flaw.message.clone(),
            ..Self::default()
        }
    }
}

/// One row's end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The row's number in its source.
    pub row: RowId,
    /// Where the row starts in its source.
    pub position: Position,
    /// How it ended.
    pub kind: OutcomeKind,
    /// Why, where it did not end well.
    pub refusal: Option<Box<Refusal>>,
    /// The row as it stood in the source.
    pub raw: Bytes,
    /// The row's hold on the memory budget, given back after the commit.
    pub credit: Option<CreditShare>,
}

/// The tenant's own id of a record that a row made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetId {
    /// The row.
    pub row: RowId,
    /// The record's key in the source.
    pub key: Bytes,
    /// Its id in the tenant.
    pub id: String,
}

/// What a stage hands to the recorder at a time.
#[derive(Debug, Default)]
pub struct OutcomeBatch {
    /// Rows that ended.
    pub outcomes: Vec<Outcome>,
    /// The tenant's ids of some of them, where replies tell them.
    pub target_ids: Vec<TargetId>,
    /// Calls that were made, whether or not a row ended with them.
    pub calls: Vec<CallRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_wrong_for_a_while_may_pass_later() {
        let refused = |error: &str, status| Refusal {
            error: error.to_owned(),
            status,
            ..Refusal::default()
        };
        for status in [401, 408, 429, 500, 503] {
            assert!(refused("http", Some(status)).may_pass_later(), "{status}");
        }
        assert!(refused("retries_exhausted", None).may_pass_later());
        for status in [400, 403, 404, 409, 422] {
            assert!(!refused("http", Some(status)).may_pass_later(), "{status}");
        }
        assert!(!refused("too_few_fields", None).may_pass_later());
    }
}
