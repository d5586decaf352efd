//! What a reply means, and what an operation does to a record.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::record::OutcomeKind;

/// What a reply means for the row that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplyClass {
    /// The tenant did what was asked.
    Done,
    /// The record already was as asked.
    Unchanged,
    /// The tenant refuses this row; others may pass.
    Rejected,
    /// The record isn't there.
    Missing,
    /// The record is in a state that the request didn't expect.
    Conflict,
    /// Too many requests: wait as told, then send again.
    Throttled,
    /// A passing failure: send again a little later.
    Retry,
    /// The token isn't accepted: get a new one, then send again, once.
    RefreshToken,
    /// No row can pass: the run ends.
    Fatal,
    /// The reply doesn't say whether the request had its effect.
    Unknown,
}

impl ReplyClass {
    /// The class's name, as in connector files and the audit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Retry => "retry",
            Self::RefreshToken => "refresh_token",
            Self::Fatal => "fatal",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is about the request as such, and not about the records in
    /// it: they are all sent again, or none is.
    pub(super) fn is_about_the_request(self) -> bool {
        matches!(
            self,
            Self::Throttled | Self::Retry | Self::RefreshToken | Self::Fatal
        )
    }

    /// The class, once it is asked whether a status proves it: a failing or
    /// impatient server may have done it all the same, so such a status is no
    /// leave to send again what may not be sent twice.
    pub(super) fn doubted(self, status: u16, may_repeat: bool) -> Self {
        match self {
            Self::Retry if !may_repeat && matches!(status, 408 | 500 | 502 | 504) => Self::Unknown,
            class => class,
        }
    }

    /// The class of a reply that no rule of the connector names.
    ///
    /// 202 and 207 say that the request was taken, not that it had its effect,
    /// so they are unknown. Redirects are never followed (the token would go
    /// with them), so they reject. 501 is an answer that repeating won't change.
    #[must_use]
    pub fn by_default(status: u16) -> Self {
        match status {
            202 | 207 => Self::Unknown,
            200..=299 => Self::Done,
            300..=399 => Self::Rejected,
            401 => Self::RefreshToken,
            403 => Self::Fatal,
            404 => Self::Missing,
            408 => Self::Retry,
            409 => Self::Conflict,
            429 => Self::Throttled,
            400..=499 | 501 => Self::Rejected,
            500..=599 => Self::Retry,
            _ => Self::Unknown,
        }
    }
}

/// What an operation does to the record that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes an existing record.
    Updated,
    /// It makes a new record.
    Created,
    /// It makes the record or changes it; status 201 says that it was made.
    Upserted,
}

impl Effect {
    /// How a row ends whose reply is classed as done.
    #[must_use]
    pub fn outcome(self, status: u16) -> OutcomeKind {
        match self {
            Self::Updated => OutcomeKind::Updated,
            Self::Created => OutcomeKind::Created,
            Self::Upserted if status == 201 => OutcomeKind::Created,
            Self::Upserted => OutcomeKind::Updated,
        }
    }
}
