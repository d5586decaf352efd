//! The fetching itself: page after page, each staged before the next is asked
//! for.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use foldhash::quality::FixedState;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::connector::{BoundStream, PageAt, PageFlaw, ReplyClass};
use crate::error::{FatalError, FatalKind};
use crate::limit::{Controller, Decision, LimitEvent, LimitSettings, Permit, Reaction};
use crate::record::CallRecord;
use crate::source::SourceError;
use crate::source::csv::write_staged_header;
use crate::source::spool::SpoolWriter;
use crate::transport::{Reply, SendError, Transport};

use super::exchange::{PageRequests, flaw_of, page_of};
use super::known::KnownRows;
use super::patience::Patience;
use super::reading::Verdict;
use super::rows::{StagedPage, answered_at, dead_end, rows_of};
use super::seen::SeenRecords;
use super::state::FetchState;
use super::tokens::{SourceToken, SourceTokens};

/// Refused tokens for one page, since others were taken.
const TOKEN_REFUSALS_ALLOWED: u32 = 3;

/// Calls that the audit still has to note.
pub type CallLog = Arc<Mutex<Vec<CallRecord>>>;

/// Keeps the state on the disk, durable when it returns.
pub type SaveState = Box<dyn FnMut(&FetchState) -> io::Result<()> + Send>;

/// Tells the user something that stops nothing.
pub type Remark = Box<dyn Fn(String) + Send>;

/// What is fetched, and how far it has come.
pub struct Fetching {
    /// The stream.
    pub bound: BoundStream,
    /// How far fetching has come.
    pub state: FetchState,
    /// Only what has changed since.
    pub since: Option<Timestamp>,
    /// Rows that are left out, since they were loaded before.
    pub known: Arc<KnownRows>,
    /// Rows that are wanted at most: no page is asked for beyond them.
    pub rows_wanted: Option<u64>,
    /// The run's id, which requests' ids begin with.
    pub run_id: String,
    /// Keeps the state.
    pub save: SaveState,
    /// Takes every call.
    pub calls: CallLog,
    /// Takes what the user should know while pages are waited for.
    pub remark: Remark,
    /// Bytes of a page that are read at most.
    pub most_page_bytes: usize,
}

/// How fetching ended.
pub(super) enum Fetched {
    /// All that was wanted is staged.
    Everything,
    /// Nothing more is taken in.
    Stopped,
}

/// Fetches until the stream's end; says why it ended before.
pub(super) async fn fetch<Way: Transport, Tokens: SourceTokens>(
    fetching: Fetching,
    way: Way,
    tokens: Tokens,
    writer: &mut SpoolWriter,
) -> Result<Fetched, FatalError> {
    let now = Instant::now().into_std();
    let mut fetcher = Fetcher {
        requests: PageRequests::new(fetching.bound.clone()),
        // A platform that is shared with live agents is asked for one page at
        // a time; the seed decides nothing but jitter.
        limiter: Controller::new(LimitSettings::default(), now, 1),
        patience: Patience::default(),
        request_number: 0,
        way,
        tokens,
        refused: None,
        led_to: HashSet::new(),
        records_before: None,
        seen: SeenRecords::default(),
        fetching,
    };
    fetcher.go_on_from(writer.path())?;
    fetcher.fetching.state.legs += 1;
    fetcher.save_totals();
    let stopped = writer.stopped();
    tokio::pin!(stopped);
    tokio::select! {
        biased;
        () = &mut stopped => {
            // Requests under way change nothing and are given up.
            fetcher.save_totals();
            Ok(Fetched::Stopped)
        }
        ended = fetcher.run(writer) => {
            fetcher.save_totals();
            ended
        }
    }
}

struct Fetcher<Way, Tokens> {
    fetching: Fetching,
    requests: PageRequests,
    limiter: Controller,
    patience: Patience,
    way: Way,
    tokens: Tokens,
    request_number: u64,
    /// The newest generation that was refused.
    refused: Option<u64>,
    /// Hashes of the pages that were led to. Pages that lead round in a circle
    /// would fill the disk.
    led_to: HashSet<u64>,
    /// Hash of the records of the page before. A source that doesn't know the
    /// page's parameter answers with its first page for ever.
    records_before: Option<u64>,
    seen: SeenRecords,
}

impl<Way: Transport, Tokens: SourceTokens> Fetcher<Way, Tokens> {
    async fn run(&mut self, writer: &mut SpoolWriter) -> Result<Fetched, FatalError> {
        if self.fetching.state.bytes == 0 {
            let mut header = Vec::new();
            let stream = &self.fetching.bound.stream;
            let names: Vec<String> = stream
                .columns
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            write_staged_header(&mut header, &names);
            if !self.stage(writer, &header, self.fetching.state.clone())? {
                return Ok(Fetched::Stopped);
            }
        }
        loop {
            if !self.read_list(writer).await? {
                return Ok(Fetched::Stopped);
            }
            if self.has_enough() || self.fetching.state.complete {
                break;
            }
            let may_shift = self.fetching.bound.stream.pages_may_shift();
            let is_counted = self.seen.is_complete();
            let mut state = self.fetching.state.clone();
            match state.reading.verdict(may_shift, is_counted) {
                Verdict::Whole => break,
                Verdict::Doubtful(why) => {
                    self.fetching.state.doubt = Some(why);
                    break;
                }
                Verdict::ReadAgain(why) => {
                    (self.fetching.remark)(why);
                    state.reading = state.reading.again();
                    state.next = Some(self.fetching.bound.stream.first_page());
                    self.seen.begin_again();
                    if !self.stage(writer, &[], state)? {
                        return Ok(Fetched::Stopped);
                    }
                }
            }
        }
        let mut state = self.fetching.state.clone();
        let has_all = state.next.is_none();
        state.end(has_all);
        Ok(match self.stage(writer, &[], state)? {
            true => Fetched::Everything,
            false => Fetched::Stopped,
        })
    }

    /// Goes on from what an earlier leg has staged at `path`. It doesn't tell
    /// which records a second reading has left out, so that one begins anew.
    fn go_on_from(&mut self, path: &Path) -> Result<(), FatalError> {
        let (state, stream) = (&mut self.fetching.state, &self.fetching.bound.stream);
        if state.bytes == 0 || state.complete || !stream.pages_may_shift() {
            return Ok(());
        }
        self.seen = SeenRecords::staged(path, stream.key).map_err(SourceError::into_fatal)?;
        if state.reading.number > 1 {
            state.reading = state.reading.anew();
            state.next = Some(stream.first_page());
            self.seen.begin_again();
        }
        Ok(())
    }

    fn has_enough(&self) -> bool {
        let rows = self.fetching.state.totals.rows;
        (self.fetching.rows_wanted).is_some_and(|wanted| rows >= wanted)
    }

    /// Reads the list to its end, or as far as it is wanted; `false` where
    /// nothing more is taken in.
    async fn read_list(&mut self, writer: &mut SpoolWriter) -> Result<bool, FatalError> {
        self.led_to.clear();
        self.records_before = None;
        while let Some(page) = self.fetching.state.next.clone() {
            if self.has_enough() {
                break;
            }
            let reply = self.page(&page).await?;
            let mut state = self.fetching.state.clone();
            let is_behind_end = state.reading.is_behind_end();
            if self.ends_list(&reply) {
                state.reading.note_refused_end(reply.status);
                state.next = None;
                return self.stage(writer, &[], state);
            }
            let stream = &self.fetching.bound.stream;
            let (known, seen) = (&self.fetching.known, &mut self.seen);
            let mut read = rows_of(stream, &page, &reply, known, seen, &mut state)?;
            if read.records_hash.is_some() && read.records_hash == self.records_before {
                if !is_behind_end {
                    return Err(dead_end(&stream.same_records()));
                }
                // There is no further page, and the last one comes again.
                state = self.fetching.state.clone();
                read = StagedPage::default();
            }
            self.records_before = read.records_hash;
            state.totals.pages += 1;
            if let Some(next) = &read.next
                && !self.led_to.insert(FixedState::default().hash_one(next))
            {
                return Err(dead_end(&PageFlaw::SamePage));
            }
            state.next = read.next;
            if state.started_at.is_none() {
                state.started_at = Some(answered_at(&reply).to_string());
            }
            if !self.stage(writer, &read.lines, state)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts lines and the state that goes with them on the disk.
    fn stage(
        &mut self,
        writer: &mut SpoolWriter,
        lines: &[u8],
        mut state: FetchState,
    ) -> Result<bool, FatalError> {
        state.totals.requests = self.fetching.state.totals.requests;
        state.totals.throttled = self.fetching.state.totals.throttled;
        let save = &mut self.fetching.save;
        let taken = writer
            .append(lines, |bytes| {
                state.bytes = bytes;
                save(&state)
            })
            .map_err(|cause| FatalError::writing("the staged pages", &cause))?;
        if taken {
            self.fetching.state = state;
        }
        Ok(taken)
    }

    /// Keeps what was asked since the last page. Where that can't be written,
    /// whoever reads the pages learns of the disk, and these are only counts.
    fn save_totals(&mut self) {
        let _ = (self.fetching.save)(&self.fetching.state);
    }

    /// Asks for a page until it is there, or it is said that there is none.
    async fn page(&mut self, page: &PageAt) -> Result<Reply, FatalError> {
        let mut token_refusals = 0;
        let mut attempt = 0;
        loop {
            let token = self.tokens.newer_than(self.refused).await?;
            let permit = self.permit().await;
            attempt += 1;
            let sent = Instant::now();
            let result = self.send(page, &token).await;
            let duration = sent.elapsed();
            let class = self.class_of(&result);
            let flaw = match (&result, class) {
                (Ok(reply), ReplyClass::Done | ReplyClass::Unchanged) => self.flaw(page, reply)?,
                _ => None,
            };
            let seen = match flaw {
                Some(_) => ReplyClass::Retry,
                None => class,
            };
            if result.is_ok() {
                self.patience.note_reply();
            }
            self.note_call(attempt, &result, seen, duration);
            let failures = match (&flaw, seen) {
                (Some(what), _) => {
                    let called = self.fetching.bound.stream.called();
                    self.patience.note_bad_page(what, &called)
                }
                (None, ReplyClass::Retry) => {
                    let cause = cause_of(&result);
                    self.patience.note_failure(Instant::now(), &cause)
                }
                (None, _) => Ok(0),
            };
            let observation =
                self.requests
                    .observe(seen, &result, *failures.as_ref().unwrap_or(&1));
            let now = Instant::now().into_std();
            let reaction = self.limiter.on_reply(now, permit, &observation);
            for event in self.limiter.take_events() {
                if let LimitEvent::PausedUntil { until } = event {
                    let pause = until.saturating_duration_since(now);
                    (self.fetching.remark)(Patience::note_pause(pause)?);
                }
            }
            failures?;
            match (seen, result) {
                (ReplyClass::Done | ReplyClass::Unchanged, Ok(reply)) => {
                    self.tokens.accepted(token.generation);
                    self.patience.note_success();
                    return Ok(reply);
                }
                (ReplyClass::Throttled, _) => self.patience.note_success(),
                (ReplyClass::RefreshToken, Ok(reply)) => {
                    token_refusals += 1;
                    self.refused = Some(token.generation);
                    if token_refusals > TOKEN_REFUSALS_ALLOWED {
                        return Err(self.refusal(&reply));
                    }
                }
                (ReplyClass::Retry, Err(error))
                    if error.is_permanent() && !self.patience.has_replied() =>
                {
                    let hint = error.hint().unwrap_or_default();
                    return Err(FatalError::new(
                        FatalKind::Tenant,
                        format!("the source can't be reached: {error}"),
                    )
                    .with_hint(hint));
                }
                (ReplyClass::Retry, _) => {}
                (_, Ok(reply)) if self.ends_list(&reply) => return Ok(reply),
                (_, Ok(reply)) => return Err(self.refusal(&reply)),
                (_, Err(_)) => {}
            }
            if let Reaction::RetryAfter { delay, .. } = reaction {
                sleep(delay).await;
            }
        }
    }

    /// Whether a refusal says that there is no such page, where the list should
    /// have ended already.
    fn ends_list(&self, reply: &Reply) -> bool {
        self.fetching.state.reading.is_behind_end()
            && matches!(reply.status, 400 | 404 | 410 | 416 | 422)
    }

    fn refusal(&self, reply: &Reply) -> FatalError {
        let classified = self.requests.classify(reply);
        self.requests.refused(reply.status, &classified)
    }

    /// Waits until the source's limit lets one more request through.
    async fn permit(&mut self) -> Permit {
        loop {
            let now = Instant::now();
            match self.limiter.poll(now.into_std()) {
                Decision::Go => return self.limiter.on_send(now.into_std()),
                Decision::WaitUntil(until) => sleep_until(until.into()).await,
                // None is under way, so a reply can't be what is waited for.
                Decision::WaitForReply => sleep(Duration::from_millis(1)).await,
            }
        }
    }

    async fn send(&mut self, page: &PageAt, token: &SourceToken) -> Result<Reply, SendError> {
        self.request_number += 1;
        self.fetching.state.totals.requests += 1;
        let target = self.fetching.bound.stream.target(page, self.fetching.since);
        let request = self.requests.request(target, token, &self.request_id());
        self.way.send(request).await
    }

    fn request_id(&self) -> String {
        let leg = self.fetching.state.legs;
        format!(
            "{}-source-{leg}-{}",
            self.fetching.run_id, self.request_number
        )
    }

    fn class_of(&self, result: &Result<Reply, SendError>) -> ReplyClass {
        match result {
            Ok(reply) => self.requests.classify(reply).class,
            // A read may be repeated whatever became of it.
            Err(_) => ReplyClass::Retry,
        }
    }

    /// Why a reply that should be a page is none, where asking again may help.
    fn flaw(&self, page: &PageAt, reply: &Reply) -> Result<Option<String>, FatalError> {
        if let Some(what) = flaw_of(reply, self.fetching.most_page_bytes) {
            return Ok(Some(what));
        }
        let stream = &self.fetching.bound.stream;
        match page_of(stream, page, reply) {
            Ok(_) => Ok(None),
            Err(flaw) if flaw.may_pass() => Ok(Some(flaw.to_string())),
            Err(flaw) => Err(dead_end(&flaw)),
        }
    }

    fn note_call(
        &mut self,
        attempt: u32,
        result: &Result<Reply, SendError>,
        class: ReplyClass,
        duration: Duration,
    ) {
        if class == ReplyClass::Throttled {
            self.fetching.state.totals.throttled += 1;
        }
        let now_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let taken_ms = u64::try_from(duration.as_millis()).unwrap_or(0);
        self.fetching.calls.lock().push(CallRecord {
            sent_at_ms: now_ms.saturating_sub(taken_ms),
            request_id: self.request_id(),
            endpoint: self.fetching.bound.stream.endpoint.as_str().into(),
            status: result.as_ref().ok().map(|reply| reply.status),
            duration,
            first_row: self.fetching.state.totals.rows + 1,
            rows: 0,
            attempt,
            class: class.name(),
        });
    }
}

fn cause_of(result: &Result<Reply, SendError>) -> String {
    match result {
        Ok(reply) => format!("it answered {}", reply.status),
        Err(error) => error.to_string(),
    }
}
