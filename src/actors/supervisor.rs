//! The supervisor: starts the stages, watches them, ends the run.
//!
//! A stage that panics ends its phase: what it held is not in the journal as
//! finished, so the phase is built anew from the journal, and these rows are
//! read and sent again. A restart budget bounds how often.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, WrapFuture};
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::{FatalError, FatalKind};
use crate::record::{Counts, InputDigest, RequestCounts, RunEvent, Snapshot};
use crate::store::Ledger;
use crate::transport::Transport;

use super::counter::start_counter;
use super::eta::{TimeLeft, rows_a_request};
use super::limiters::Limiters;
use super::messages::{
    Abort, Committed, Exited, InputCounted, LedgerReturned, Observe, PhaseDone, StartPhase,
    StopReason, WorkerReport,
};
use super::pace_meter::PaceMeter;
use super::phase::Phase;
use super::run::{InputCounting, RunEnd, RunPlan, StageTime};
use super::signals::listen_for_signals;
use super::stage::{Stage, StageEnd, StageMeters};
use super::token_refresher::{TokenDesk, TokenMinted};

/// How often a phase is built anew after a panic, before the run ends with its
/// state saved.
const RESTARTS_ALLOWED: u32 = 3;
/// How often progress is told.
const OBSERVE_EVERY: Duration = Duration::from_millis(200);

/// The actor that a run belongs to.
pub(super) struct Supervisor<T: Transport> {
    plan: RunPlan<T>,
    done: Option<oneshot::Sender<RunEnd>>,
    ledger: Option<Box<Ledger>>,
    counting: Option<InputCounting>,
    limiters: Limiters,
    tokens: Option<TokenDesk>,
    phase: Option<Phase<T>>,
    counter_runs: bool,
    input: Option<InputDigest>,
    counts: Counts,
    /// Rows that earlier legs have ended.
    ended_before: u64,
    /// Requests that they got through.
    let_in_before: u64,
    requests: RequestCounts,
    pace: PaceMeter,
    meters: StageMeters,
    stop: Option<StopReason>,
    restarts_left: u32,
    started: Instant,
    elapsed_before: Duration,
    last_report: WorkerReport,
}

/// Requests that weren't refused for haste.
fn let_in(requests: &RequestCounts) -> u64 {
    requests.sent.saturating_sub(requests.throttled)
}

/// Nothing in it is ever pinned.
impl<T: Transport> Unpin for Supervisor<T> {}

impl<T: Transport> Supervisor<T> {
    pub(super) fn new(
        plan: RunPlan<T>,
        ledger: Box<Ledger>,
        counting: InputCounting,
        done: oneshot::Sender<RunEnd>,
    ) -> Self {
        let checkpoint = ledger.checkpoint();
        Self {
            done: Some(done),
            counting: Some(counting),
            limiters: Limiters::new(
                plan.limit.clone(),
                plan.known_limits.clone(),
                plan.known_pauses.clone(),
            ),
            ended_before: checkpoint.counts.ended(),
            let_in_before: let_in(&checkpoint.requests),
            tokens: None,
            phase: None,
            counter_runs: false,
            input: None,
            counts: checkpoint.counts,
            requests: checkpoint.requests,
            pace: PaceMeter::default(),
            meters: StageMeters::default(),
            stop: None,
            restarts_left: RESTARTS_ALLOWED,
            started: Instant::now(),
            elapsed_before: Duration::from_millis(checkpoint.elapsed_ms),
            last_report: WorkerReport::default(),
            ledger: Some(ledger),
            plan,
        }
    }

    fn elapsed(&self) -> Duration {
        self.elapsed_before + self.started.elapsed()
    }

    fn start_phase(&mut self, context: &mut Context<Self>) {
        let (Some(ledger), Some(tokens)) = (self.ledger.take(), &self.tokens) else {
            self.stop_for(StopReason::Fatal(FatalError::new(
                FatalKind::Internal,
                "the books did not come back from the recorder",
            )));
            context.notify(PhaseDone);
            return;
        };
        let address = context.address();
        let leg_started = self.started;
        match Phase::start(
            &self.plan,
            ledger,
            &self.limiters,
            tokens,
            &self.meters,
            (self.elapsed_before, leg_started),
            &address,
        ) {
            Ok(phase) => self.phase = Some(phase),
            Err((ledger, error)) => {
                self.ledger = Some(ledger);
                self.stop_for(StopReason::Fatal(error));
                context.notify(PhaseDone);
            }
        }
    }

    /// Ends the run in good order. The first reason is the one that is told,
    /// but a failure outranks the user's wish.
    fn stop_for(&mut self, reason: StopReason) {
        let outranks = match (&self.stop, &reason) {
            (None, _) => true,
            (Some(StopReason::Fatal(_)), _) => false,
            (Some(_), StopReason::Fatal(_)) => true,
            (Some(_), _) => false,
        };
        if self.stop.is_none() {
            let told = !matches!(reason, StopReason::Fatal(_));
            self.plan.events.send(RunEvent::Draining {
                reason: told.then(|| reason.text()),
            });
            (self.plan.stop_input)();
            if let Some(phase) = &self.phase {
                phase.drain();
            }
        }
        if outranks {
            self.stop = Some(reason);
        }
    }

    fn start_counting(&mut self, context: &Context<Self>) {
        match self.counting.take() {
            Some(InputCounting::Known(digest)) => self.input = Some(digest),
            Some(InputCounting::Count(counter)) => {
                self.counter_runs = true;
                let address = context.address();
                start_counter(counter, address.clone().recipient(), address.recipient());
            }
            None => {}
        }
    }

    fn snapshot(&mut self, reports: &[WorkerReport]) -> Snapshot {
        let now = Instant::now();
        self.pace.note(now, self.counts.ended());
        // The lanes share one window and one gauge, so the first report speaks
        // for all.
        if let Some(&report) = reports.first() {
            let most = self.last_report.max_in_flight.max(report.max_in_flight);
            self.last_report = report;
            self.last_report.max_in_flight = most;
        }
        let (rows_read, rows_read_final) = match &self.input {
            Some(input) => (input.rows, input.complete),
            None => (0, false),
        };
        let mut counts = self.counts;
        if rows_read_final {
            counts.skipped += self.plan.mapper.selection.rows_outside(rows_read);
        }
        counts.settle(rows_read.max(counts.ended()));
        let limits = self.limiters.standing(&self.plan.limit_key);
        let ended = self.counts.ended().saturating_sub(self.ended_before);
        let requests = let_in(&self.requests).saturating_sub(self.let_in_before);
        let endpoint = &self.plan.endpoint;
        let batch_cap = endpoint.operation.batch_cap;
        let at_once = endpoint.looks_up_first().then(|| endpoint.look_up_cap());
        let time_left = TimeLeft {
            rows: counts.not_reached,
            rows_a_request: rows_a_request(batch_cap, at_once, ended, requests),
            limits: &limits,
            share: self.plan.limit.share,
            max_rate: self.plan.limit.max_rate,
            ended,
            elapsed: self.started.elapsed(),
            meter: &self.pace,
        };
        let paused_for = limits.iter().map(|limit| limit.closed_for).max();
        Snapshot {
            rows_read: counts.read,
            rows_read_final,
            counts,
            requests: self.requests,
            in_flight: self.last_report.in_flight,
            window: self.last_report.window,
            rows_per_second: self.pace.rows_per_second(),
            // A measure that the next one hasn't confirmed is no knowledge yet.
            learned_per_second: limits
                .iter()
                .filter_map(|limit| limit.learned.filter(|learned| learned.sure))
                .map(|learned| learned.rate_per_s)
                .min_by(f64::total_cmp),
            paused_for: paused_for.filter(|pause| !pause.is_zero()),
            remaining: rows_read_final.then(|| time_left.estimate()).flatten(),
            elapsed: self.elapsed(),
        }
    }

    fn finish_when_all_is_done(&mut self) {
        if self.phase.is_some() || self.counter_runs {
            return;
        }
        let Some(done) = self.done.take() else { return };
        if let Some(tokens) = self.tokens.take() {
            let unbooked = tokens.unbooked();
            tokens.close();
            if let Some(ledger) = &mut self.ledger {
                ledger.note_tokens(unbooked.take());
            }
        }
        if let (Some(ledger), Some(input)) = (&mut self.ledger, &self.input) {
            ledger.note_input(input.clone());
        }
        let stages = [
            (Stage::Extractor, &self.meters.extractor),
            (Stage::Mapper(0), &self.meters.mapper),
            (Stage::Chunker, &self.meters.chunker),
            (Stage::Lane(0), &self.meters.worker),
            (Stage::Recorder, &self.meters.recorder),
        ];
        let stages = stages.map(|(stage, meter)| {
            let (busy, waited) = meter.read();
            StageTime {
                name: stage.name(),
                busy,
                waited,
            }
        });
        self.plan.events.send(RunEvent::Ended);
        let end = RunEnd {
            stop: self.stop.take(),
            ledger: self.ledger.take(),
            input: self.input.take(),
            elapsed: self.elapsed(),
            stages: stages.into(),
            max_in_flight: self.last_report.max_in_flight,
            limits: self.limiters.found(),
        };
        // Nobody waits only where the process is ending anyway.
        let _ = done.send(end);
    }
}

impl<T: Transport> Actor for Supervisor<T> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        listen_for_signals(context.address().recipient(), self.plan.go_on.clone());
        if let Some(allowed) = self.plan.max_duration {
            context.run_later(allowed, move |supervisor, _| {
                supervisor.stop_for(StopReason::TimeOver(allowed));
            });
        }
        context.run_interval(OBSERVE_EVERY, |_, context| context.notify(Observe));
    }
}

impl<T: Transport> Handler<StartPhase> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, _start: StartPhase, context: &mut Self::Context) {
        if self.tokens.is_none() {
            let address = context.address();
            self.tokens = Some(TokenDesk::open(
                Arc::clone(&self.plan.tokens),
                address.clone().recipient(),
                address.recipient(),
                self.plan.events.clone(),
            ));
        }
        self.start_counting(context);
        self.start_phase(context);
    }
}

impl<T: Transport> Handler<PhaseDone> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, _done: PhaseDone, context: &mut Self::Context) {
        let panicked = self.phase.take().and_then(|phase| {
            self.last_report.max_in_flight =
                self.last_report.max_in_flight.max(phase.max_in_flight());
            phase.close()
        });
        match panicked {
            Some(stage) if self.stop.is_none() && self.restarts_left > 0 => {
                self.restarts_left -= 1;
                self.plan.events.send(RunEvent::Notice(format!(
                    "the {} failed unexpectedly; going on from the journal",
                    stage.name()
                )));
                context.notify(StartPhase);
                return;
            }
            Some(stage) if self.stop.is_none() => {
                self.stop_for(StopReason::Fatal(
                    FatalError::new(
                        FatalKind::Internal,
                        format!("the {} failed unexpectedly, again and again", stage.name()),
                    )
                    .with_hint("Please report it. What was done is saved; a resume goes on."),
                ));
            }
            Some(_) | None => {}
        }
        self.finish_when_all_is_done();
    }
}

impl<T: Transport> Handler<Abort> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, abort: Abort, _context: &mut Self::Context) {
        self.stop_for(abort.0);
    }
}

impl<T: Transport> Handler<InputCounted> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, counted: InputCounted, _context: &mut Self::Context) {
        if let Some(phase) = &self.phase {
            phase.note_input(counted.clone());
        }
        self.input = Some(counted.0);
    }
}

impl<T: Transport> Handler<Committed> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, committed: Committed, _context: &mut Self::Context) {
        self.counts = committed.counts;
        self.requests = committed.requests;
    }
}

impl<T: Transport> Handler<TokenMinted> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, minted: TokenMinted, _context: &mut Self::Context) {
        self.plan.events.send(RunEvent::TokenMinted {
            generation: minted.generation,
            lifetime: minted.lifetime,
        });
    }
}

impl<T: Transport> Handler<LedgerReturned> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, returned: LedgerReturned, _context: &mut Self::Context) {
        self.ledger = Some(returned.0);
    }
}

impl<T: Transport> Handler<Exited> for Supervisor<T> {
    type Result = ();

    fn handle(&mut self, exited: Exited, context: &mut Self::Context) {
        let has_panicked = matches!(exited.end, StageEnd::Panicked);
        if let StageEnd::Failed(error) = exited.end {
            self.stop_for(StopReason::Fatal(error));
        }
        if exited.stage == Stage::Counter {
            self.counter_runs = false;
            self.finish_when_all_is_done();
            return;
        }
        let Some(phase) = &mut self.phase else { return };
        if has_panicked {
            phase.note_panic(exited.stage);
        }
        if phase.note_exit() {
            context.notify(PhaseDone);
        }
    }
}

impl<T: Transport> Handler<Observe> for Supervisor<T> {
    type Result = ResponseActFuture<Self, WorkerReport>;

    fn handle(&mut self, _observe: Observe, _context: &mut Self::Context) -> Self::Result {
        let workers = self.phase.iter().flat_map(Phase::workers);
        let asked = join_all(workers.map(|worker| worker.send(Observe)));
        Box::pin(asked.into_actor(self).map(|reports, supervisor, _| {
            // A worker whose Arbiter has just ended has nothing to report.
            let reports: Vec<WorkerReport> = reports.into_iter().flatten().collect();
            if !reports.is_empty() {
                let snapshot = supervisor.snapshot(&reports);
                supervisor
                    .plan
                    .events
                    .send(RunEvent::Progress(Box::new(snapshot)));
            }
            supervisor.last_report
        }))
    }
}
