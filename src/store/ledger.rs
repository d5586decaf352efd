//! One run's bookkeeping: outcomes go in, and every commit makes them durable
//! together with the counts, the books' lengths and the place to go on from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

use crate::error::{FatalError, FatalKind};
use crate::record::{
    CallRecord, Counts, CreditShare, InputDigest, Outcome, OutcomeBatch, OutcomeKind, Refusal,
    RequestCounts, RowId, TargetId,
};

use super::book::{Book, BookFile, open_file};
use super::intents::Settled;
use super::pre_images::open_pre_images;
use super::reserve::SpaceReserve;
use super::retake::put_books_in_place;
use super::{
    BookFormat, Books, Checkpoint, Commit, IntendedRow, JobOfRow, Journal, JournalState, ListedRow,
    ResumeMark, Standing, Suspect,
};

/// Every so many rows the place of one is remembered as a possible place to go
/// on from. Smaller costs memory while rows finish out of order, larger makes
/// a resume look at more rows that have ended.
const MARK_EVERY_ROWS: u64 = 256;

/// Durations beyond an hour are booked as an hour.
const LONGEST_LATENCY_US: u64 = 3_600_000_000;

/// The books of a run, and the journal that makes them durable.
pub struct Ledger {
    journal: Box<dyn Journal>,
    books: Books,
    folder: PathBuf,
    /// Opened with the first pre-image.
    pre_images: Option<Book>,
    reserve: SpaceReserve,
    state: JournalState,
    /// The state as it was committed last.
    committed: Checkpoint,
    /// The first row that the run wants; rows before it never end.
    first_row: u64,
    marks: BTreeMap<u64, ResumeMark>,
    settled: Settled,
    /// Rows to be listed by the next commit.
    listed: Vec<ListedRow>,
    /// Lines of rows that the next commit takes off the list.
    unlisted_lines: Vec<u64>,
    /// Ids to be kept by the next commit.
    target_ids: Vec<TargetId>,
    /// Given back when the rows are durable.
    held: Vec<CreditShare>,
    uncommitted_rows: u64,
    is_dirty: bool,
    latencies: Histogram<u64>,
}

impl Ledger {
    /// Opens the books of a run, at the state that its journal holds.
    /// `first_row` is the first row that the run wants.
    ///
    /// # Errors
    /// Fails where the journal can't be read or a book can't be written.
    pub fn open(
        folder: &Path,
        journal: Box<dyn Journal>,
        format: Box<dyn BookFormat>,
        first_row: u64,
    ) -> Result<Self, FatalError> {
        Self::open_with(folder, journal, format, first_row, open_file)
    }

    /// The same, with books in files that `open_file` opens.
    pub(super) fn open_with(
        folder: &Path,
        mut journal: Box<dyn Journal>,
        format: Box<dyn BookFormat>,
        first_row: u64,
        open_file: impl Fn(&Path) -> io::Result<Box<dyn BookFile>>,
    ) -> Result<Self, FatalError> {
        let mut state = journal.load()?;
        let committed = state.checkpoint.clone();
        state.checkpoint.legs += 1;
        put_books_in_place(folder, &state.checkpoint)
            .map_err(|cause| FatalError::writing(&folder.display().to_string(), &cause))?;
        state.checkpoint.books_to_replace.clear();
        let books = Books::open_with(folder, &state.checkpoint.book_bytes, format, open_file)?;
        Ok(Self {
            journal,
            books,
            folder: folder.to_owned(),
            pre_images: None,
            reserve: SpaceReserve::take(folder),
            state,
            committed,
            first_row,
            marks: BTreeMap::new(),
            settled: Settled::default(),
            listed: Vec::new(),
            unlisted_lines: Vec::new(),
            target_ids: Vec::new(),
            held: Vec::new(),
            uncommitted_rows: 0,
            is_dirty: true,
            latencies: Histogram::new_with_bounds(1, LONGEST_LATENCY_US, 3)
                .expect("the bounds and 3 significant digits are valid"),
        })
    }

    /// Takes in what a stage reports.
    ///
    /// # Errors
    /// Fails where a book can't be written; the outcomes are kept for a later
    /// commit all the same.
    pub fn record(&mut self, batch: OutcomeBatch) -> Result<(), FatalError> {
        self.is_dirty = true;
        let mut result = Ok(());
        for call in &batch.calls {
            self.count_call(call);
            result = result.and(self.books.note_call(call));
        }
        for outcome in batch.outcomes {
            self.settled.settle(&mut self.state.suspects, outcome.row);
            // A row can end only once; a second report of it is not booked.
            if !self.state.finished.insert(outcome.row.0) {
                continue;
            }
            self.uncommitted_rows += 1;
            self.state.checkpoint.counts.add(outcome.kind);
            if outcome.kind == OutcomeKind::Missing {
                self.state.checkpoint.missing += 1;
            }
            let refusal = outcome.refusal.as_deref();
            if outcome.kind == OutcomeKind::Rejected && refusal.is_some_and(Refusal::may_pass_later)
            {
                self.state.checkpoint.may_pass_later += 1;
            }
            if outcome.row.0 % MARK_EVERY_ROWS == 1 {
                let mark = ResumeMark::new(outcome.row, outcome.position);
                self.marks.insert(outcome.row.0, mark);
            }
            self.list(&outcome);
            result = result.and(self.books.list(&outcome));
            self.held.extend(outcome.credit);
        }
        self.target_ids.extend(batch.target_ids);
        result
    }

    fn list(&mut self, outcome: &Outcome) {
        match outcome.kind {
            OutcomeKind::Rejected | OutcomeKind::Missing | OutcomeKind::Unknown => {
                self.listed.push(ListedRow {
                    row: outcome.row,
                    position: outcome.position,
                    standing: Standing::Ended(outcome.kind),
                });
            }
            _ if self.state.checkpoint.retry.is_some() => {
                self.unlisted_lines.push(outcome.position.line);
            }
            _ => {}
        }
    }

    /// Notes a call to the source's platform in the audit. The run's requests
    /// are those to its target, so it isn't counted among them.
    ///
    /// # Errors
    /// Fails where the audit can't be written.
    pub fn note_source_call(&mut self, call: &CallRecord) -> Result<(), FatalError> {
        self.is_dirty = true;
        self.books.note_call(call)
    }

    /// Notes that these rows are about to be sent, for an operation that may
    /// not be repeated. Durable when it returns; only then may their bytes
    /// leave. All calls that are granted at once should share one such note,
    /// since each waits for the disk.
    ///
    /// # Errors
    /// Fails where the journal can't be written: the rows must not be sent.
    pub fn intend(&mut self, rows: &[IntendedRow]) -> Result<(), FatalError> {
        debug_assert!(
            rows.iter()
                .all(|intended| !self.state.finished.contains(intended.row.0)),
            "a row that has ended isn't sent again"
        );
        // The wall clock may jump; this time is only told to people.
        let at_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let new = self.settled.not_durable(&self.state.suspects, rows);
        if !new.is_empty() {
            self.journal.intend(&new, at_ms)?;
        }
        self.settled.open(&mut self.state.suspects, rows, at_ms);
        Ok(())
    }

    /// Notes the job that the tenant has named for rows, in the order in which
    /// they were sent. Durable when it returns; only then is it waited for.
    ///
    /// # Errors
    /// Fails where the journal can't be written: after a crash nobody would
    /// know what to ask about.
    pub fn note_job(&mut self, rows: &[RowId], id: &Arc<str>) -> Result<(), FatalError> {
        self.journal.note_job(rows, id)?;
        for (place, row) in (0_u32..).zip(rows) {
            if let Some(suspect) = self.state.suspects.get_mut(row) {
                let id = Arc::clone(id);
                suspect.job = Some(JobOfRow { id, place });
            }
        }
        Ok(())
    }

    /// Keeps what stands in the tenant before it is changed, as whole lines.
    /// Durable when it returns; only then may the changes leave.
    ///
    /// # Errors
    /// Fails where the book can't be written: nothing may be sent.
    pub fn keep_pre_images(&mut self, lines: &[Vec<u8>]) -> Result<(), FatalError> {
        if lines.is_empty() {
            return Ok(());
        }
        let book = match &mut self.pre_images {
            Some(book) => book,
            None => self.pre_images.insert(open_pre_images(&self.folder)?),
        };
        lines.iter().for_each(|line| book.pending.extend(line));
        book.write_out()?;
        book.sync()
    }

    /// Takes the note back of rows that were certainly not applied: refused
    /// before any work, or never sent. It goes with the next commit; a crash
    /// before that finds them in doubt, which costs a look-up.
    pub fn withdraw(&mut self, rows: &[RowId]) {
        for &row in rows {
            self.is_dirty |= self.settled.settle(&mut self.state.suspects, row);
        }
    }

    /// Rows that were about to be sent and have no outcome. When a phase
    /// starts, these are the ones whose fate isn't known.
    #[must_use]
    pub fn suspects(&self) -> &BTreeMap<RowId, Suspect> {
        &self.state.suspects
    }

    fn count_call(&mut self, call: &CallRecord) {
        let requests = &mut self.state.checkpoint.requests;
        requests.sent += 1;
        match call.class {
            "done" | "unchanged" => requests.ok += 1,
            "throttled" => requests.throttled += 1,
            _ => requests.failed += 1,
        }
        if call.attempt > 1 {
            requests.retried += 1;
        }
        if call.status.is_some() {
            let micros = u64::try_from(call.duration.as_micros()).unwrap_or(u64::MAX);
            self.latencies.saturating_record(micros.max(1));
        }
    }

    /// Notes so many more tokens for the target.
    pub fn note_tokens(&mut self, minted: u64) {
        self.state.checkpoint.tokens_minted += minted;
        self.is_dirty |= minted > 0;
    }

    /// Notes how far the input has been hashed.
    pub fn note_input(&mut self, digest: InputDigest) {
        self.state.checkpoint.input = Some(digest);
        self.is_dirty = true;
    }

    /// Notes that nothing is left to do, and how the run ended.
    pub fn note_finished(&mut self, exit_code: u8) {
        self.state.checkpoint.finished_with = Some(exit_code);
        self.state.checkpoint.retry = None;
        self.is_dirty = true;
    }

    /// Makes everything taken in so far durable, and gives the rows' memory
    /// back. `elapsed` is the time of all legs together.
    ///
    /// # Errors
    /// Fails where the disk is full or broken, once the reserve is used up;
    /// nothing taken in is forgotten, and a later commit may succeed.
    pub fn commit(&mut self, elapsed: Duration) -> Result<(), FatalError> {
        if !self.is_dirty {
            return Ok(());
        }
        self.state.checkpoint.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.state.checkpoint.book_bytes = self.books.write_out()?;
        self.move_resume_mark();
        self.journal.commit(&Commit {
            changes: &self.state.finished.changes(),
            checkpoint: &self.state.checkpoint,
            settled: &self.settled.rows(),
            listed: &self.listed,
            unlisted_lines: &self.unlisted_lines,
            target_ids: &self.target_ids,
        })?;
        self.state.finished.mark_stored();
        self.settled.note_stored();
        self.listed.clear();
        self.unlisted_lines.clear();
        self.target_ids.clear();
        self.committed.clone_from(&self.state.checkpoint);
        self.uncommitted_rows = 0;
        self.is_dirty = false;
        self.held.clear();
        Ok(())
    }

    /// The last commit after a failed one: gives the reserved space back
    /// first.
    ///
    /// # Errors
    /// Fails where even that was not enough.
    pub fn commit_with_reserve(&mut self, elapsed: Duration) -> Result<(), FatalError> {
        self.reserve.release();
        let rows = self.uncommitted_rows;
        self.commit(elapsed).map_err(|error| {
            FatalError::new(
                FatalKind::Disk,
                format!(
                    "{error}; the outcomes of the last {rows} rows could not be saved, \
                     so a resume sends these rows again"
                ),
            )
            .with_hint(error.hint)
        })
    }

    /// The journal, to read from it what the ledger doesn't keep.
    pub fn journal(&mut self) -> &mut dyn Journal {
        self.journal.as_mut()
    }

    fn move_resume_mark(&mut self) {
        let next = match self.state.finished.end_of_range_at(self.first_row) {
            Some(last) => last + 1,
            None => self.first_row,
        };
        if let Some((&row, &mark)) = self.marks.range(..=next).next_back() {
            self.state.checkpoint.resume_at = Some(mark);
            self.marks = self.marks.split_off(&row);
        }
    }

    /// Whether there is anything to commit.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// The state, uncommitted rows included.
    #[must_use]
    pub fn state(&self) -> &JournalState {
        &self.state
    }

    /// Rows by how they ended.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.checkpoint.counts
    }

    /// Requests so far, of all legs.
    #[must_use]
    pub fn requests(&self) -> RequestCounts {
        self.state.checkpoint.requests
    }

    /// The state that is kept beside the finished rows.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.state.checkpoint
    }

    /// The state as it was committed last: what a resume will find.
    #[must_use]
    pub fn committed(&self) -> &Checkpoint {
        &self.committed
    }

    /// Durations of answered requests of this process, in microseconds.
    #[must_use]
    pub fn latencies(&self) -> &Histogram<u64> {
        &self.latencies
    }
}
