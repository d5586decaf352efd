//! Books outcomes on a thread of its own, and commits them in groups.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler, Recipient};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::config::ErrorBudget;
use crate::error::{FatalError, FatalKind};
use crate::record::{InputDigest, OutcomeBatch, RowId};
use crate::source::CallLog;
use crate::store::{IntendedRow, Ledger};

use super::extractor::spawn_named;
use super::intents::Intention;
use super::messages::{Abort, Committed, Exited, InputCounted, LedgerReturned, StopReason};
use super::stage::{ExitGuard, Stage, StageEnd, StageMeter};
use super::token_refresher::UnbookedTokens;

/// How long outcomes gather before they are committed together. What a kill
/// finds uncommitted is sent again, so shorter means fewer repeats; a commit
/// costs a tenth of a millisecond of CPU (it is written, not synced), so this
/// costs about half a per cent of a core.
const COMMIT_EVERY: Duration = Duration::from_millis(20);

/// Whom the recorder reports to.
#[derive(Clone)]
pub(super) struct RecorderReports {
    pub(super) exited: Recipient<Exited>,
    pub(super) committed: Recipient<Committed>,
    pub(super) abort: Recipient<Abort>,
    pub(super) ledger: Recipient<LedgerReturned>,
}

/// What the recorder works with.
pub(super) struct Recording {
    pub(super) ledger: Box<Ledger>,
    pub(super) outcomes: mpsc::Receiver<OutcomeBatch>,
    /// Rows that are about to be sent; closed where none is announced.
    pub(super) intentions: mpsc::UnboundedReceiver<Intention>,
    pub(super) max_errors: Option<ErrorBudget>,
    /// Time that the run had taken when this process began.
    pub(super) elapsed_before: Duration,
    pub(super) leg_started: Instant,
    pub(super) meter: Arc<StageMeter>,
    pub(super) source_calls: CallLog,
    pub(super) tokens: UnbookedTokens,
}

/// The actor shell: it starts the thread, and passes on what the counter says
/// about the input.
pub(super) struct Recorder {
    recording: Option<Recording>,
    reports: RecorderReports,
    input: Option<mpsc::UnboundedSender<InputDigest>>,
}

impl Recorder {
    pub(super) fn new(recording: Recording, reports: RecorderReports) -> Self {
        Self {
            recording: Some(recording),
            reports,
            input: None,
        }
    }
}

impl Actor for Recorder {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        let Some(recording) = self.recording.take() else {
            return;
        };
        let guard = ExitGuard::new(self.reports.exited.clone(), Stage::Recorder);
        let reports = self.reports.clone();
        // Unbounded, since the counter speaks a few times a second at most.
        let (input, digests) = mpsc::unbounded_channel();
        self.input = Some(input);
        spawn_named("recorder", move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            let end = match runtime {
                Ok(runtime) => runtime.block_on(run_recorder(recording, digests, reports)),
                Err(cause) => StageEnd::Failed(FatalError::new(
                    FatalKind::Internal,
                    format!("can't start the recorder: {cause}"),
                )),
            };
            guard.report(end);
        });
    }
}

impl Handler<InputCounted> for Recorder {
    type Result = ();

    fn handle(&mut self, counted: InputCounted, _context: &mut Self::Context) {
        if let Some(input) = &self.input {
            // The recorder may have ended; the supervisor keeps the digest too.
            let _ = input.send(counted.0);
        }
    }
}

/// Until every sender of outcomes is gone; then a last commit.
async fn run_recorder(
    mut recording: Recording,
    mut digests: mpsc::UnboundedReceiver<InputDigest>,
    reports: RecorderReports,
) -> StageEnd {
    let mut last_commit = Instant::now();
    let mut trouble: Option<FatalError> = None;
    loop {
        let commit_at = last_commit + COMMIT_EVERY;
        let may_commit = recording.ledger.is_dirty() && trouble.is_none();
        tokio::select! {
            biased;
            batch = recording.outcomes.recv() => {
                let Some(batch) = batch else { break };
                let start = Instant::now();
                if let Err(error) = recording.ledger.record(batch) {
                    note_trouble(&mut trouble, error, &reports);
                }
                recording.meter.add_busy(start.elapsed());
                check_budget(&recording, &reports);
                if last_commit.elapsed() < COMMIT_EVERY {
                    continue;
                }
            }
            // After the outcomes that are there: a lane that sends and sends must
            // not keep them from being committed.
            Some(intention) = recording.intentions.recv() => {
                let start = Instant::now();
                if let Err(error) = write_down(&mut recording, intention, trouble.is_some()) {
                    note_trouble(&mut trouble, error, &reports);
                }
                recording.meter.add_busy(start.elapsed());
                continue;
            }
            Some(digest) = digests.recv() => {
                recording.ledger.note_input(digest);
                continue;
            }
            () = sleep_until(commit_at), if may_commit => {}
        }
        if trouble.is_none() {
            if let Err(error) = commit(&mut recording, &reports) {
                note_trouble(&mut trouble, error, &reports);
            }
            last_commit = Instant::now();
        }
    }
    while let Ok(digest) = digests.try_recv() {
        recording.ledger.note_input(digest);
    }
    // No lane is left to send what it asks for; what it took back counts.
    while let Ok(intention) = recording.intentions.try_recv() {
        match intention {
            Intention::Withdraw(row) => recording.ledger.withdraw(&[row]),
            // The next leg asks about it.
            Intention::Job { rows, id, .. } if trouble.is_none() => {
                if let Err(error) = recording.ledger.note_job(&rows, &id) {
                    note_trouble(&mut trouble, error, &reports);
                }
            }
            Intention::Job { .. } | Intention::Send { .. } => {}
        }
    }
    check_budget(&recording, &reports);
    let last = commit(&mut recording, &reports).or_else(|_| {
        let elapsed = elapsed(&recording);
        recording.ledger.commit_with_reserve(elapsed)
    });
    let end = match last {
        Ok(()) => StageEnd::Finished,
        Err(error) => StageEnd::Failed(error),
    };
    reports.committed.do_send(committed(&recording));
    reports.ledger.do_send(LedgerReturned(recording.ledger));
    end
}

/// Writes down what lanes are about to send, all that is asked for by now in
/// one commit, and lets them go on. After a failure nothing more is written
/// down, and so nothing more is sent.
fn write_down(
    recording: &mut Recording,
    first: Intention,
    is_in_trouble: bool,
) -> Result<(), FatalError> {
    let mut group = IntentGroup::default();
    let mut next = Some(first);
    while let Some(intention) = next {
        group.add(intention);
        next = recording.intentions.try_recv().ok();
    }
    recording.ledger.withdraw(&group.withdrawn);
    if is_in_trouble || group.durable.is_empty() {
        return Ok(());
    }
    recording.ledger.keep_pre_images(&group.images)?;
    recording.ledger.intend(&group.rows)?;
    for (rows, id) in &group.jobs {
        recording.ledger.note_job(rows, id)?;
    }
    for durable in group.durable {
        // A lane that is gone sends nothing.
        let _ = durable.send(());
    }
    Ok(())
}

/// What lanes asked for at about the same time. A row that is taken back and
/// then intended again stays intended.
#[derive(Default)]
struct IntentGroup {
    withdrawn: Vec<RowId>,
    rows: Vec<IntendedRow>,
    images: Vec<Vec<u8>>,
    jobs: Vec<(Vec<RowId>, Arc<str>)>,
    durable: Vec<oneshot::Sender<()>>,
}

impl IntentGroup {
    fn add(&mut self, intention: Intention) {
        match intention {
            Intention::Send {
                rows,
                images,
                durable,
            } => {
                self.rows.extend(rows);
                self.images.extend(images);
                self.durable.push(durable);
            }
            Intention::Job { rows, id, durable } => {
                self.jobs.push((rows, id));
                self.durable.push(durable);
            }
            Intention::Withdraw(row) => self.withdrawn.push(row),
        }
    }
}

/// The first failure stops the run; what comes in later is kept for a last
/// commit.
fn note_trouble(trouble: &mut Option<FatalError>, error: FatalError, reports: &RecorderReports) {
    if trouble.is_none() {
        reports
            .abort
            .do_send(Abort(StopReason::Fatal(error.clone())));
        *trouble = Some(error);
    }
}

fn elapsed(recording: &Recording) -> Duration {
    recording.elapsed_before + recording.leg_started.elapsed()
}

fn committed(recording: &Recording) -> Committed {
    Committed {
        counts: recording.ledger.counts(),
        requests: recording.ledger.requests(),
    }
}

fn commit(recording: &mut Recording, reports: &RecorderReports) -> Result<(), FatalError> {
    let start = Instant::now();
    let elapsed = elapsed(recording);
    let calls = std::mem::take(&mut *recording.source_calls.lock());
    for call in &calls {
        recording.ledger.note_source_call(call)?;
    }
    recording.ledger.note_tokens(recording.tokens.take());
    recording.ledger.commit(elapsed)?;
    recording.meter.add_busy(start.elapsed());
    reports.committed.do_send(committed(recording));
    Ok(())
}

/// Ends the run where more rows were rejected than the user allows. Asked
/// after every batch, so that it ends within what is under way.
fn check_budget(recording: &Recording, reports: &RecorderReports) {
    let Some(budget) = recording.max_errors else {
        return;
    };
    let checkpoint = recording.ledger.checkpoint();
    let rejected = checkpoint.counts.rejected;
    // A share is meant of the whole input; before it has been counted, of what
    // has ended, once that is enough to judge by.
    let rows = match &checkpoint.input {
        Some(input) if input.complete => input.rows,
        _ => checkpoint.counts.ended().max(1_000),
    };
    if is_exceeded(budget, rejected, rows) {
        reports.abort.do_send(Abort(StopReason::ErrorBudget {
            rejected,
            budget: budget.to_string(),
        }));
    }
}

fn is_exceeded(budget: ErrorBudget, rejected: u64, rows: u64) -> bool {
    match budget {
        ErrorBudget::Rows(borne) => rejected > borne,
        // Precise enough: a run has far fewer than 2^52 rows.
        ErrorBudget::Percent(percent) => rejected as f64 * 100.0 > percent * rows as f64,
    }
}
