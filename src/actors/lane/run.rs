//! The loop: take chunks, ask the gate, send, and settle what comes back.

use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::actors::intents::IntentDesk;
use crate::actors::messages::CurrentToken;
use crate::actors::stage::StageMeter;
use crate::connector::FoundRecord;
use crate::error::FatalError;
use crate::limit::LimitEvent;
use crate::record::{Chunk, OutcomeBatch, RowId};
use crate::store::Suspect;
use crate::transport::Transport;

use super::attempt::{Delayed, Pending};
use super::call::{Answered, Call};
use super::clock::WallClock;
use super::endpoint::Endpoint;
use super::gauge::LaneGauge;
use super::jobs::Jobs;
use super::just_made::JustMade;
use super::key_order::KeyOrder;
use super::outage::OutageWatch;
use super::refused_alike::RefusedAlike;
use super::shared_limit::{Decisions, LimitLevel, Permits, SharedLimit};

/// Outcomes that are handed on together. Larger saves little, smaller costs a
/// message a row.
const OUTCOMES_A_BATCH: usize = 128;
/// How long a drain waits for replies. Gateways give up at about this time;
/// longer, and a user who has asked the run to stop thinks that it hangs.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);
/// How long outcomes gather at most. Longer, and a kill finds more of them
/// unbooked; shorter, and the recorder's thread is woken for every few rows.
const OUTCOMES_GATHER: Duration = Duration::from_millis(4);
/// Rows that the lane holds ready beyond what is under way.
const READY_ROWS: usize = 512;

/// Whom the lane tells what it can't decide alone.
pub trait LaneControl {
    /// The tenant refused the token of this generation.
    fn token_rejected(&self, generation: u64);
    /// The tenant took the token of this generation (told once for each).
    fn token_accepted(&self, generation: u64);
    /// The run can't go on.
    fn fatal(&self, error: FatalError);
    /// Something that people should know while the run goes on.
    fn notice(&self, words: String);
    /// A limiter decided something.
    fn limiter_decided(&self, level: LimitLevel, event: LimitEvent, now: Instant);
}

/// What a lane works with.
pub struct LaneSetup<T, C> {
    /// The operation that its rows are sent with.
    pub endpoint: Endpoint,
    /// The way to the tenant.
    pub transport: Rc<T>,
    /// The limit, shared with the other lanes of the same key.
    pub controller: Arc<SharedLimit>,
    /// The newest token.
    pub tokens: watch::Receiver<CurrentToken>,
    /// Rows to be sent.
    pub chunks: mpsc::Receiver<Chunk>,
    /// Rows that ended.
    pub outcomes: mpsc::Sender<OutcomeBatch>,
    /// Set when nothing new is to be sent.
    pub drain: watch::Receiver<bool>,
    /// Whom to tell.
    pub control: C,
    /// Where the lane stands.
    pub gauge: Arc<LaneGauge>,
    /// Start of every request id of this lane.
    pub request_id_prefix: String,
    /// Time with requests under way, and time held back by the limit.
    pub meter: Arc<StageMeter>,
    /// Where rows are written down before they are sent, for operations that
    /// may not be repeated.
    pub intents: Option<IntentDesk>,
    /// Rows that an earlier leg was about to send, and whose end isn't known.
    pub suspects: Arc<BTreeMap<RowId, Suspect>>,
    /// Whether records were made before the lane began, by an earlier leg say,
    /// of which the tenant's search may not know yet.
    pub made_before: bool,
}

/// Sends everything that comes in, until the chunks end or a drain is asked
/// for, and what is under way has come back.
pub async fn run_lane<T: Transport, C: LaneControl>(setup: LaneSetup<T, C>) {
    let mut lane = Lane::new(setup);
    lane.run().await;
}

type InFlight = FuturesUnordered<LocalBoxFuture<'static, Answered>>;

/// The lane's state. `send.rs` has how rows leave, `settle.rs` what happens to
/// an answer.
pub(super) struct Lane<T, C> {
    pub(super) setup: LaneSetup<T, C>,
    pub(super) ready: VecDeque<Pending>,
    /// Rows that were looked up, whose records are to be made.
    pub(super) to_make: VecDeque<Pending>,
    /// Rows whose records are known by the rows before them.
    pub(super) handed_on: Vec<(Pending, FoundRecord)>,
    /// When records were made that searches may not know yet.
    pub(super) just_made: JustMade,
    /// Look-ups that are under way.
    pub(super) look_ups_under_way: usize,
    /// Requests that were granted in this turn; kept for its memory.
    pub(super) granted: Vec<(Call, Permits)>,
    /// The most rows of a request, as far as the tenant has let us know.
    pub(super) batch_cap: usize,
    /// The same for rows of a look-up.
    pub(super) look_up_cap: usize,
    /// Look-ups of several rows that were of no use, one after the other.
    pub(super) look_ups_of_no_use: u32,
    /// Since when rows of `ready`, and of `to_make`, wait for others to fill
    /// their request.
    pub(super) gathers_since: [Option<Instant>; 2],
    pub(super) delayed: BinaryHeap<Delayed>,
    /// Jobs that are waited for.
    pub(super) jobs: Jobs,
    pub(super) next_order: u64,
    pub(super) keys: KeyOrder,
    pub(super) in_flight: InFlight,
    pub(super) batch: OutcomeBatch,
    pub(super) outage: OutageWatch,
    /// Tokens up to this generation are known to be refused.
    pub(super) refused_generation: u64,
    /// The newest generation that the refresher knows to be taken.
    pub(super) accepted_generation: u64,
    /// Requests that the tenant has done.
    pub(super) accepted: u64,
    /// Requests that the tenant has throttled.
    pub(super) throttled: u64,
    /// Replies in a row that forbid to go on.
    pub(super) fatal_replies: u32,
    /// Rows that were refused in the same words, one by one.
    pub(super) refused_alike: RefusedAlike,
    /// Replies in a row whose results name none of their records.
    pub(super) nameless_replies: u32,
    /// Whether a result has named its record.
    pub(super) finds_names: bool,
    pub(super) draining: bool,
    /// When a drain stops waiting for replies.
    drain_ends: Option<Instant>,
    /// Since when outcomes gather in `batch`.
    gathering_since: Option<Instant>,
    pub(super) source_ended: bool,
    pub(super) next_request: u64,
    pub(super) clock: WallClock,
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    fn new(setup: LaneSetup<T, C>) -> Self {
        setup.controller.join();
        let operation = &setup.endpoint.operation;
        let batch_cap = match operation.is_batched() {
            true => operation.batch_cap.max(1),
            false => 1,
        };
        let look_up_cap = setup.endpoint.look_up_cap();
        Self {
            setup,
            ready: VecDeque::new(),
            to_make: VecDeque::new(),
            handed_on: Vec::new(),
            just_made: JustMade::default(),
            look_ups_under_way: 0,
            granted: Vec::new(),
            batch_cap,
            look_up_cap,
            look_ups_of_no_use: 0,
            gathers_since: [None; 2],
            delayed: BinaryHeap::new(),
            jobs: Jobs::default(),
            next_order: 0,
            keys: KeyOrder::default(),
            in_flight: FuturesUnordered::new(),
            batch: OutcomeBatch::default(),
            outage: OutageWatch::default(),
            refused_generation: 0,
            accepted_generation: 0,
            accepted: 0,
            throttled: 0,
            fatal_replies: 0,
            refused_alike: RefusedAlike::default(),
            nameless_replies: 0,
            finds_names: false,
            draining: false,
            drain_ends: None,
            gathering_since: None,
            source_ended: false,
            next_request: 1,
            clock: WallClock::start(),
        }
    }

    async fn run(&mut self) {
        loop {
            if *self.setup.drain.borrow_and_update() {
                self.begin_drain();
            }
            let now = Instant::now();
            if !self.draining {
                self.tell_outage(now);
                self.give_up_on_outage(now);
            }
            if self.source_ended {
                self.ask_all_gathered(now);
            }
            let hold = self.send_what_may_be_sent(now);
            if self.is_finished() {
                break;
            }
            // Answers that are there already come first: they free the window.
            if let Some(Some(answered)) = self.in_flight.next().now_or_never() {
                self.settle(answered);
                self.hand_on_if_full().await;
                continue;
            }
            let hand_on_at = self.hand_on_when_due().await;
            self.wait(hold, hand_on_at).await;
        }
        self.hand_on().await;
    }

    fn is_finished(&self) -> bool {
        let nothing_left = self.has_no_rows() && self.delayed.is_empty() && self.jobs.is_empty();
        if self.draining {
            // A request that may be repeated needn't be waited for to the end
            // of its time: the next leg sends it again.
            let waited_enough = self.drain_ends.is_some_and(|ends| Instant::now() >= ends);
            return self.in_flight.is_empty() || (waited_enough && self.may_leave_replies());
        }
        self.in_flight.is_empty() && self.source_ended && nothing_left
    }

    /// Whether everything under way may be sent again by the next leg.
    fn may_leave_replies(&self) -> bool {
        self.setup.endpoint.operation.repeatable || self.in_flight.len() == self.look_ups_under_way
    }

    /// Drops what was not sent: the journal doesn't know these rows, so the
    /// next leg sends them.
    pub(super) fn begin_drain(&mut self) {
        if !self.draining {
            self.draining = true;
            self.drain_ends = Some(Instant::now() + DRAIN_PATIENCE);
            self.ready.clear();
            self.to_make.clear();
            self.handed_on.clear();
            self.delayed.clear();
            self.jobs.clear();
            self.keys.clear();
        }
    }

    pub(super) fn report_decisions(&self, decisions: Decisions, now: Instant) {
        for (level, event) in decisions {
            self.setup.control.limiter_decided(level, event, now);
        }
    }

    /// Waits for whatever can change something, and takes it in.
    async fn wait(&mut self, hold: Hold, hand_on_at: Option<Instant>) {
        let waiting_since = Instant::now();
        let gate_opens = match hold {
            Hold::Until(until) | Hold::Gathering(until) => Some(until),
            _ => None,
        };
        let next_delayed = match hold {
            Hold::Draining => self.drain_ends.filter(|_| self.may_leave_replies()),
            _ => {
                let delayed = self.delayed.peek().map(|first| first.due);
                let job = self.jobs.next_due(waiting_since);
                delayed.into_iter().chain(job).min()
            }
        };
        let outage_ends = self.outage.ends_at().filter(|_| !self.draining);
        let outage_told = self.outage.tells_at().filter(|_| !self.draining);
        let wake_at = [
            gate_opens,
            next_delayed,
            outage_ends,
            outage_told,
            hand_on_at,
        ]
        .into_iter()
        .flatten()
        .min();
        let takes_chunks = !self.source_ended
            && (self.draining || self.ready.len() + self.to_make.len() < self.ready_rows());
        let has_in_flight = !self.in_flight.is_empty();
        tokio::select! {
            biased;
            Some(answered) = self.in_flight.next(), if has_in_flight => {
                self.settle(answered);
            }
            chunk = self.setup.chunks.recv(), if takes_chunks => match chunk {
                Some(chunk) => self.take(chunk),
                None => self.source_ended = true,
            },
            () = sleep_until(wake_at.unwrap_or(waiting_since)), if wake_at.is_some() => {}
            () = self.setup.controller.heard(), if hold == Hold::Window => {}
            () = self.setup.controller.heard_above(), if hold == Hold::WindowAbove => {}
            changed = self.setup.tokens.changed(), if hold == Hold::Token => {
                if changed.is_err() {
                    // The refresher is gone, and with it the way to a token.
                    self.begin_drain();
                }
            }
            changed = self.setup.drain.changed(), if !self.draining => {
                if changed.is_err() {
                    self.begin_drain();
                }
            }
        }
        let waited = waiting_since.elapsed();
        match hold {
            Hold::Until(_) | Hold::Token => self.setup.meter.add_waited(waited),
            _ if has_in_flight => self.setup.meter.add_busy(waited),
            Hold::Window
            | Hold::WindowAbove
            | Hold::NoRows
            | Hold::Gathering(_)
            | Hold::Draining => {}
        }
    }

    fn take(&mut self, chunk: Chunk) {
        if self.draining {
            return;
        }
        for item in chunk.items {
            if let Some(item) = self.keys.admit(item)
                && let Some(pending) = self.first_step(item)
            {
                self.ready.push_back(pending);
            }
        }
    }

    /// Enough for some requests, however many rows each has.
    fn ready_rows(&self) -> usize {
        READY_ROWS.max(self.batch_cap.max(self.look_up_cap) * 4)
    }

    /// Outcomes gather for a moment, so that the recorder isn't woken for each
    /// of them; when the next ones are to be handed on, if some are left.
    async fn hand_on_when_due(&mut self) -> Option<Instant> {
        if self.batch.calls.is_empty() && self.batch.outcomes.is_empty() {
            self.gathering_since = None;
            return None;
        }
        let now = Instant::now();
        let due = *self.gathering_since.get_or_insert(now) + OUTCOMES_GATHER;
        if now < due && !self.in_flight.is_empty() && self.batch.calls.len() < OUTCOMES_A_BATCH {
            return Some(due);
        }
        self.gathering_since = None;
        self.hand_on().await;
        None
    }

    async fn hand_on_if_full(&mut self) {
        if self.batch.calls.len() >= OUTCOMES_A_BATCH {
            self.hand_on().await;
        }
    }

    async fn hand_on(&mut self) {
        if self.batch.calls.is_empty() && self.batch.outcomes.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        if self.setup.outcomes.send(batch).await.is_err() {
            // Nobody books outcomes any more: going on would only make more of
            // them unknown.
            self.begin_drain();
        }
    }
}

/// What keeps the lane from sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    NoRows,
    /// Rows wait for others to fill their request.
    Gathering(Instant),
    Window,
    /// The window of the whole client.
    WindowAbove,
    Token,
    Draining,
    Until(Instant),
}
