//! What a run tells about itself. Reports and telemetry learn of a run only
//! through these events.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Decision, OutcomeKind};

/// Rows by how they ended. `read` is always the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of the input.
    pub read: u64,
    /// Records that the tenant made.
    pub created: u64,
    /// Records that the tenant changed.
    pub updated: u64,
    /// Records that already were as they should be.
    pub unchanged: u64,
    /// Rows refused, here or by the tenant, missing records among them.
    pub rejected: u64,
    /// Rows that the user's choice left out.
    pub skipped: u64,
    /// Rows that were sent and whose fate isn't known.
    pub unknown: u64,
    /// Rows that the run did not get to.
    pub not_reached: u64,
}

impl Counts {
    /// Books one row.
    pub fn add(&mut self, kind: OutcomeKind) {
        let place = match kind {
            OutcomeKind::Created => &mut self.created,
            OutcomeKind::Updated => &mut self.updated,
            OutcomeKind::Unchanged => &mut self.unchanged,
            OutcomeKind::Rejected | OutcomeKind::Missing => &mut self.rejected,
            OutcomeKind::Skipped => &mut self.skipped,
            OutcomeKind::Unknown => &mut self.unknown,
        };
        *place += 1;
    }

    /// Rows that have ended, whichever way.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.rejected + self.skipped + self.unknown
    }

    /// Closes the books on an input of `read` rows: what has not ended was not
    /// reached.
    pub fn settle(&mut self, read: u64) {
        self.read = read;
        self.not_reached = read.saturating_sub(self.ended());
    }

    /// Whether promise 1 holds: every row read ended in exactly one way.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.read == self.ended() + self.not_reached
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, more: &Self) {
        self.read += more.read;
        self.created += more.created;
        self.updated += more.updated;
        self.unchanged += more.unchanged;
        self.rejected += more.rejected;
        self.skipped += more.skipped;
        self.unknown += more.unknown;
        self.not_reached += more.not_reached;
    }
}

/// The counts of one entity of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityCounts {
    /// The entity's name, such as `contacts`.
    pub name: String,
    /// Its rows by how they ended.
    pub counts: Counts,
}

/// Requests by how they were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Requests that were sent, repeats among them; token requests are not.
    pub sent: u64,
    /// Requests answered with what was asked for.
    pub ok: u64,
    /// Requests answered with "too many requests".
    pub throttled: u64,
    /// Requests that repeated an earlier one.
    pub retried: u64,
    /// Requests that failed: refused, broken, or never answered.
    pub failed: u64,
}

impl AddAssign<&Self> for RequestCounts {
    fn add_assign(&mut self, more: &Self) {
        self.sent += more.sent;
        self.ok += more.ok;
        self.throttled += more.throttled;
        self.retried += more.retried;
        self.failed += more.failed;
    }
}

/// One call, as it stands in `audit.ndjson`. Never a body.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// When the request was sent, in milliseconds since 1970.
    pub sent_at_ms: u64,
    /// The call's id, sent along where the connector names a header.
    pub request_id: String,
    /// The operation's name in the connector file.
    pub endpoint: Arc<str>,
    /// The HTTP status; `None` where no reply came.
    pub status: Option<u16>,
    /// From the first byte sent to the last byte read.
    pub duration: Duration,
    /// First row of the call.
    pub first_row: u64,
    /// Rows of the call.
    pub rows: u32,
    /// Which attempt this was for its rows, from 1.
    pub attempt: u32,
    /// How the reply was classed, in the connector's words.
    pub class: &'static str,
}

/// The whole input's digest, or that of its first bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputDigest {
    /// Bytes the digest covers.
    pub bytes: u64,
    /// Rows within those bytes.
    pub rows: u64,
    /// BLAKE3 of those bytes, in hex.
    pub blake3: String,
    /// Whether these bytes are the whole input.
    pub complete: bool,
}

/// Where a run stands.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// Rows of the input, as far as they are counted.
    pub rows_read: u64,
    /// Whether the whole input has been counted.
    pub rows_read_final: bool,
    /// Rows by how they ended so far.
    pub counts: Counts,
    /// Requests so far.
    pub requests: RequestCounts,
    /// Requests under way.
    pub in_flight: u32,
    /// Requests that may be under way at once.
    pub window: u32,
    /// Rows a second, lately.
    pub rows_per_second: f64,
    /// What the limiter has learned or been told that the tenant allows, in
    /// requests a second.
    pub learned_per_second: Option<f64>,
    /// How long the gate stays closed, where it is closed.
    pub paused_for: Option<Duration>,
    /// Time to the end, where it can be told honestly.
    pub remaining: Option<Duration>,
    /// Time since the run was started, earlier legs included.
    pub elapsed: Duration,
}

/// Something that happened in a run.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// The run, or another leg of it, begins.
    Started {
        /// The run's id.
        run_id: String,
        /// What is loaded where, in words.
        headline: String,
        /// Rows that earlier legs have finished.
        already_ended: u64,
    },
    /// A remark for the user that stops nothing.
    Notice(String),
    /// A token was minted.
    TokenMinted {
        /// The token's number in this leg, from 1.
        generation: u64,
        /// Its lifetime, where the tenant told it.
        lifetime: Option<Duration>,
    },
    /// The limiter decided something.
    Limiter {
        /// Since the leg began.
        at: Duration,
        /// The endpoint it decided for, or the whole client.
        endpoint: Arc<str>,
        /// What it decided.
        decision: Decision,
    },
    /// Where the run stands now.
    Progress(Box<Snapshot>),
    /// No more rows are taken; what is under way is finished.
    Draining {
        /// Why, in words; `None` for a failure, which is told at the end.
        reason: Option<String>,
    },
    /// The run, or this leg of it, has ended.
    Ended,
}
