//! A disk that is full at each write of a short run, one after the other, for
//! once or for good; and a process that dies right after a write. Whatever was
//! met, the next process finds books and journal in agreement, and ends the run
//! with every row booked once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::support::{Numbers, batch, intended, open_ledger, rows_in};
use crate::error::{FatalError, FatalKind};
use crate::record::{OutcomeKind, RowId};
use crate::store::book::{BookFile, open_file};
use crate::store::{
    Commit, IntendedRow, Journal, JournalError, JournalState, Ledger, ListedRow, SqliteJournal,
};

const ROWS: u64 = 28;
const ROWS_A_TURN: u64 = 7;

/// What goes wrong with a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It fails, and a part of it is in the file; the next one succeeds.
    Once,
    /// It fails, as do all that follow.
    ForGood,
    /// It is done, and the process dies before it hears of it.
    DiesAfter,
}

/// A disk that counts its writes, and fails at one of them.
#[derive(Clone)]
struct Disk {
    writes: Arc<AtomicUsize>,
    fails_at: usize,
    fault: Fault,
}

impl Disk {
    fn new(fails_at: usize, fault: Fault) -> Self {
        Self {
            writes: Arc::new(AtomicUsize::new(0)),
            fails_at,
            fault,
        }
    }

    /// Whether this write is done, and whether its caller hears so.
    fn next_write(&self) -> (bool, bool) {
        let write = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fault {
            Fault::Once => (write != self.fails_at, write != self.fails_at),
            Fault::ForGood => (write < self.fails_at, write < self.fails_at),
            Fault::DiesAfter => (write <= self.fails_at, write < self.fails_at),
        }
    }
}

struct FaultyFile {
    file: Box<dyn BookFile>,
    disk: Disk,
}

impl BookFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
    fn end_of_last_line(&self) -> io::Result<u64> {
        self.file.end_of_last_line()
    }
    fn cut_to(&mut self, bytes: u64) -> io::Result<()> {
        self.file.cut_to(bytes)
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (is_done, is_told) = self.disk.next_write();
        let part = if is_done {
            bytes.len()
        } else {
            bytes.len() / 2
        };
        self.file.append(&bytes[..part])?;
        match is_told {
            true => Ok(()),
            false => Err(io::ErrorKind::StorageFull.into()),
        }
    }
    fn sync(&mut self) -> io::Result<()> {
        match self.disk.next_write() {
            (_, true) => self.file.sync(),
            (_, false) => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

struct FaultyJournal {
    journal: SqliteJournal,
    disk: Disk,
}

impl FaultyJournal {
    fn write(
        &mut self,
        write: impl FnOnce(&mut SqliteJournal) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let (is_done, is_told) = self.disk.next_write();
        if is_done {
            write(&mut self.journal)?;
        }
        match is_told {
            true => Ok(()),
            false => Err(JournalError::DiskFull {
                file: "journal.db".into(),
            }),
        }
    }
}

impl Journal for FaultyJournal {
    fn load(&mut self) -> Result<JournalState, JournalError> {
        self.journal.load()
    }
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), JournalError> {
        self.write(|journal| journal.commit(commit))
    }
    fn intend(&mut self, rows: &[IntendedRow], at_ms: u64) -> Result<(), JournalError> {
        self.write(|journal| journal.intend(rows, at_ms))
    }
    fn note_job(&mut self, rows: &[RowId], id: &str) -> Result<(), JournalError> {
        self.write(|journal| journal.note_job(rows, id))
    }
    fn listed(&mut self) -> Result<Vec<ListedRow>, JournalError> {
        self.journal.listed()
    }
    fn visit_target_ids(
        &mut self,
        visit: &mut dyn FnMut(&str, &str) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        self.journal.visit_target_ids(visit)
    }
    fn target_id(&mut self, row: RowId) -> Result<Option<String>, JournalError> {
        self.journal.target_id(row)
    }
    fn has_target_ids(&mut self) -> Result<bool, JournalError> {
        self.journal.has_target_ids()
    }
}

fn kind_of(row: u64) -> OutcomeKind {
    match row % 5 {
        0 => OutcomeKind::Rejected,
        1 => OutcomeKind::Missing,
        2 => OutcomeKind::Unknown,
        3 => OutcomeKind::Created,
        _ => OutcomeKind::Updated,
    }
}

fn rows_of(kinds: &[OutcomeKind], rows: impl Iterator<Item = u64>) -> BTreeSet<u64> {
    rows.filter(|&row| kinds.contains(&kind_of(row))).collect()
}

/// Sends and books what has not ended yet, in turns, until something fails.
/// `sent` counts how often each row was sent.
fn work(ledger: &mut Ledger, sent: &mut BTreeMap<u64, u32>) -> Result<(), FatalError> {
    let left: Vec<u64> = (1..=ROWS)
        .filter(|&row| !ledger.state().finished.contains(row))
        .collect();
    for turn in left.chunks(ROWS_A_TURN as usize) {
        // Of a row in doubt the tenant is asked; it knows those that were sent.
        let was_applied =
            |row: &u64| ledger.suspects().contains_key(&RowId(*row)) && sent.contains_key(row);
        let to_send: Vec<u64> = turn
            .iter()
            .copied()
            .filter(|row| !was_applied(row))
            .collect();
        ledger.intend(&intended(to_send.iter().copied()))?;
        for row in to_send {
            *sent.entry(row).or_default() += 1;
        }
        ledger.record(batch(turn.iter().map(|&row| (row, kind_of(row)))))?;
        ledger.commit(Duration::from_millis(5))?;
    }
    Ok(())
}

/// A run on this disk, from its start to its end or to its failure.
fn first_leg(folder: &Path, disk: &Disk, sent: &mut BTreeMap<u64, u32>) -> Result<(), FatalError> {
    let path = folder.join("journal.db");
    let journal = FaultyJournal {
        journal: SqliteJournal::create(&path).expect("made"),
        disk: disk.clone(),
    };
    let open = |path: &Path| -> io::Result<Box<dyn BookFile>> {
        Ok(Box::new(FaultyFile {
            file: open_file(path)?,
            disk: disk.clone(),
        }))
    };
    let mut ledger = Ledger::open_with(folder, Box::new(journal), Box::new(Numbers), 1, open)?;
    let result = work(&mut ledger, sent);
    if result.is_err() && disk.fault != Fault::DiesAfter {
        // A process that lives closes its books as well as it can.
        let _ = ledger.commit_with_reserve(Duration::from_millis(9));
    }
    result
}

/// What the next process finds.
fn assert_agreement(ledger: &Ledger, folder: &Path, context: &str) {
    let ended = || (1..=ROWS).filter(|&row| ledger.state().finished.contains(row));
    let counts = ledger.counts();
    assert_eq!(counts.ended(), ended().count() as u64, "{context}");
    for (book, kinds, count) in [
        (
            "rejected.csv",
            &[OutcomeKind::Rejected, OutcomeKind::Missing][..],
            counts.rejected,
        ),
        (
            "missing.csv",
            &[OutcomeKind::Missing],
            ledger.checkpoint().missing,
        ),
        ("unknown.csv", &[OutcomeKind::Unknown], counts.unknown),
    ] {
        let listed = rows_in(folder, book);
        assert_eq!(listed, rows_of(kinds, ended()), "{book}, {context}");
        assert_eq!(listed.len() as u64, count, "{book}, {context}");
    }
}

fn try_fault(fault: Fault, fails_at: usize) -> bool {
    let context = format!("{fault:?} at write {fails_at}");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut sent = BTreeMap::new();
    let disk = Disk::new(fails_at, fault);
    let first = first_leg(folder, &disk, &mut sent);
    if let Err(error) = &first {
        assert_eq!(error.kind, FatalKind::Disk, "{context}: {error}");
        assert!(error.message.contains("the disk is full"), "{error}");
        assert!(!error.hint.is_empty(), "{context}");
    }
    let mut ledger = open_ledger(folder);
    assert_agreement(&ledger, folder, &context);
    for &row in sent.keys() {
        let is_known =
            ledger.state().finished.contains(row) || ledger.suspects().contains_key(&RowId(row));
        assert!(is_known, "row {row} was sent and is forgotten, {context}");
    }
    work(&mut ledger, &mut sent).expect("there is space again");
    assert_agreement(&ledger, folder, &context);
    assert_eq!(ledger.counts().ended(), ROWS, "{context}");
    assert!(ledger.suspects().is_empty(), "{context}");
    assert_eq!(sent, (1..=ROWS).map(|row| (row, 1)).collect(), "{context}");
    first.is_err()
}

/// Every write of the run fails once, until there is none left that could.
fn try_every_write(fault: Fault) {
    let mut tried = 0;
    while try_fault(fault, tried + 1) {
        tried += 1;
    }
    // Three headers, and six writes a turn at least.
    assert!(tried > 27, "only {tried} writes were made");
}

#[test]
fn a_write_that_fails_once_costs_no_row_and_books_none_twice() {
    try_every_write(Fault::Once);
}

#[test]
fn a_disk_that_stays_full_costs_no_row_and_books_none_twice() {
    try_every_write(Fault::ForGood);
}

#[test]
fn a_process_that_dies_after_a_write_costs_no_row_and_books_none_twice() {
    try_every_write(Fault::DiesAfter);
}
