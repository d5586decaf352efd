use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;

use crate::record::{Outcome, OutcomeBatch, OutcomeKind, Position, RowId, RowRanges};
use crate::store::{
    BookFormat, Checkpoint, Commit, IntendedRow, Intent, Journal, JournalError, Ledger,
    SqliteJournal,
};

/// A format of one row a line: its number.
pub(super) struct Numbers;

impl BookFormat for Numbers {
    fn header(&self) -> Vec<u8> {
        b"row\n".to_vec()
    }
    fn append(&self, out: &mut Vec<u8>, outcome: &Outcome) {
        out.extend_from_slice(&outcome.raw);
        out.push(b'\n');
    }
}

/// Where a row stands in the input of these tests.
pub(super) fn position(row: u64) -> Position {
    Position {
        byte: row * 10,
        line: row + 1,
    }
}

pub(super) fn outcome(row: u64, kind: OutcomeKind) -> Outcome {
    Outcome {
        row: RowId(row),
        position: position(row),
        kind,
        refusal: None,
        raw: Bytes::from(row.to_string()),
        credit: None,
    }
}

pub(super) fn batch(outcomes: impl IntoIterator<Item = (u64, OutcomeKind)>) -> OutcomeBatch {
    OutcomeBatch {
        outcomes: outcomes
            .into_iter()
            .map(|(row, kind)| outcome(row, kind))
            .collect(),
        ..OutcomeBatch::default()
    }
}

pub(super) fn intended(rows: impl IntoIterator<Item = u64>) -> Vec<IntendedRow> {
    rows.into_iter()
        .map(|row| IntendedRow {
            row: RowId(row),
            position: position(row),
            intent: Intent::Write,
        })
        .collect()
}

/// Commits that these rows have ended well, and nothing else.
pub(super) fn commit_rows(
    journal: &mut dyn Journal,
    rows: &mut RowRanges,
    new: &[u64],
) -> Result<(), JournalError> {
    for &row in new {
        rows.insert(row);
    }
    let mut checkpoint = Checkpoint::default();
    checkpoint.counts.updated = rows.rows();
    journal.commit(&Commit {
        changes: &rows.changes(),
        checkpoint: &checkpoint,
        settled: &new.iter().copied().map(RowId).collect::<Vec<_>>(),
        listed: &[],
        unlisted_lines: &[],
        target_ids: &[],
    })?;
    rows.mark_stored();
    Ok(())
}

/// The run in this folder, opened to go on with it.
pub(super) fn open_ledger(folder: &Path) -> Ledger {
    let path = folder.join("journal.db");
    let journal = match path.exists() {
        true => SqliteJournal::open(&path),
        false => SqliteJournal::create(&path),
    };
    let journal = Box::new(journal.expect("a journal"));
    Ledger::open(folder, journal, Box::new(Numbers), 1).expect("opened")
}

/// The rows that stand in a book. A row that stands there twice is a failure.
pub(super) fn rows_in(folder: &Path, book: &str) -> BTreeSet<u64> {
    let text = std::fs::read_to_string(folder.join(book)).expect("readable");
    let mut rows = BTreeSet::new();
    for line in text.strip_prefix("row\n").expect("a header").lines() {
        let row = line.parse().expect("a whole line");
        assert!(rows.insert(row), "row {row} stands twice in {book}");
    }
    rows
}
