//! A journal that was torn, cut, overwritten or lost: it says so, or it is what
//! it was at an earlier commit. Never a mixture.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::support::{commit_rows, intended};
use crate::error::{ExitStatus, FatalError};
use crate::record::{RowId, RowRanges};
use crate::store::{Journal, JournalError, JournalState, SqliteJournal};

const COMMITS: u64 = 12;

/// A journal's file and its log, as they are on the disk while a run goes on.
struct Remains {
    file: Vec<u8>,
    log: Vec<u8>,
    /// The rows that had ended, and those in doubt, after each write.
    history: Vec<(u64, Vec<u64>)>,
}

/// Of a run that intends each row and then books it.
static REMAINS: LazyLock<Remains> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut journal = SqliteJournal::create(&path).expect("created");
    let mut rows = RowRanges::default();
    let mut history = vec![(0, vec![])];
    for row in 1..=COMMITS {
        journal.intend(&intended([row]), row).expect("noted");
        history.push((row - 1, vec![row]));
        commit_rows(&mut journal, &mut rows, &[row]).expect("committed");
        history.push((row, vec![]));
    }
    let read = |name| fs::read(folder.path().join(name)).expect("read");
    Remains {
        file: read("journal.db"),
        log: read("journal.db-wal"),
        history,
    }
});

/// What a killed run left, in a folder where no process has it open.
struct Killed {
    folder: tempfile::TempDir,
}

impl Killed {
    fn new() -> Self {
        let killed = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        fs::write(killed.path(), &REMAINS.file).expect("written");
        fs::write(killed.log(), &REMAINS.log).expect("written");
        killed
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("journal.db-wal")
    }

    fn open(&self) -> Result<JournalState, JournalError> {
        SqliteJournal::open(&self.path()).and_then(|mut journal| journal.load())
    }

    /// What is found was committed once, all of it and nothing else.
    fn assert_was_so_once(&self, found: &JournalState) {
        let ended = found.finished.rows();
        let suspects: Vec<u64> = found.suspects.keys().map(|row| row.0).collect();
        let ranges: Vec<_> = found.finished.iter().collect();
        let whole: Vec<_> = (ended > 0).then_some((1, ended)).into_iter().collect();
        assert_eq!(ranges, whole);
        assert_eq!(found.checkpoint.counts.updated, ended);
        assert!(
            REMAINS.history.contains(&(ended, suspects.clone())),
            "{ended} rows had never ended while {suspects:?} were in doubt"
        );
    }
}

/// What a user is told: exit 4, and what can be done.
#[track_caller]
fn assert_told(error: JournalError, path: &Path) {
    let error = FatalError::from(error);
    assert_eq!(error.exit_status(), ExitStatus::Fatal);
    let name = path.display().to_string();
    assert!(error.message.contains(&name), "{error}");
    assert!(!error.hint.is_empty(), "{error}");
}

#[test]
fn a_killed_run_leaves_all_it_committed() {
    let killed = Killed::new();
    let found = killed.open().expect("whole");
    assert_eq!(found.finished.rows(), COMMITS);
    assert!(found.suspects.is_empty());
}

#[test]
fn a_missing_journal_is_told_as_missing() {
    let killed = Killed::new();
    fs::remove_file(killed.path()).expect("removed");
    let error = killed.open().expect_err("nothing is there");
    assert!(matches!(error, JournalError::Missing { .. }), "{error}");
    assert_told(error, &killed.path());
    assert!(!killed.path().exists(), "and none is made in its place");
}

#[test]
fn an_empty_journal_is_told_as_damaged() {
    let killed = Killed::new();
    for name in [killed.path(), killed.log()] {
        fs::write(name, "").expect("emptied");
    }
    let error = killed.open().expect_err("there is nothing in it");
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert_told(error, &killed.path());
}

#[test]
fn counts_and_rows_that_disagree_are_told_as_damaged() {
    let killed = Killed::new();
    drop(SqliteJournal::open(&killed.path()).expect("whole"));
    let connection = rusqlite::Connection::open(killed.path()).expect("opened");
    for (change, words) in [
        ("UPDATE finished SET last = last + 1", "holds 13"),
        ("INSERT INTO finished VALUES (3, 5)", "can't be"),
        ("UPDATE checkpoint SET state = '{'", "EOF"),
        ("DROP TABLE intents", "no such table"),
    ] {
        let copy = killed.folder.path().join("copy.db");
        let _ = fs::remove_file(&copy);
        connection
            .execute("VACUUM INTO ?1", [copy.display().to_string()])
            .expect("copied");
        rusqlite::Connection::open(&copy)
            .and_then(|copy| copy.execute_batch(change))
            .expect("changed");
        let error = SqliteJournal::open(&copy)
            .and_then(|mut journal| journal.load())
            .expect_err(change);
        assert!(error.to_string().contains(words), "{error}");
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        assert_told(error, &copy);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The log carries checksums, so a broken one is an older one.
    #[test]
    fn a_log_that_is_cut_or_flipped_is_an_earlier_state(
        place in 0.0_f64..1.0, bit in 0_u32..8, is_cut: bool,
    ) {
        let killed = Killed::new();
        let mut log = fs::read(killed.log()).expect("read");
        let place = (log.len() as f64 * place) as usize;
        if is_cut {
            log.truncate(place);
        } else {
            log[place] ^= 1 << bit;
        }
        fs::write(killed.log(), log).expect("written");
        match killed.open() {
            Ok(found) => killed.assert_was_so_once(&found),
            Err(error) => assert_told(error, &killed.path()),
        }
    }

    /// The file itself has none; what can be seen of a damage is its form.
    #[test]
    fn a_journal_that_is_cut_short_is_refused_unless_nothing_of_it_is_gone(place in 0.0_f64..1.0) {
        let killed = Killed::new();
        // Everything is in the file, and no log beside it.
        drop(SqliteJournal::open(&killed.path()).expect("whole"));
        prop_assert!(!killed.log().exists());
        let mut file = fs::read(killed.path()).expect("read");
        file.truncate((file.len() as f64 * place) as usize);
        fs::write(killed.path(), file).expect("written");
        match killed.open() {
            // The end of the last page may be empty, and not be missed.
            Ok(found) => prop_assert_eq!(found.finished.rows(), COMMITS),
            Err(error) => assert_told(error, &killed.path()),
        }
    }
}

#[test]
fn a_second_writer_is_told_that_the_journal_is_held() {
    let killed = Killed::new();
    let path = killed.path();
    let mut journal = SqliteJournal::open(&path).expect("whole");
    journal.wait_no_longer_than(std::time::Duration::ZERO);
    let other = rusqlite::Connection::open(&path).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("held");
    let error = journal.intend(&intended([40]), 1).expect_err("held");
    assert!(matches!(error, JournalError::Held { .. }), "{error}");
    other.execute_batch("ROLLBACK").expect("let go");
    journal.intend(&intended([40]), 1).expect("free again");
    let state = journal.load().expect("loaded");
    assert!(state.suspects.contains_key(&RowId(40)));
}
