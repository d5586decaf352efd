//! The journal's contract, apart from the database behind it.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use crate::error::{FatalError, FatalKind};
use crate::record::{Counts, InputDigest, Position, RangeChange, RequestCounts, RowId, RowRanges};

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
    /// Requests so far.
    pub requests: RequestCounts,
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
}

/// One transaction: rows that ended, and the state after them.
#[derive(Debug)]
pub struct Commit<'run> {
    /// Ranges of finished rows that changed since the last commit.
    pub changes: &'run [RangeChange],
    /// The state after these rows.
    pub checkpoint: &'run Checkpoint,
}

/// What a journal holds when it is opened.
#[derive(Clone, Debug, Default)]
pub struct JournalState {
    /// Rows that have ended.
    pub finished: RowRanges,
    /// The state after them.
    pub checkpoint: Checkpoint,
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
}

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No more can be written.
    #[error("the disk is full: can't write {file}")]
    DiskFull {
        /// The file.
        file: String,
    },
    /// A newer version of the loader wrote it.
    #[error(
        "{file} was written by a newer version of sluice (journal version {found}, this one reads up to {known})"
    )]
    Newer {
        /// The file.
        file: String,
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// It isn't a journal, or it is damaged.
    #[error("{file} is damaged or isn't a journal: {cause}")]
    Damaged {
        /// The file.
        file: String,
        /// What the database said.
        cause: String,
    },
    /// The database failed in another way.
    #[error("can't use {file}: {cause}")]
    Database {
        /// The file.
        file: String,
        /// What the database said.
        cause: String,
    },
    /// A file beside the journal failed.
    #[error("can't write {file}: {cause}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        cause: io::Error,
    },
}

impl From<JournalError> for FatalError {
    fn from(error: JournalError) -> Self {
        match &error {
            JournalError::DiskFull { .. } => Self::new(FatalKind::Disk, error.to_string())
                .with_hint("Free some space, then resume the run."),
            JournalError::Io { file, cause } => Self::writing(file, cause),
            JournalError::Newer { .. } => Self::usage(error.to_string()).with_hint(
                "Resume the run with the version of sluice that started it, or a newer one.",
            ),
            JournalError::Damaged { .. } | JournalError::Database { .. } => {
                Self::new(FatalKind::Disk, error.to_string())
            }
        }
    }
}
