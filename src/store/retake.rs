//! Takes rows of a finished run back, so that they can be sent again as another
//! leg of it: the rejected ones, or those whose fate isn't known.
//!
//! A row that is taken back is one that hasn't ended: all that a resume does
//! for such rows holds for it. Its text is read from what its user made of the
//! book, which becomes a file of its own in the run's directory; `_line` says
//! which row it is. The books begin anew without these rows. Two files and the
//! journal can't change in one step, so the new books are made beside the old
//! ones, the journal says that they count, and whoever opens the run next puts
//! them in place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{ExitStatus, FatalError};
use crate::record::{OutcomeKind, RowRanges};

use super::{
    Checkpoint, Commit, Durability, IntendedRow, Intent, Journal, JournalState, ListedRow,
    RetryMark, RunDirectory, SqliteJournal, Standing,
};

/// Which rows are taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOf {
    /// Those in `rejected.csv`.
    Rejected,
    /// Those in `unknown.csv`.
    Unknown,
}

impl RetryOf {
    /// The book in which they stand.
    #[must_use]
    pub fn book(self) -> &'static str {
        match self {
            Self::Rejected => "rejected.csv",
            Self::Unknown => "unknown.csv",
        }
    }

    /// The books that begin anew without them.
    fn books(self) -> &'static [&'static str] {
        match self {
            Self::Rejected => &["rejected.csv", "missing.csv"],
            Self::Unknown => &["unknown.csv"],
        }
    }

    fn takes(self, standing: Standing) -> bool {
        match standing {
            Standing::Ended(OutcomeKind::Rejected | OutcomeKind::Missing) => self == Self::Rejected,
            Standing::Ended(OutcomeKind::Unknown) => self == Self::Unknown,
            Standing::Ended(_) | Standing::TakenBack => false,
        }
    }

    fn counted(self, checkpoint: &Checkpoint) -> u64 {
        match self {
            Self::Rejected => checkpoint.counts.rejected,
            Self::Unknown => checkpoint.counts.unknown,
        }
    }
}

/// Rows of a finished run that could be taken back. Nothing has changed yet.
pub struct Retake<'run> {
    directory: &'run RunDirectory,
    journal: SqliteJournal,
    state: JournalState,
    of: RetryOf,
    /// In the order of their lines.
    rows: Vec<ListedRow>,
    file: String,
    ended_with: ExitStatus,
}

impl<'run> Retake<'run> {
    /// Looks which rows there are, and keeps the book aside as it is now. The
    /// caller holds the run's lock.
    ///
    /// # Errors
    /// Fails where the run isn't finished, where its journal doesn't know the
    /// rows in its books, and where a file can't be written.
    pub fn prepare(
        directory: &'run RunDirectory,
        journal: SqliteJournal,
        of: RetryOf,
    ) -> Result<Self, FatalError> {
        // A power cut must not leave new books beside an old journal.
        let mut journal = journal.with_durability(Durability::PowerLoss)?;
        let state = journal.load()?;
        let run_id = directory.run_id();
        let ended_with = state.checkpoint.finished_with.and_then(ExitStatus::of_code);
        let Some(ended_with) = ended_with else {
            return Err(FatalError::usage(format!("run {run_id} isn't finished"))
                .with_hint("Finish it with `sluice resume`, then try again."));
        };
        let mut rows = journal.listed()?;
        rows.retain(|listed| of.takes(listed.standing));
        if rows.len() as u64 != of.counted(&state.checkpoint) {
            return Err(FatalError::usage(format!(
                "run {run_id} was made by an older version of sluice, \
                 which kept no list of the rows in {}",
                of.book()
            ))
            .with_hint(format!(
                "Load them as a run of their own: sluice run {}",
                directory.path().join(of.book()).display()
            )));
        }
        let file = format!("retry-{}.csv", state.checkpoint.legs + 1);
        let retake = Self {
            directory,
            journal,
            state,
            of,
            rows,
            file,
            ended_with,
        };
        if !retake.rows.is_empty() {
            retake.keep_book()?;
        }
        Ok(retake)
    }

    fn keep_book(&self) -> Result<(), FatalError> {
        let book = self.directory.path().join(self.of.book());
        let kept = self.file();
        // One that an earlier attempt left, which came to nothing.
        let removed = match fs::remove_file(&kept) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
            _ => Ok(()),
        };
        // A second name costs no copy, and the new book gets a file of its own.
        // Some file systems have no such names.
        removed
            .and_then(|()| fs::hard_link(&book, &kept).or_else(|_| copy(&book, &kept)))
            .map_err(|cause| match book.is_file() {
                true => FatalError::writing(&kept.display().to_string(), &cause),
                false => FatalError::usage(format!("there is no {}", book.display()))
                    .with_hint("Put it back; it holds the rows that are to be sent again."),
            })
    }

    /// The file that holds the rows' texts, as their user left them.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.path().join(&self.file)
    }

    /// How the run has ended, if none of its rows is taken back.
    #[must_use]
    pub fn ended_with(&self) -> ExitStatus {
        self.ended_with
    }

    /// How many rows can be taken back.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Whether some of them were sent with jobs that can be asked about.
    ///
    /// # Errors
    /// Fails where the journal can't be read.
    pub fn has_jobs(&self) -> Result<bool, FatalError> {
        Ok(self.of == RetryOf::Unknown && self.journal.has_jobs()?)
    }

    /// The row that starts on this line of the run's input, if it is one of
    /// these.
    #[must_use]
    pub fn row_at(&self, line: u64) -> Option<ListedRow> {
        let place = self
            .rows
            .binary_search_by_key(&line, |listed| listed.position.line);
        place.ok().map(|place| self.rows[place])
    }

    /// Takes these rows back: from here on they have not ended, and the run
    /// isn't finished. `kept_missing` is what stays of `missing.csv`, its first
    /// line included; nothing where no row stays. Where `in_doubt`, the tenant
    /// is asked about a row before it is sent.
    ///
    /// # Errors
    /// Fails where a file or the journal can't be written; nothing has changed
    /// then.
    pub fn take_back(
        mut self,
        rows: &[ListedRow],
        kept_missing: &[u8],
        in_doubt: Option<u64>,
    ) -> Result<(), FatalError> {
        let mut taken = Vec::with_capacity(rows.len());
        for listed in rows {
            self.take_one(listed);
            taken.push(ListedRow {
                standing: Standing::TakenBack,
                ..*listed
            });
        }
        let checkpoint = &mut self.state.checkpoint;
        checkpoint.finished_with = None;
        // The rows stand anywhere in the input.
        checkpoint.resume_at = None;
        // Rejected rows that its user left out of the book are to be left alone.
        if self.of == RetryOf::Rejected {
            checkpoint.may_pass_later = 0;
        }
        checkpoint.retry = Some(RetryMark {
            file: self.file.clone(),
        });
        checkpoint.books_to_replace.clear();
        for &book in self.of.books() {
            let next = if book == "missing.csv" {
                kept_missing
            } else {
                &[]
            };
            self.directory.write_file(&next_name(book), next)?;
            checkpoint
                .book_bytes
                .insert(book.to_owned(), next.len() as u64);
            checkpoint.books_to_replace.push(book.to_owned());
        }
        if let Some(at_ms) = in_doubt {
            let intended: Vec<IntendedRow> = rows
                .iter()
                .map(|listed| IntendedRow {
                    row: listed.row,
                    position: listed.position,
                    intent: Intent::Write,
                })
                .collect();
            // First, since a doubt about a row that has ended counts for nothing.
            self.journal.doubt_again(&intended, at_ms)?;
        }
        self.journal.commit(&Commit {
            changes: &self.state.finished.changes(),
            checkpoint: &self.state.checkpoint,
            settled: &[],
            listed: &taken,
            unlisted_lines: &[],
            target_ids: &[],
        })?;
        Ok(())
    }

    fn take_one(&mut self, listed: &ListedRow) {
        let JournalState {
            finished,
            checkpoint,
            ..
        } = &mut self.state;
        if !RowRanges::remove(finished, listed.row.0) {
            return;
        }
        match listed.standing {
            Standing::Ended(OutcomeKind::Missing) => {
                checkpoint.missing -= 1;
                checkpoint.counts.rejected -= 1;
            }
            Standing::Ended(OutcomeKind::Rejected) => checkpoint.counts.rejected -= 1,
            Standing::Ended(OutcomeKind::Unknown) => checkpoint.counts.unknown -= 1,
            Standing::Ended(_) | Standing::TakenBack => {}
        }
    }
}

/// The rows of a retry that is under way, in the order of their lines.
///
/// # Errors
/// Fails where the journal can't be read.
pub fn rows_taken_back(journal: &mut dyn Journal) -> Result<Vec<ListedRow>, FatalError> {
    let mut rows = journal.listed()?;
    rows.retain(|listed| listed.standing == Standing::TakenBack);
    Ok(rows)
}

/// Puts the books in place that a retake has made. Done again after a crash, it
/// finds nothing left to do.
pub(super) fn put_books_in_place(folder: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    for book in &checkpoint.books_to_replace {
        match fs::rename(folder.join(next_name(book)), folder.join(book)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
    }
    Ok(())
}

fn next_name(book: &str) -> String {
    format!(".{book}.next")
}

/// The copy is durable when this returns; it keeps the original's mode.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}
