//! The entry: a plan goes in, the run's end comes out.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, System};
use tokio::sync::oneshot;

use crate::auth::{Credentials, TokenEndpoint, TokenPolicy};
use crate::config::ErrorBudget;
use crate::error::{FatalError, FatalKind};
use crate::limit::{LimitKey, LimitProfile, LimitSettings, Pause};
use crate::record::InputDigest;
use crate::source::{CallLog, Source, SourceError};
use crate::store::{Ledger, ResumeMark};
use crate::telemetry::EventSender;
use crate::transport::{SetupError, Transport};

use super::counter::InputCounter;
use super::lane::Endpoint;
use super::limiters::FoundLimit;
use super::mapper::RowMapper;
use super::messages::{StartPhase, StopReason};
use super::supervisor::Supervisor;

/// How the input is opened: at its start or at a mark, as often as a phase has
/// to be rebuilt.
pub type OpenSource =
    Box<dyn Fn(Option<ResumeMark>) -> Result<Box<dyn Source>, SourceError> + Send>;

/// How a lane gets its way to the tenant, on the lane's own thread.
pub type OpenTransport<T> = Arc<dyn Fn() -> Result<T, SetupError> + Send + Sync>;

/// Whether the input still has to be counted.
pub enum InputCounting {
    /// An earlier leg counted all of it.
    Known(InputDigest),
    /// This counter does.
    Count(Box<dyn InputCounter>),
}

/// How tokens are had.
pub struct TokenPlan {
    /// Where they are minted.
    pub endpoint: TokenEndpoint,
    /// What with.
    pub credentials: Credentials,
    /// When they are refreshed.
    pub policy: TokenPolicy,
}

/// Everything a run needs.
pub struct RunPlan<T> {
    /// The run's id.
    pub run_id: String,
    /// The command that goes on where a second signal ends the process at once;
    /// empty where nothing goes on.
    pub go_on: String,
    /// Opens the input.
    pub open_source: OpenSource,
    /// Called when no more is to be taken in, for inputs that arrive while
    /// they are loaded.
    pub stop_input: Box<dyn Fn() + Send>,
    /// Maps rows.
    pub mapper: RowMapper,
    /// The operation as the lanes send it.
    pub endpoint: Endpoint,
    /// Threads that map.
    pub mapper_threads: usize,
    /// Workers, each with a lane of its own; they share one limit.
    pub lanes: usize,
    /// Opens a lane's way to the tenant.
    pub open_transport: OpenTransport<T>,
    /// Mints tokens.
    pub tokens: Arc<TokenPlan>,
    /// What the limit of this endpoint belongs to.
    pub limit_key: LimitKey,
    /// The limiters' settings.
    pub limit: LimitSettings,
    /// What is known of the tenant's limits before the run starts.
    pub known_limits: Vec<LimitProfile>,
    /// Pauses that the tenant has asked for before the run starts.
    pub known_pauses: Vec<Pause>,
    /// Whether another run has just made records at the same target, of which
    /// the tenant's search may not know yet.
    pub follows_another: bool,
    /// Bytes that rows under way may hold.
    pub credit_bytes: usize,
    /// Rejected rows that end the run.
    pub max_errors: Option<ErrorBudget>,
    /// Time after which the run stops.
    pub max_duration: Option<Duration>,
    /// Where events go.
    pub events: EventSender,
    /// Calls that were made to the source's platform; the audit notes them.
    pub source_calls: CallLog,
}

/// Time that a stage worked and waited.
#[derive(Clone, Debug)]
pub struct StageTime {
    /// The stage's name.
    pub name: &'static str,
    /// Time it worked.
    pub busy: Duration,
    /// Time it waited for the stage behind it, or for the tenant's limit.
    pub waited: Duration,
}

/// How a run, or this leg of it, ended.
pub struct RunEnd {
    /// Why it stopped before its end, where it did.
    pub stop: Option<StopReason>,
    /// The books as they stand, where the recorder could hand them back.
    pub ledger: Option<Box<Ledger>>,
    /// The input, as far as it was counted.
    pub input: Option<InputDigest>,
    /// Time of all legs.
    pub elapsed: Duration,
    /// Where the time went.
    pub stages: Vec<StageTime>,
    /// The most requests that were under way at once.
    pub max_in_flight: u32,
    /// What is known of the limits now, in the order of their keys.
    pub limits: Vec<FoundLimit>,
}

/// Runs a plan to its end, on this thread and those it starts. `ledger` holds
/// the run's books, `counting` says whether the input is to be counted.
///
/// # Errors
/// Fails where the actor system can't be started or ends on its own; a run
/// that stops early is no error here, its reason stands in the end.
pub fn run<T: Transport>(
    plan: RunPlan<T>,
    ledger: Box<Ledger>,
    counting: InputCounting,
) -> Result<RunEnd, FatalError> {
    let system = System::new();
    let (done, end) = oneshot::channel();
    system
        .block_on(async move {
            let supervisor = Supervisor::new(plan, ledger, counting, done).start();
            supervisor.do_send(StartPhase);
            end.await
        })
        .map_err(|_| {
            FatalError::new(
                FatalKind::Internal,
                "the supervisor ended without a word; the journal holds what was done",
            )
        })
}
