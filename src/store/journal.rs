//! The journal's contract, apart from the database behind it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::record::{
    Counts, InputDigest, OutcomeKind, Position, RangeChange, RequestCounts, RowId, RowRanges,
    TargetId,
};

use super::JournalError;

/// A place in the input from which reading can go on: every row before it has
/// ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeMark {
    /// The row that starts here.
    pub row: u64,
    /// Bytes before it.
    pub byte: u64,
    /// The line it starts on.
    pub line: u64,
}

impl ResumeMark {
    /// The mark at the start of a row.
    #[must_use]
    pub fn new(row: RowId, position: Position) -> Self {
        Self {
            row: row.0,
            byte: position.byte,
            line: position.line,
        }
    }

    /// Where the mark's row starts.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            byte: self.byte,
            line: self.line,
        }
    }
}

/// Everything a commit stores beside the finished rows.
///
/// Kept as one JSON document: fields may be added, and a journal that lacks
/// them reads as their default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkpoint {
    /// Rows by how they ended.
    pub counts: Counts,
    /// Records that were missing, a part of `counts.rejected`.
    pub missing: u64,
    /// Of the rejected rows, those that may get through at another time.
    pub may_pass_later: u64,
    /// Requests so far.
    pub requests: RequestCounts,
    /// Tokens minted so far, for the target.
    pub tokens_minted: u64,
    /// Committed length of each book, by file name, in bytes.
    pub book_bytes: BTreeMap<String, u64>,
    /// The input as far as it has been hashed.
    pub input: Option<InputDigest>,
    /// Where reading can go on.
    pub resume_at: Option<ResumeMark>,
    /// Time that all legs have taken together, in milliseconds.
    pub elapsed_ms: u64,
    /// Legs of this run: 1 for the first.
    pub legs: u32,
    /// The exit code of the run, once it has finished (nothing left to do).
    pub finished_with: Option<u8>,
    /// The rows that a retry has taken back, until all of them have ended.
    pub retry: Option<RetryMark>,
    /// Books whose next contents stand beside them and take their place when
    /// the run is opened: a commit and a file can't change in one step.
    pub books_to_replace: Vec<String>,
}

/// A retry that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryMark {
    /// The file in the run's directory that holds its rows, in the form of the
    /// book that they were taken from.
    pub file: String,
}

/// A row whose bytes are about to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntendedRow {
    /// The row.
    pub row: RowId,
    /// Where it starts in its source, so that a resume finds it.
    pub position: Position,
    /// What is about to be done.
    pub intent: Intent,
}

/// What is about to be done for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Its record is sent, and a second time would do harm: it must not be
    /// forgotten, whatever befalls the machine.
    Write,
    /// Its record was found, and is changed into what the row asks for. A second
    /// time does no harm; forgotten, and what was changed would be counted as
    /// found so.
    Change,
}

/// The job that a row was sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOfRow {
    /// The tenant's id of the job.
    pub id: Arc<str>,
    /// The row's place among the job's rows, from 0.
    pub place: u32,
}

/// A row whose bytes may have left, and that has no outcome: what the tenant
/// did with it isn't known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Where the row starts in its source.
    pub position: Position,
    /// When it was about to be sent, in milliseconds since 1970.
    pub sent_at_ms: u64,
    /// What was about to be done.
    pub intent: Intent,
    /// The job that can be asked about it; `None` where the tenant named none,
    /// or hadn't named it yet.
    pub job: Option<JobOfRow>,
}

/// A row that stands in a book, with its line there: what a retry needs to know
/// it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedRow {
    /// The row.
    pub row: RowId,
    /// Where it starts in its source. The line is what the books call `_line`.
    pub position: Position,
    /// Why it is listed.
    pub standing: Standing,
}

/// Why a row is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It ended so, and stands in the books.
    Ended(OutcomeKind),
    /// A retry has taken it back, and it hasn't ended since.
    TakenBack,
}

/// One transaction: rows that ended, and the state after them.
#[derive(Debug)]
pub struct Commit<'run> {
    /// Ranges of finished rows that changed since the last commit.
    pub changes: &'run [RangeChange],
    /// The state after these rows.
    pub checkpoint: &'run Checkpoint,
    /// Rows that are in doubt no more: they ended, or it is known that they
    /// were not applied.
    pub settled: &'run [RowId],
    /// Rows that are listed in a book now, or listed anew.
    pub listed: &'run [ListedRow],
    /// Lines, in the source, of rows that were listed before and ended well.
    pub unlisted_lines: &'run [u64],
    /// The tenant's ids of records whose rows ended.
    pub target_ids: &'run [TargetId],
}

/// What a journal holds when it is opened.
#[derive(Clone, Debug, Default)]
pub struct JournalState {
    /// Rows that have ended.
    pub finished: RowRanges,
    /// The state after them.
    pub checkpoint: Checkpoint,
    /// Rows that were about to be sent and have no outcome. None of them is
    /// among the finished ones.
    pub suspects: BTreeMap<RowId, Suspect>,
}

/// The durable memory of one run. A commit is atomic: after a crash the
/// journal holds all of it or nothing.
pub trait Journal: Send {
    /// Reads what is stored.
    ///
    /// # Errors
    /// Fails where the journal can't be read.
    fn load(&mut self) -> Result<JournalState, JournalError>;

    /// Stores rows that ended and the state after them, in one transaction.
    ///
    /// # Errors
    /// Fails where the journal can't be written; nothing of the commit is
    /// stored then.
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), JournalError>;

    /// Notes that these rows are about to be sent, at this time in milliseconds
    /// since 1970. Durable when it returns; only then may their bytes leave. A
    /// note of changes alone is as durable as any commit.
    ///
    /// # Errors
    /// Fails where the journal can't be written: the rows must not be sent. A
    /// crash after that may find them noted all the same, which costs a
    /// look-up and loses nothing.
    fn intend(&mut self, rows: &[IntendedRow], at_ms: u64) -> Result<(), JournalError>;

    /// Notes the job that rows were sent with, in the order of their places in
    /// it. Their intents have to be there. Durable when it returns.
    ///
    /// # Errors
    /// Fails where the journal can't be written.
    fn note_job(&mut self, rows: &[RowId], id: &str) -> Result<(), JournalError>;

    /// The rows that stand in books, and those that a retry has taken back, in
    /// the order of their lines. Thirty bytes or so each.
    ///
    /// # Errors
    /// Fails where the journal can't be read.
    fn listed(&mut self) -> Result<Vec<ListedRow>, JournalError>;

    /// Shows every record's key and the tenant's id of it, in the order of the
    /// source, each pair once, until `visit` breaks off. Needs no memory for
    /// them.
    ///
    /// # Errors
    /// Fails where the journal can't be read.
    fn visit_target_ids(
        &mut self,
        visit: &mut dyn FnMut(&str, &str) -> ControlFlow<()>,
    ) -> Result<(), JournalError>;

    /// The tenant's id of the record that a row made or changed; `None` where
    /// no reply told it.
    ///
    /// # Errors
    /// Fails where the journal can't be read.
    fn target_id(&mut self, row: RowId) -> Result<Option<String>, JournalError>;

    /// Whether there is any id to show.
    ///
    /// # Errors
    /// Fails where the journal can't be read.
    fn has_target_ids(&mut self) -> Result<bool, JournalError>;
}
