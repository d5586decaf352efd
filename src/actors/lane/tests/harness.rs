//! A lane with everything around it replaced: the words in which the tests of
//! the lane are written.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout};

use crate::actors::intents::{IntentDesk, Intention};
use crate::actors::messages::CurrentToken;
use crate::auth::Token;
use crate::connector::Connector;
use crate::error::FatalError;
use crate::limit::{Concurrency, Controller, LimitEvent, LimitSettings};
use crate::record::{Chunk, Item, OutcomeBatch, Position, RowId};
use crate::store::{Intent, JobOfRow, Suspect};
use crate::transport::{FakeTransport, Request};

use super::super::{
    Endpoint, LaneControl, LaneGauge, LaneSetup, LimitLevel, SharedLimit, run_lane,
};
use super::tenant::{Answer, Call, Notes, noting};

const CONNECTOR: &str = r#"
name: scripted
title: A tenant made of a closure
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
request_id: {send: X-Request-Id}
limits:
  bucket_at: [/limit/key]
  client_buckets: ["client.*"]
  record_buckets: ["*.record"]
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

    fn notice(&self, words: String) {
        self.notes.notices.borrow_mut().push(words);
    }

    fn limiter_decided(&self, level: LimitLevel, event: LimitEvent, _now: Instant) {
        self.notes.decisions.borrow_mut().push((level, event));
    }
}

/// How a lane is set up.
#[derive(Clone, Debug)]
pub(super) struct LaneWish {
    pub(super) concurrency: Option<u32>,
    pub(super) repeatable: bool,
    pub(super) mint_time: Duration,
    /// Another connector than the usual one.
    pub(super) connector: Option<&'static str>,
    /// Rows that an earlier leg was about to send.
    pub(super) suspects: Vec<u64>,
    /// What it was about to do.
    pub(super) intent_of_suspects: Intent,
    /// The job that these rows were sent with, in their order.
    pub(super) job_of_suspects: Option<&'static str>,
    /// How long before the lane began they were to be sent.
    pub(super) suspects_age: Duration,
    /// An earlier leg has made records.
    pub(super) made_before: bool,
    /// Rows are only compared with what is there.
    pub(super) compares: bool,
    /// How long it takes to write something down.
    pub(super) disk_time: Duration,
    /// Nothing can be written down any more.
    pub(super) disk_is_full: bool,
    /// The refresher gives up, and closes its channel, after so many tokens.
    pub(super) most_tokens: u64,
}

impl Default for LaneWish {
    fn default() -> Self {
        Self {
            concurrency: None,
            repeatable: true,
            mint_time: Duration::from_millis(300),
            connector: None,
            suspects: Vec::new(),
            intent_of_suspects: Intent::Write,
            job_of_suspects: None,
            suspects_age: Duration::ZERO,
            made_before: false,
            compares: false,
            disk_time: Duration::from_millis(3),
            disk_is_full: false,
            most_tokens: 1_000,
        }
    }
}

/// A lane at work.
pub(super) struct RunningLane {
    pub(super) notes: Rc<Notes>,
    pub(super) drain: watch::Sender<bool>,
    pub(super) controller: Arc<SharedLimit>,
    pub(super) gauge: Arc<LaneGauge>,
    pub(super) started: Instant,
    chunks: Option<mpsc::Sender<Chunk>>,
    lane: JoinHandle<()>,
    recorder: JoinHandle<()>,
}

/// The operation that the tests send rows with.
pub(super) fn endpoint(wish: &LaneWish) -> Endpoint {
    let method = if wish.repeatable { "PUT" } else { "POST" };
    let text = match wish.connector {
        Some(connector) => connector.to_owned(),
        None => CONNECTOR.replace("METHOD", method),
    };
    let connector = Connector::parse("scripted.yaml", &text).expect("a connector");
    let base_url = ("base_url".to_owned(), "http://127.0.0.1:1".to_owned());
    let bound = connector.bind(&[base_url].into()).expect("bound");
    assert_eq!(bound.operation.repeatable, wish.repeatable);
    if wish.compares {
        return Endpoint::comparing(&bound);
    }
    Endpoint::new(&bound).for_source("contacts.csv")
}

/// A limit that starts now.
pub(super) fn limit_of(wish: &LaneWish) -> Arc<SharedLimit> {
    let settings = LimitSettings {
        concurrency: wish
            .concurrency
            .and_then(NonZeroU32::new)
            .map_or(Concurrency::Auto, Concurrency::Fixed),
        ..LimitSettings::default()
    };
    let controller = Controller::new(settings, Instant::now().into_std(), 7);
    Arc::new(SharedLimit::new(controller))
}

fn token(generation: u64) -> CurrentToken {
    let authorization = HeaderValue::from_str(&format!("Bearer {generation}"));
    Some(Arc::new(Token {
        generation,
        headers: Arc::new([(AUTHORIZATION, authorization.expect("a header's value"))]),
        expires_at: None,
        address: None,
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

/// Writes intents down, each time after a moment as a disk would have it.
async fn write_down(
    wish: LaneWish,
    notes: Rc<Notes>,
    mut intentions: mpsc::UnboundedReceiver<Intention>,
) {
    while let Some(intention) = intentions.recv().await {
        match intention {
            Intention::Send { rows, durable, .. } => {
                sleep(wish.disk_time).await;
                if wish.disk_is_full {
                    continue;
                }
                let rows = rows.iter().map(|intended| intended.row.0);
                notes.intended.borrow_mut().extend(rows);
                let _ = durable.send(());
            }
            Intention::Job { rows, id, durable } => {
                sleep(Duration::from_millis(3)).await;
                let rows: Vec<u64> = rows.iter().map(|row| row.0).collect();
                notes.jobs.borrow_mut().push((id.to_string(), rows));
                let _ = durable.send(());
            }
            Intention::Withdraw(row) => {
                notes.intended.borrow_mut().remove(&row.0);
                notes.withdrawn.borrow_mut().push(row.0);
            }
        }
    }
}

impl RunningLane {
    /// Starts a lane with a limit of its own and no rows yet.
    pub(super) fn start(wish: &LaneWish, script: impl Fn(&Call) -> Answer + 'static) -> Self {
        Self::start_under(&limit_of(wish), wish, script)
    }

    /// Starts a lane under a limit that it may share.
    pub(super) fn start_under(
        controller: &Arc<SharedLimit>,
        wish: &LaneWish,
        script: impl Fn(&Call) -> Answer + 'static,
    ) -> Self {
        let notes = Rc::new(Notes::default());
        let script = noting(&notes, Instant::now(), script);
        Self::start_raw(controller, wish, notes, script)
    }

    /// The same with a script that sees whole requests.
    pub(super) fn start_raw(
        controller: &Arc<SharedLimit>,
        wish: &LaneWish,
        notes: Rc<Notes>,
        script: impl Fn(&Request, u64) -> Answer + 'static,
    ) -> Self {
        let started = Instant::now();
        let gauge = Arc::new(LaneGauge::default());
        let (chunk_sender, chunks) = mpsc::channel(4);
        let (outcomes, mut outcome_batches) = mpsc::channel::<OutcomeBatch>(4);
        let (rejections, rejected) = mpsc::unbounded_channel();
        let tokens = watch::Sender::new(None);
        let drain = watch::Sender::new(false);
        let (desk, intentions) = IntentDesk::open();
        let endpoint = endpoint(wish);
        let writes_down = endpoint.writes_down();
        let setup = LaneSetup {
            endpoint,
            transport: Rc::new(FakeTransport::new(script)),
            controller: Arc::clone(controller),
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
            intents: writes_down.then_some(desk),
            suspects: Arc::new(suspects_of(wish)),
            made_before: wish.made_before,
        };
        spawn_local(write_down(wish.clone(), Rc::clone(&notes), intentions));
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
            controller: Arc::clone(controller),
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
        self.feed_items(rows.iter().map(|(row, key)| item(*row, key)).collect());
    }

    /// The same for rows that are made already.
    pub(super) fn feed_items(&mut self, items: Vec<Item>) {
        self.feed_slowly(vec![(Duration::ZERO, items)]);
    }

    /// The same bit by bit, each so long after the one before was taken.
    pub(super) fn feed_slowly(&mut self, bits: Vec<(Duration, Vec<Item>)>) {
        let chunks = self.chunks.take().expect("fed once");
        spawn_local(async move {
            for (pause, items) in bits {
                sleep(pause).await;
                for part in items.chunks(37) {
                    let items = part.to_vec();
                    if chunks.send(Chunk { items }).await.is_err() {
                        return;
                    }
                }
            }
        });
    }

    /// Nobody books outcomes any more.
    pub(super) fn kill_recorder(&self) {
        self.recorder.abort();
    }

    /// Ends the lane's task in the middle of what it does, as a panic would;
    /// true where that found it at work.
    pub(super) async fn tear_down(self) -> bool {
        self.lane.abort();
        self.lane.await.is_err_and(|error| error.is_cancelled())
    }

    /// Until so much time has passed since the start.
    pub(super) async fn reach(&self, time: Duration) {
        tokio::time::sleep_until(self.started + time).await;
    }

    /// Waits for the lane's end; gives what it left behind. Every permit and
    /// every place in the gauge must have come back, whatever happened.
    pub(super) async fn end(self) -> Rc<Notes> {
        let controller = Arc::clone(&self.controller);
        let notes = self.end_among_others().await;
        assert_eq!(permits_out(&controller), 0, "a permit was not given back");
        notes
    }

    /// The same for a lane whose limit others hold permits of.
    pub(super) async fn end_among_others(self) -> Rc<Notes> {
        let ended = timeout(DEADLINE, self.lane).await;
        ended.expect("the lane hangs").expect("the lane panicked");
        let _ = timeout(DEADLINE, self.recorder).await.expect("recorded");
        assert_eq!(self.gauge.in_flight(), 0);
        self.notes
    }
}

/// Permits that were not given back yet.
pub(super) fn permits_out(controller: &SharedLimit) -> u32 {
    let now = Instant::now().into_std();
    controller.lock().snapshot(now).in_flight
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

pub(super) fn item(row: u64, key: &str) -> Item {
    Item {
        row: RowId(row),
        position: Position {
            byte: row * 10,
            line: row + 1,
        },
        key_hash: crate::actors::RowMapper::hash_key(key),
        key: Bytes::copy_from_slice(key.as_bytes()),
        path: Bytes::from(format!("/{key}")),
        body: Bytes::from(row.to_string()),
        raw: Bytes::from(format!("{key},row {row}")),
        credit: None,
    }
}

fn suspects_of(wish: &LaneWish) -> BTreeMap<RowId, Suspect> {
    let sent_at = SystemTime::now() - wish.suspects_age;
    let sent_at = sent_at.duration_since(UNIX_EPOCH).expect("after 1970");
    let suspect = |(place, &row): (u32, &u64)| {
        let suspect = Suspect {
            job: wish.job_of_suspects.map(|id| JobOfRow {
                id: id.into(),
                place,
            }),
            position: Position { byte: 0, line: row },
            intent: wish.intent_of_suspects,
            sent_at_ms: u64::try_from(sent_at.as_millis()).expect("in range"),
        };
        (RowId(row), suspect)
    };
    (0..).zip(&wish.suspects).map(suspect).collect()
}
