//! What every stage of the pipeline has in common: a name, a meter that says
//! where the time went, and a guard that reports its end even when it panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::Recipient;

use crate::error::FatalError;

use super::messages::Exited;

/// A stage of the pipeline. `Lane` and `Mapper` carry their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reads rows.
    Extractor,
    /// Turns rows into requests.
    Mapper(usize),
    /// Groups items and keeps their order.
    Chunker,
    /// Sends requests.
    Lane(usize),
    /// Books outcomes.
    Recorder,
    /// Runs ahead through the input, counting and hashing.
    Counter,
}

impl Stage {
    /// The stage's name in `summary.json`, without its number.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Extractor => "extractor",
            Self::Mapper(_) => "mapper",
            Self::Chunker => "chunker",
            Self::Lane(_) => "worker",
            Self::Recorder => "recorder",
            Self::Counter => "counter",
        }
    }
}

/// How a stage ended.
#[derive(Debug)]
pub(super) enum StageEnd {
    /// It came to the end of its stream.
    Finished,
    /// It could not go on.
    Failed(FatalError),
    /// It panicked.
    Panicked,
}

/// Time that a stage worked, and time that it waited for the stage behind it
/// (for a lane: for the tenant's limit). The stage with the most work and the
/// least waiting is the bottleneck.
#[derive(Debug, Default)]
pub struct StageMeter {
    busy_ns: AtomicU64,
    waited_ns: AtomicU64,
}

impl StageMeter {
    /// Books time spent working.
    pub fn add_busy(&self, time: Duration) {
        add(&self.busy_ns, time);
    }

    /// Books time spent waiting.
    pub fn add_waited(&self, time: Duration) {
        add(&self.waited_ns, time);
    }

    /// Runs `work` and books its time as waiting.
    pub fn waiting<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = work();
        self.add_waited(start.elapsed());
        value
    }

    /// Time worked and time waited.
    #[must_use]
    pub fn read(&self) -> (Duration, Duration) {
        let read = |cell: &AtomicU64| Duration::from_nanos(cell.load(Ordering::Relaxed));
        (read(&self.busy_ns), read(&self.waited_ns))
    }
}

fn add(cell: &AtomicU64, time: Duration) {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    cell.fetch_add(nanos, Ordering::Relaxed);
}

/// The meters of a run's stages; stages with several threads share one.
#[derive(Clone, Debug, Default)]
pub struct StageMeters {
    /// Reading rows.
    pub extractor: Arc<StageMeter>,
    /// Mapping rows.
    pub mapper: Arc<StageMeter>,
    /// Grouping items.
    pub chunker: Arc<StageMeter>,
    /// Sending requests; waited for the tenant's limit.
    pub worker: Arc<StageMeter>,
    /// Booking outcomes.
    pub recorder: Arc<StageMeter>,
}

/// Reports a stage's end to the supervisor when it is dropped: with the end
/// that was set, or as a panic where none was. actix doesn't tell a panicked
/// actor from a stopped one (actix issue 158), this does.
pub(super) struct ExitGuard {
    supervisor: Recipient<Exited>,
    stage: Stage,
    end: Option<StageEnd>,
}

impl ExitGuard {
    pub(super) fn new(supervisor: Recipient<Exited>, stage: Stage) -> Self {
        Self {
            supervisor,
            stage,
            end: None,
        }
    }

    /// Sets how the stage ended, and reports it.
    pub(super) fn report(mut self, end: StageEnd) {
        self.end = Some(end);
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        self.supervisor.do_send(Exited {
            stage: self.stage,
            end: self.end.take().unwrap_or(StageEnd::Panicked),
        });
    }
}
