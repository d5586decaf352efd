//! A lane with everything around it replaced: the words in which the tests of
//! the lane are written.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout};

use crate::actors::messages::CurrentToken;
use crate::auth::Token;
use crate::connector::Connector;
use crate::error::FatalError;
use crate::limit::{Concurrency, Controller, LimitEvent, LimitSettings};
use crate::record::{
    CallRecord, Chunk, Item, Outcome, OutcomeBatch, OutcomeKind, Position, Refusal, RowId,
};
use crate::transport::{Cause, FakeTransport, Reply, Request, SendError, Stage};

use super::super::{Endpoint, LaneControl, LaneGauge, LaneSetup, run_lane};

const CONNECTOR: &str = r#"
name: scripted
title: A tenant made of a closure
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
request_id: {send: X-Request-Id}
operations:
  save:
    method: METHOD
    path: /{id}
    key: id
    effect: upserted
    timeout: 60s
    fields: {name: {}}
"#;

/// Virtual time within which every test's lane must have ended; a lane that
/// hangs fails its test instead of the suite.
const DEADLINE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Runs a test on a runtime whose time jumps to whatever is waited for.
pub(super) fn under_paused_time<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(LocalSet::new().run_until(test))
}

/// One request, as the scripted tenant sees it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) row: u64,
    pub(super) key: String,
    /// How often the row was sent, this time included.
    pub(super) attempt: u32,
    /// The token's generation.
    pub(super) generation: u64,
    /// Since the lane's start.
    pub(super) at: Duration,
    /// Requests before this one.
    pub(super) number: u64,
}

/// What the tenant answers, and after which time.
pub(super) type Answer = (Duration, Result<Reply, SendError>);

pub(super) fn status(status: u16, after_ms: u64) -> Answer {
    (Duration::from_millis(after_ms), Ok(Reply::new(status, "")))
}

pub(super) fn throttled(status: u16, retry_after: &str, after_ms: u64) -> Answer {
    let value = HeaderValue::from_str(retry_after).expect("a header's value");
    let reply = Reply::new(status, "").with_header(http::header::RETRY_AFTER, value);
    (Duration::from_millis(after_ms), Ok(reply))
}

pub(super) fn broken(stage: Stage, cause: Cause, after_ms: u64) -> Answer {
    let error = SendError::new(stage, cause);
    (Duration::from_millis(after_ms), Err(error))
}

/// Nothing listens there.
pub(super) fn refused() -> Answer {
    let origin = "https://scripted.example".to_owned();
    broken(Stage::NotSent, Cause::ConnectRefused { origin }, 1)
}

/// A request with its answer, as it went over the wire.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) call: Call,
    pub(super) ends: Duration,
    pub(super) status: Option<u16>,
}

/// What the lane said, and what it did.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) exchanges: RefCell<Vec<Exchange>>,
    pub(super) outcomes: RefCell<Vec<Outcome>>,
    pub(super) calls: RefCell<Vec<CallRecord>>,
    pub(super) fatal: RefCell<Vec<FatalError>>,
    pub(super) tokens_rejected: RefCell<Vec<u64>>,
    pub(super) tokens_accepted: RefCell<Vec<u64>>,
    attempts: RefCell<HashMap<u64, u32>>,
}

struct NotingControl {
    notes: Rc<Notes>,
    rejections: mpsc::UnboundedSender<u64>,
}

impl LaneControl for NotingControl {
    fn token_rejected(&self, generation: u64) {
        self.notes.tokens_rejected.borrow_mut().push(generation);
        let _ = self.rejections.send(generation);
    }

    fn token_accepted(&self, generation: u64) {
        self.notes.tokens_accepted.borrow_mut().push(generation);
    }

    fn fatal(&self, error: FatalError) {
        self.notes.fatal.borrow_mut().push(error);
    }

    fn limiter_decided(&self, _event: LimitEvent, _now: Instant) {}
}

/// How a lane is set up.
#[derive(Clone, Debug)]
pub(super) struct LaneWish {
    pub(super) concurrency: Option<u32>,
    pub(super) repeatable: bool,
    pub(super) mint_time: Duration,
    /// The refresher gives up, and closes its channel, after so many tokens.
    pub(super) most_tokens: u64,
}

impl Default for LaneWish {
    fn default() -> Self {
        Self {
            concurrency: None,
            repeatable: true,
            mint_time: Duration::from_millis(300),
            most_tokens: 1_000,
        }
    }
}

/// A lane at work.
pub(super) struct RunningLane {
    pub(super) notes: Rc<Notes>,
    pub(super) drain: watch::Sender<bool>,
    pub(super) controller: Arc<Mutex<Controller>>,
    pub(super) gauge: Arc<LaneGauge>,
    pub(super) started: Instant,
    chunks: Option<mpsc::Sender<Chunk>>,
    lane: JoinHandle<()>,
    recorder: JoinHandle<()>,
}

/// The operation that the tests send rows with.
fn endpoint(repeatable: bool) -> Endpoint {
    let method = if repeatable { "PUT" } else { "POST" };
    let text = CONNECTOR.replace("METHOD", method);
    let connector = Connector::parse("scripted.yaml", &text).expect("a connector");
    let base_url = ("base_url".to_owned(), "http://127.0.0.1:1".to_owned());
    let bound = connector.bind(&[base_url].into()).expect("bound");
    assert_eq!(bound.operation.repeatable, repeatable);
    Endpoint::new(&bound)
}

fn token(generation: u64) -> CurrentToken {
    let authorization = HeaderValue::from_str(&format!("Bearer {generation}"));
    Some(Arc::new(Token {
        generation,
        authorization: authorization.expect("a header's value"),
        expires_at: None,
    }))
}

/// Mints a token, and another for each that is rejected.
async fn refresh_tokens(
    wish: LaneWish,
    tokens: watch::Sender<CurrentToken>,
    mut rejections: mpsc::UnboundedReceiver<u64>,
) {
    for generation in 1..=wish.most_tokens {
        sleep(wish.mint_time).await;
        tokens.send_replace(token(generation));
        while rejections.recv().await != Some(generation) {
            if rejections.is_closed() {
                return;
            }
        }
    }
}

impl RunningLane {
    /// Starts a lane, with no rows yet.
    pub(super) fn start(wish: &LaneWish, script: impl Fn(&Call) -> Answer + 'static) -> Self {
        let notes = Rc::new(Notes::default());
        let started = Instant::now();
        let limit = LimitSettings {
            concurrency: wish
                .concurrency
                .and_then(NonZeroU32::new)
                .map_or(Concurrency::Auto, Concurrency::Fixed),
            ..LimitSettings::default()
        };
        let controller = Arc::new(Mutex::new(Controller::new(limit, started.into_std(), 7)));
        let gauge = Arc::new(LaneGauge::default());
        let (chunk_sender, chunks) = mpsc::channel(4);
        let (outcomes, mut outcome_batches) = mpsc::channel::<OutcomeBatch>(4);
        let (rejections, rejected) = mpsc::unbounded_channel();
        let tokens = watch::Sender::new(None);
        let drain = watch::Sender::new(false);
        let setup = LaneSetup {
            endpoint: endpoint(wish.repeatable),
            transport: Rc::new(FakeTransport::new(noting(&notes, started, script))),
            controller: Arc::clone(&controller),
            tokens: tokens.subscribe(),
            chunks,
            outcomes,
            drain: drain.subscribe(),
            control: NotingControl {
                notes: Rc::clone(&notes),
                rejections,
            },
            gauge: Arc::clone(&gauge),
            request_id_prefix: "run-1-".to_owned(),
            meter: Arc::default(),
        };
        spawn_local(refresh_tokens(wish.clone(), tokens, rejected));
        let books = Rc::clone(&notes);
        let recorder = spawn_local(async move {
            while let Some(batch) = outcome_batches.recv().await {
                books.outcomes.borrow_mut().extend(batch.outcomes);
                books.calls.borrow_mut().extend(batch.calls);
            }
        });
        Self {
            notes,
            drain,
            controller,
            gauge,
            started,
            chunks: Some(chunk_sender),
            lane: spawn_local(run_lane(setup)),
            recorder,
        }
    }

    /// Hands rows to the lane, as `(row, key)` in chunks of 37, and closes the
    /// channel behind them.
    pub(super) fn feed(&mut self, rows: Vec<(u64, String)>) {
        let chunks = self.chunks.take().expect("fed once");
        spawn_local(async move {
            for part in rows.chunks(37) {
                let items = part.iter().map(|(row, key)| item(*row, key)).collect();
                if chunks.send(Chunk { items }).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Nobody books outcomes any more.
    pub(super) fn kill_recorder(&self) {
        self.recorder.abort();
    }

    /// Until so much time has passed since the start.
    pub(super) async fn reach(&self, time: Duration) {
        tokio::time::sleep_until(self.started + time).await;
    }

    /// Waits for the lane's end; gives what it left behind. Every permit and
    /// every place in the gauge must have come back, whatever happened.
    pub(super) async fn end(self) -> Rc<Notes> {
        let ended = timeout(DEADLINE, self.lane).await;
        ended.expect("the lane hangs").expect("the lane panicked");
        let _ = timeout(DEADLINE, self.recorder).await.expect("recorded");
        let limit = self.controller.lock().snapshot(Instant::now().into_std());
        assert_eq!(limit.in_flight, 0, "a permit was not given back");
        assert_eq!(self.gauge.in_flight(), 0);
        self.notes
    }
}

/// Loads rows 1 to `rows`, each with a key of its own, to the end.
pub(super) async fn load(
    wish: &LaneWish,
    rows: u64,
    script: impl Fn(&Call) -> Answer + 'static,
) -> Rc<Notes> {
    let mut lane = RunningLane::start(wish, script);
    lane.feed(rows_up_to(rows));
    lane.end().await
}

/// Rows 1 to `rows`, each with a key of its own.
pub(super) fn rows_up_to(rows: u64) -> Vec<(u64, String)> {
    (1..=rows).map(|row| (row, format!("key{row}"))).collect()
}

fn item(row: u64, key: &str) -> Item {
    Item {
        row: RowId(row),
        position: Position {
            byte: row * 10,
            line: row + 1,
        },
        key_hash: crate::actors::RowMapper::hash_key(key),
        path: Bytes::from(format!("/{key}")),
        body: Bytes::from(row.to_string()),
        raw: Bytes::from(format!("{key},row {row}")),
        credit: None,
    }
}

/// The script as the transport wants it, with every exchange noted down.
fn noting(
    notes: &Rc<Notes>,
    started: Instant,
    script: impl Fn(&Call) -> Answer + 'static,
) -> impl Fn(&Request, u64) -> Answer + 'static {
    let notes = Rc::clone(notes);
    move |request, number| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let row = text(&request.body).parse().expect("a row's number");
        let mut attempts = notes.attempts.borrow_mut();
        let attempt = attempts.entry(row).or_default();
        *attempt += 1;
        let bearer = request.authorization.to_str().expect("text");
        let call = Call {
            row,
            key: text(&request.path[1..]),
            attempt: *attempt,
            generation: bearer["Bearer ".len()..].parse().expect("a generation"),
            at: started.elapsed(),
            number,
        };
        let (delay, answer) = script(&call);
        notes.exchanges.borrow_mut().push(Exchange {
            ends: call.at + delay.min(request.timeout),
            status: answer.as_ref().ok().map(|reply| reply.status),
            call,
        });
        (delay, answer)
    }
}

impl Notes {
    /// How each row ended, by row; fails where one ended twice.
    pub(super) fn ends(&self) -> HashMap<u64, OutcomeKind> {
        let mut ends = HashMap::new();
        for outcome in self.outcomes.borrow().iter() {
            let before = ends.insert(outcome.row.0, outcome.kind);
            assert_eq!(before, None, "row {} ended twice", outcome.row.0);
            let text = std::str::from_utf8(&outcome.raw).expect("text");
            assert!(text.ends_with(&format!("row {}", outcome.row.0)), "{text}");
        }
        ends
    }

    /// Why a row ended as it did.
    pub(super) fn refusal(&self, row: u64) -> Refusal {
        let outcomes = self.outcomes.borrow();
        let outcome = outcomes.iter().find(|outcome| outcome.row.0 == row);
        let refusal = outcome.and_then(|outcome| outcome.refusal.clone());
        *refusal.unwrap_or_else(|| panic!("row {row} was not refused"))
    }

    /// Rows 1 to `rows` all ended as updated, and nothing else did; the audit
    /// has every exchange.
    pub(super) fn assert_all_updated(&self, rows: u64) {
        let ends = self.ends();
        let others: Vec<_> = ends
            .iter()
            .filter(|(_, kind)| **kind != OutcomeKind::Updated)
            .collect();
        assert!(others.is_empty(), "{others:?}");
        assert_eq!(ends.len() as u64, rows);
        assert!((1..=rows).all(|row| ends.contains_key(&row)));
        assert_eq!(self.fatal.borrow().as_slice(), []);
        assert_eq!(self.calls.borrow().len(), self.exchanges.borrow().len());
    }

    /// The exchanges of a row, in order.
    pub(super) fn of_row(&self, row: u64) -> Vec<Exchange> {
        let exchanges = self.exchanges.borrow();
        let of_row = exchanges.iter().filter(|exchange| exchange.call.row == row);
        of_row.cloned().collect()
    }
}
