//! The worker: an actor shell around a lane, on an Arbiter of its own. The
//! shell owns the life cycle and answers at once; the lane does the work.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, MessageResult, Recipient};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::error::{FatalError, FatalKind};
use crate::limit::{LONGEST_PAUSE, LimitEvent, LimitKey};
use crate::record::{Chunk, OutcomeBatch, RowId, RunEvent};
use crate::report::duration_words;
use crate::store::Suspect;
use crate::telemetry::EventSender;
use crate::transport::Transport;

use super::decisions::decision_of;
use super::intents::IntentDesk;
use super::lane::{Endpoint, LaneControl, LaneGauge, LaneSetup, LimitLevel, SharedLimit, run_lane};
use super::messages::{
    Abort, CurrentToken, Drain, Exited, Observe, StopReason, TokenAccepted, TokenRejected,
    WorkerReport,
};
use super::run::OpenTransport;
use super::stage::{ExitGuard, Stage, StageEnd, StageMeter};
use super::token_refresher::TokenRefresher;

/// Whom a worker speaks to.
#[derive(Clone)]
pub(super) struct WorkerLinks {
    pub(super) exited: Recipient<Exited>,
    pub(super) abort: Recipient<Abort>,
    pub(super) tokens: Addr<TokenRefresher>,
    pub(super) events: EventSender,
    /// When the leg began, which decisions are told from.
    pub(super) leg_started: Instant,
}

/// The lane's way to the actors.
struct WorkerControl {
    endpoint: Arc<str>,
    links: WorkerLinks,
}

impl LaneControl for WorkerControl {
    fn token_rejected(&self, generation: u64) {
        self.links.tokens.do_send(TokenRejected { generation });
    }

    fn token_accepted(&self, generation: u64) {
        self.links.tokens.do_send(TokenAccepted { generation });
    }

    fn fatal(&self, error: FatalError) {
        self.links.abort.do_send(Abort(StopReason::Fatal(error)));
    }

    fn notice(&self, words: String) {
        self.links.events.send(RunEvent::Notice(words));
    }

    fn limiter_decided(&self, level: LimitLevel, event: LimitEvent, now: Instant) {
        if let LimitEvent::PausedUntil { until } = event {
            self.tell_long_pause(until.saturating_duration_since(now.into_std()));
        }
        self.links.events.send(RunEvent::Limiter {
            at: now.duration_since(self.links.leg_started),
            endpoint: match level {
                LimitLevel::Endpoint => Arc::clone(&self.endpoint),
                LimitLevel::Client => LimitKey::WHOLE_CLIENT.into(),
            },
            decision: decision_of(&event, now),
        });
    }
}

impl WorkerControl {
    /// Nobody should wonder why nothing moves; and nobody wants a process that
    /// sleeps for days.
    fn tell_long_pause(&self, pause: Duration) {
        let text = duration_words(pause);
        if pause <= LONGEST_PAUSE {
            self.notice(format!(
                "the tenant asks for a pause of {text}: nothing is sent until it is over"
            ));
            return;
        }
        self.fatal(
            FatalError::new(
                FatalKind::Tenant,
                format!("the tenant asks for a pause of {text}"),
            )
            .with_hint("Ask the tenant's support about the limit; resume the run after the pause."),
        );
    }
}

/// What a worker is made from, on whichever thread.
pub(super) struct WorkerPlan<T> {
    pub(super) number: usize,
    pub(super) endpoint: Endpoint,
    pub(super) open_transport: OpenTransport<T>,
    pub(super) controller: Arc<SharedLimit>,
    pub(super) tokens: watch::Receiver<CurrentToken>,
    pub(super) chunks: mpsc::Receiver<Chunk>,
    pub(super) outcomes: mpsc::Sender<OutcomeBatch>,
    pub(super) request_id_prefix: String,
    pub(super) gauge: Arc<LaneGauge>,
    pub(super) meter: Arc<StageMeter>,
    pub(super) intents: Option<IntentDesk>,
    pub(super) suspects: Arc<BTreeMap<RowId, Suspect>>,
    pub(super) made_before: bool,
    pub(super) links: WorkerLinks,
}

/// The actor shell.
pub(super) struct Worker<T: Transport> {
    plan: Option<WorkerPlan<T>>,
    gauge: Arc<LaneGauge>,
    controller: Arc<SharedLimit>,
    drain: watch::Sender<bool>,
}

/// Nothing in it is ever pinned: the lane runs as a task of its own.
impl<T: Transport> Unpin for Worker<T> {}

impl<T: Transport> Worker<T> {
    pub(super) fn new(plan: WorkerPlan<T>) -> Self {
        Self {
            gauge: Arc::clone(&plan.gauge),
            controller: Arc::clone(&plan.controller),
            drain: watch::Sender::new(false),
            plan: Some(plan),
        }
    }
}

impl<T: Transport> Actor for Worker<T> {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        let Some(plan) = self.plan.take() else {
            return;
        };
        let guard = ExitGuard::new(plan.links.exited.clone(), Stage::Lane(plan.number));
        let transport = match (plan.open_transport)() {
            Ok(transport) => Rc::new(transport),
            Err(error) => {
                let error = FatalError::new(FatalKind::Tenant, error.to_string());
                guard.report(StageEnd::Failed(error));
                return;
            }
        };
        let setup = LaneSetup {
            control: WorkerControl {
                endpoint: Arc::clone(&plan.endpoint.operation.name),
                links: plan.links,
            },
            endpoint: plan.endpoint,
            transport,
            controller: plan.controller,
            tokens: plan.tokens,
            chunks: plan.chunks,
            outcomes: plan.outcomes,
            drain: self.drain.subscribe(),
            gauge: Arc::clone(&self.gauge),
            request_id_prefix: plan.request_id_prefix,
            meter: plan.meter,
            intents: plan.intents,
            suspects: plan.suspects,
            made_before: plan.made_before,
        };
        actix::spawn(async move {
            run_lane(setup).await;
            guard.report(StageEnd::Finished);
        });
    }
}

impl<T: Transport> Handler<Drain> for Worker<T> {
    type Result = ();

    fn handle(&mut self, _drain: Drain, _context: &mut Self::Context) {
        self.drain.send_replace(true);
    }
}

impl<T: Transport> Handler<Observe> for Worker<T> {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _observe: Observe, _context: &mut Self::Context) -> Self::Result {
        let limit = self.controller.lock().snapshot(Instant::now().into_std());
        MessageResult(WorkerReport {
            in_flight: self.gauge.in_flight(),
            window: limit.window,
            max_in_flight: self.gauge.max_in_flight(),
        })
    }
}
