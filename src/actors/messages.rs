//! The control plane: few, small messages. Rows never travel here.

use std::sync::Arc;
use std::time::Duration;

use actix::Message;

use crate::auth::Token;
use crate::error::{ExitStatus, FatalError};
use crate::record::{Counts, InputDigest, RequestCounts};
use crate::store::Ledger;

use super::stage::{Stage, StageEnd};

/// To the supervisor: begin, or begin again from the journal.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct StartPhase;

/// To the supervisor, from itself: every stage of the phase has ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct PhaseDone;

/// To the extractor and the workers: take nothing new, finish what is under way.
/// To the token refresher: end.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Drain;

/// To the supervisor: end the run in good order, for this reason.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Abort(pub StopReason);

/// Why a run stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The user asked for it (Ctrl-C, SIGTERM).
    Interrupted,
    /// The time that the user allowed is over.
    TimeOver(Duration),
    /// More rows were rejected than the user allows.
    ErrorBudget {
        /// Rows rejected so far.
        rejected: u64,
        /// The budget, in the user's words.
        budget: String,
    },
    /// It can't go on.
    Fatal(FatalError),
}

impl StopReason {
    /// The exit status that this reason leads to.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Interrupted => ExitStatus::Interrupted,
            Self::TimeOver(_) => ExitStatus::WindowOver,
            Self::ErrorBudget { .. } => ExitStatus::ErrorBudget,
            Self::Fatal(error) => error.exit_status(),
        }
    }

    /// The reason in words.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Interrupted => "interrupted".to_owned(),
            Self::TimeOver(allowed) => {
                format!("the time allowed is over ({} s)", allowed.as_secs())
            }
            Self::ErrorBudget { rejected, budget } => {
                format!("{rejected} rows were rejected, which is over the budget of {budget}")
            }
            Self::Fatal(error) => error.message.clone(),
        }
    }
}

/// To the token refresher: the tenant refused the token of this generation.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct TokenRejected {
    /// The token's number.
    pub generation: u64,
}

/// To the token refresher: the tenant took the token of this generation.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct TokenAccepted {
    /// The token's number.
    pub generation: u64,
}

/// To a worker: where do you stand? Answered at once, whatever the lane does.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "WorkerReport")]
pub(super) struct Observe;

/// Where a worker stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkerReport {
    /// Requests under way.
    pub in_flight: u32,
    /// Requests that may be under way.
    pub window: u32,
    /// The most requests that were under way at once.
    pub max_in_flight: u32,
}

/// To the supervisor: the input as far as it has been counted and hashed.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct InputCounted(pub InputDigest);

/// To the supervisor: a commit has been made.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Committed {
    /// Rows by how they ended, of all legs.
    pub counts: Counts,
    /// Requests of all legs.
    pub requests: RequestCounts,
}

/// To the supervisor: the recorder hands the ledger back.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LedgerReturned(pub Box<Ledger>);

/// To the supervisor: a stage has ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Exited {
    /// Which.
    pub stage: Stage,
    /// How.
    pub end: StageEnd,
}

/// What the token refresher publishes: the newest token, once there is one.
pub type CurrentToken = Option<Arc<Token>>;
