//! One run's bookkeeping: outcomes go in, and every commit makes them durable
//! together with the counts, the books' lengths and the place to go on from.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::{FatalError, FatalKind};
use crate::record::{
    CallRecord, Counts, CreditShare, InputDigest, OutcomeBatch, OutcomeKind, RequestCounts,
};

use super::reserve::SpaceReserve;
use super::{BookFormat, Books, Checkpoint, Commit, Journal, JournalState, ResumeMark};

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
    reserve: SpaceReserve,
    state: JournalState,
    /// The state as it was committed last.
    committed: Checkpoint,
    /// The first row that the run wants; rows before it never end.
    first_row: u64,
    marks: BTreeMap<u64, ResumeMark>,
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
        mut journal: Box<dyn Journal>,
        format: Box<dyn BookFormat>,
        first_row: u64,
    ) -> Result<Self, FatalError> {
        let mut state = journal.load()?;
        let committed = state.checkpoint.clone();
        state.checkpoint.legs += 1;
        let books = Books::open(folder, &state.checkpoint.book_bytes, format)?;
        Ok(Self {
            journal,
            books,
            reserve: SpaceReserve::take(folder),
            state,
            committed,
            first_row,
            marks: BTreeMap::new(),
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
            // A row can end only once; a second report of it is not booked.
            if !self.state.finished.insert(outcome.row.0) {
                continue;
            }
            self.uncommitted_rows += 1;
            self.state.checkpoint.counts.add(outcome.kind);
            if outcome.kind == OutcomeKind::Missing {
                self.state.checkpoint.missing += 1;
            }
            if outcome.row.0 % MARK_EVERY_ROWS == 1 {
                let mark = ResumeMark::new(outcome.row, outcome.position);
                self.marks.insert(outcome.row.0, mark);
            }
            result = result.and(self.books.list(&outcome));
            self.held.extend(outcome.credit);
        }
        result
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

    /// Notes how far the input has been hashed.
    pub fn note_input(&mut self, digest: InputDigest) {
        self.state.checkpoint.input = Some(digest);
        self.is_dirty = true;
    }

    /// Notes that nothing is left to do, and how the run ended.
    pub fn note_finished(&mut self, exit_code: u8) {
        self.state.checkpoint.finished_with = Some(exit_code);
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
        })?;
        self.state.finished.mark_stored();
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
