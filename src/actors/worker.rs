//! The worker: an actor shell around a lane, on an Arbiter of its own. The
//! shell owns the life cycle and answers at once; the lane does the work.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, MessageResult, Recipient};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::error::{FatalError, FatalKind};
use crate::limit::{CloseReason, GateState, LimitEvent};
use crate::record::{Chunk, DecisionKind, OutcomeBatch, RunEvent};
use crate::report::duration_words;
use crate::telemetry::EventSender;
use crate::transport::Transport;

use super::lane::{Endpoint, LaneControl, LaneGauge, LaneSetup, SharedLimit, run_lane};
use super::messages::{
    Abort, CurrentToken, Drain, Exited, Observe, StopReason, TokenAccepted, TokenRejected,
    WorkerReport,
};
use super::run::OpenTransport;
use super::stage::{ExitGuard, Stage, StageEnd, StageMeter};
use super::token_refresher::TokenRefresher;

/// The longest pause that a run sits out. A tenant that asks for more has a
/// quota of days, and the run is better resumed than kept.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3_600);

/// Whom a worker speaks to.
#[derive(Clone)]
pub(super) struct WorkerLinks {
    pub(super) exited: Recipient<Exited>,
    pub(super) abort: Recipient<Abort>,
    pub(super) tokens: Addr<TokenRefresher>,
    pub(super) events: EventSender,
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

    fn limiter_decided(&self, event: LimitEvent, now: Instant) {
        if let LimitEvent::PausedUntil { until } = event {
            self.tell_long_pause(until.saturating_duration_since(now.into_std()));
            return;
        }
        let (kind, text) = describe(&event, now);
        self.links.events.send(RunEvent::Limiter {
            endpoint: Arc::clone(&self.endpoint),
            kind,
            text,
        });
    }
}

impl WorkerControl {
    /// Nobody should wonder why nothing moves; and nobody wants a process that
    /// sleeps for days.
    fn tell_long_pause(&self, pause: Duration) {
        let text = duration_words(pause);
        if pause <= LONGEST_PAUSE {
            self.links.events.send(RunEvent::Notice(format!(
                "the tenant asks for a pause of {text}: nothing is sent until it is over"
            )));
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
        let now = std::time::Instant::now();
        let limit = self.controller.lock().snapshot(now);
        MessageResult(WorkerReport {
            in_flight: self.gauge.in_flight(),
            window: limit.window,
            max_in_flight: self.gauge.max_in_flight(),
            // A measure that the next one hasn't confirmed is no knowledge yet.
            learned_per_second: limit
                .learned_limit
                .filter(|learned| learned.sure)
                .map(|learned| learned.rate_per_s),
            paused_for: match limit.gate {
                GateState::Open => None,
                GateState::Closed { until, .. } => Some(until.saturating_duration_since(now)),
            },
        })
    }
}

/// A decision in words.
fn describe(event: &LimitEvent, now: Instant) -> (DecisionKind, String) {
    let seconds_until = |until: std::time::Instant| {
        until
            .saturating_duration_since(now.into_std())
            .as_secs_f64()
    };
    match event {
        LimitEvent::GateClosed {
            reason,
            until,
            server_said,
        } => {
            let said = server_said.map_or_else(
                || "the tenant named no time".to_owned(),
                |wait| format!("the tenant asked for {:.1} s", wait.as_secs_f64()),
            );
            (
                DecisionKind::GateClosed,
                format!(
                    "gate closed for {:.1} s: {} ({said})",
                    seconds_until(*until),
                    reason_text(*reason)
                ),
            )
        }
        LimitEvent::PausedUntil { until } => (
            DecisionKind::GateClosed,
            format!("paused for {:.0} s", seconds_until(*until)),
        ),
        LimitEvent::GateReopened { closed_for } => (
            DecisionKind::GateOpened,
            format!("gate opened after {:.1} s", closed_for.as_secs_f64()),
        ),
        LimitEvent::PaceLearned { rate_per_s, sure } => (
            DecisionKind::PaceLearned,
            format!(
                "the tenant lets {rate_per_s:.1} requests through a second{}",
                if *sure { "" } else { " (not sure yet)" }
            ),
        ),
        LimitEvent::WindowCut { from, to } => (
            DecisionKind::WindowChanged,
            format!("window cut from {from} to {to} requests at once"),
        ),
        LimitEvent::ConcurrencyCapMet { in_flight } => (
            DecisionKind::WindowChanged,
            format!("the tenant takes about {in_flight} requests at once"),
        ),
        LimitEvent::BreakerOpened { failures_in_a_row } => (
            DecisionKind::Breaker,
            format!("circuit breaker opened after {failures_in_a_row} failures in a row"),
        ),
        LimitEvent::BreakerClosed => (
            DecisionKind::Breaker,
            "circuit breaker closed: requests get through again".to_owned(),
        ),
    }
}

fn reason_text(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Throttled => "too many requests",
        CloseReason::NothingGetsThrough => "too many requests, nothing gets through",
        CloseReason::Unavailable => "the tenant is unavailable",
        CloseReason::Failing => "requests fail one after the other",
    }
}
