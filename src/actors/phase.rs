//! A phase: the stages of the pipeline, wired to each other, from their start
//! to the end of the last one.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::FatalError;
use crate::record::ByteCredit;
use crate::store::Ledger;
use crate::transport::Transport;

use super::chunker::{Chunker, Chunking};
use super::extractor::{Extraction, Extractor, spawn_named};
use super::intents::IntentDesk;
use super::lane::LaneGauge;
use super::limiters::Limiters;
use super::mapper::run_mapper;
use super::messages::{Drain, InputCounted};
use super::recorder::{Recorder, RecorderReports, Recording};
use super::run::RunPlan;
use super::stage::{ExitGuard, Stage, StageEnd, StageMeters};
use super::supervisor::Supervisor;
use super::token_refresher::TokenDesk;
use super::worker::{Worker, WorkerLinks, WorkerPlan};

/// Batches between extractor and mappers, and between mappers and chunker.
/// The byte credit is the real bound; this only keeps threads from idling.
const BATCHES_QUEUED: usize = 8;
/// Chunks before a lane. Small, so that equal loads reach all lanes.
const CHUNKS_QUEUED: usize = 2;
/// Outcome batches before the recorder: a commit takes about a millisecond, in
/// which a lane at full speed makes one batch.
const OUTCOMES_QUEUED: usize = 64;

/// The stages of a phase that runs.
pub(super) struct Phase<T: Transport> {
    extractor: Addr<Extractor>,
    recorder: Addr<Recorder>,
    workers: Vec<Addr<Worker<T>>>,
    arbiters: Vec<Arbiter>,
    /// Held, since actix stops an actor without an address.
    _chunker: Addr<Chunker>,
    gauge: Arc<LaneGauge>,
    stages_running: usize,
    panicked: Option<Stage>,
}

impl<T: Transport> Phase<T> {
    /// Starts all stages, the last one first. Gives the ledger back where the
    /// input can't be opened. `time` is what earlier legs took, and when this
    /// one began.
    pub(super) fn start(
        plan: &RunPlan<T>,
        ledger: Box<Ledger>,
        limiters: &Limiters,
        tokens: &TokenDesk,
        meters: &StageMeters,
        time: (Duration, Instant),
        supervisor: &Addr<Supervisor<T>>,
    ) -> Result<Self, (Box<Ledger>, FatalError)> {
        let source = match (plan.open_source)(ledger.checkpoint().resume_at) {
            Ok(source) => source,
            Err(error) => return Err((ledger, error.into_fatal())),
        };
        let finished = ledger.state().finished.clone();
        let leg = ledger.checkpoint().legs;
        let made_before = plan.follows_another || ledger.checkpoint().counts.created > 0;
        let exited = || supervisor.clone().recipient();
        let credit = ByteCredit::new(plan.credit_bytes);
        let suspects = Arc::new(ledger.suspects().clone());
        let (desk, intentions) = IntentDesk::open();
        let endpoint = &plan.endpoint;
        let writes_down = endpoint.writes_down();
        let (outcomes, outcomes_end) = mpsc::channel(OUTCOMES_QUEUED);
        let (mapped, mapped_end) = mpsc::channel(BATCHES_QUEUED);
        let (batches, batches_end) = crossbeam_channel::bounded(BATCHES_QUEUED);

        let recorder = Recorder::new(
            Recording {
                ledger,
                outcomes: outcomes_end,
                intentions,
                max_errors: plan.max_errors,
                elapsed_before: time.0,
                leg_started: time.1,
                meter: Arc::clone(&meters.recorder),
                source_calls: Arc::clone(&plan.source_calls),
                tokens: tokens.unbooked(),
            },
            RecorderReports {
                exited: exited(),
                committed: supervisor.clone().recipient(),
                abort: supervisor.clone().recipient(),
                ledger: supervisor.clone().recipient(),
            },
        )
        .start();

        let gauge = Arc::new(LaneGauge::default());
        let mut arbiters = Vec::new();
        let mut workers = Vec::new();
        let mut lanes = Vec::new();
        for number in 0..plan.lanes {
            let (chunks, chunks_end) = mpsc::channel(CHUNKS_QUEUED);
            lanes.push(chunks);
            let worker = WorkerPlan {
                number,
                endpoint: plan.endpoint.clone(),
                open_transport: Arc::clone(&plan.open_transport),
                controller: limiters.of(&plan.limit_key),
                tokens: tokens.subscribe(),
                chunks: chunks_end,
                outcomes: outcomes.clone(),
                request_id_prefix: format!("{}-{leg}-{number}-", plan.run_id),
                gauge: Arc::clone(&gauge),
                meter: Arc::clone(&meters.worker),
                intents: writes_down.then(|| desk.clone()),
                suspects: Arc::clone(&suspects),
                made_before,
                links: WorkerLinks {
                    exited: exited(),
                    abort: supervisor.clone().recipient(),
                    tokens: tokens.refresher(),
                    events: plan.events.clone(),
                    leg_started: time.1,
                },
            };
            let arbiter = Arbiter::new();
            workers.push(Worker::start_in_arbiter(&arbiter.handle(), move |_| {
                Worker::new(worker)
            }));
            arbiters.push(arbiter);
        }

        let chunker = Chunker::new(
            Chunking {
                mapped: mapped_end,
                lanes,
                outcomes,
                meter: Arc::clone(&meters.chunker),
            },
            exited(),
        )
        .start();

        for number in 0..plan.mapper_threads {
            let guard = ExitGuard::new(exited(), Stage::Mapper(number));
            let mapper = plan.mapper.clone();
            let (batches, mapped) = (batches_end.clone(), mapped.clone());
            let meter = Arc::clone(&meters.mapper);
            spawn_named(&format!("mapper-{number}"), move || {
                run_mapper(&mapper, &batches, &mapped, &meter);
                guard.report(StageEnd::Finished);
            });
        }

        let extractor = Extractor::new(
            Extraction {
                source,
                selection: plan.mapper.selection.clone(),
                finished,
                credit,
                batches,
                meter: Arc::clone(&meters.extractor),
            },
            exited(),
        )
        .start();

        Ok(Self {
            extractor,
            recorder,
            workers,
            arbiters,
            _chunker: chunker,
            gauge,
            // Recorder, chunker and extractor, beside the ones counted.
            stages_running: 3 + plan.lanes + plan.mapper_threads,
            panicked: None,
        })
    }

    /// Takes nothing new in, and finishes what is under way.
    pub(super) fn drain(&self) {
        self.extractor.do_send(Drain);
        for worker in &self.workers {
            worker.do_send(Drain);
        }
    }

    /// A stage has ended; whether it was the last one.
    pub(super) fn note_exit(&mut self) -> bool {
        self.stages_running -= 1;
        self.stages_running == 0
    }

    /// A stage panicked: the others come to their end too.
    pub(super) fn note_panic(&mut self, stage: Stage) {
        self.panicked.get_or_insert(stage);
        self.drain();
    }

    /// Passes on how far the input is counted.
    pub(super) fn note_input(&self, counted: InputCounted) {
        self.recorder.do_send(counted);
    }

    /// The workers.
    pub(super) fn workers(&self) -> impl Iterator<Item = &Addr<Worker<T>>> {
        self.workers.iter()
    }

    /// The most requests that were under way at once, over all lanes.
    pub(super) fn max_in_flight(&self) -> u32 {
        self.gauge.max_in_flight()
    }

    /// Ends the workers' threads; the stage that panicked, if one did.
    pub(super) fn close(self) -> Option<Stage> {
        for arbiter in self.arbiters {
            arbiter.stop();
            // The lane has ended, so the thread has nothing left to do; a panic
            // in it was reported by its guard.
            let _ = arbiter.join();
        }
        self.panicked
    }
}
