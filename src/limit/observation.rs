//! The words between a lane and the controller.

use std::time::{Duration, Instant};

use super::hints::Hint;

/// The answer to "may one more request be sent?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes: call `on_send` at once, under the same lock.
    Go,
    /// Ask again at this time, or after a reply, whichever is first.
    WaitUntil(Instant),
    /// The window is full: ask again after a reply.
    WaitForReply,
}

/// The right to one request. Given by `on_send`, given back once, by
/// `on_reply` or `abandon`.
#[must_use = "a permit that isn't given back keeps its place in the window for ever"]
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    pub(super) sent_at: Instant,
    /// Requests granted up to this one.
    pub(super) number: u64,
}

impl Permit {
    /// When the request was granted.
    #[must_use]
    pub fn sent_at(&self) -> Instant {
        self.sent_at
    }
}

/// A reply, or its absence, as the controller sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation {
    /// 2xx: the request was admitted and done.
    Accepted {
        /// What the reply's headers say, where they say anything.
        hint: Option<Hint>,
    },
    /// 429 (or a vendor's 403 for the same thing): not admitted.
    Throttled {
        /// The wait the server asks for, from header, date or body.
        retry_after: Option<Duration>,
        /// What the reply's headers say, where they say anything.
        hint: Option<Hint>,
    },
    /// 503: the server is away, or words a limit like that.
    Unavailable {
        /// The wait the server asks for, where it names one.
        retry_after: Option<Duration>,
        /// Failures of this record in a row, this one included; from 1.
        failures: u32,
    },
    /// Another 5xx, or a time-out.
    Transient {
        /// Failures of this record in a row, this one included; from 1.
        failures: u32,
    },
    /// The connection couldn't be made, or broke before a reply.
    Unreached {
        /// Failures of this record in a row, this one included; from 1.
        failures: u32,
    },
    /// 4xx about the record or the token: rejected, missing, 401. The limiter
    /// admitted it and the server answered, so it counts as admitted.
    Neutral {
        /// What the reply's headers say, where they say anything.
        hint: Option<Hint>,
    },
}

/// What becomes of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing to retry on the limiter's account.
    Done,
    /// Back to the head of the queue, no attempt counted: the gate says when.
    RetryWhenGateOpens,
    /// This record alone waits this long, then asks `poll` like any other.
    RetryAfter {
        /// The wait, from now.
        delay: Duration,
        /// Whether this was an attempt that failed (true), or the limiter's
        /// refusal, which is nobody's failure (false).
        counts_as_attempt: bool,
    },
}
