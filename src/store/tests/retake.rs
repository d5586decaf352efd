//! Rows that are taken back and sent again: every row is booked once at any
//! moment, and a crash leaves the run before the retake or after it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::support::{batch, open_ledger, position, rows_in};
use crate::error::ExitStatus;
use crate::record::{OutcomeKind, RowId};
use crate::store::{
    Ledger, ListedRow, Retake, RetryOf, RunDirectory, SqliteJournal, rows_taken_back,
};

const NO_TIME: Duration = Duration::ZERO;

/// Rows 1 to 9: two rejected, two missing, two unknown, the others done.
const KINDS: [OutcomeKind; 9] = [
    OutcomeKind::Updated,
    OutcomeKind::Rejected,
    OutcomeKind::Missing,
    OutcomeKind::Unknown,
    OutcomeKind::Created,
    OutcomeKind::Rejected,
    OutcomeKind::Missing,
    OutcomeKind::Unknown,
    OutcomeKind::Updated,
];

struct Run {
    _folder: tempfile::TempDir,
    directory: RunDirectory,
}

impl Run {
    fn finished() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("manifest.json"), "{}").expect("written");
        let directory =
            RunDirectory::find(Path::new("runs"), folder.path().to_str()).expect("found");
        let run = Self {
            _folder: folder,
            directory,
        };
        let mut ledger = run.ledger();
        ledger.record(batch((1..).zip(KINDS))).expect("recorded");
        ledger.note_finished(7);
        ledger.commit(NO_TIME).expect("committed");
        run
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn ledger(&self) -> Ledger {
        open_ledger(self.path())
    }

    fn prepare(&self, of: RetryOf) -> Retake<'_> {
        let journal = SqliteJournal::open(&self.directory.journal_path()).expect("opened");
        Retake::prepare(&self.directory, journal, of).expect("there are rows")
    }

    fn taken_back(&self) -> Vec<u64> {
        let mut journal =
            SqliteJournal::open_to_read(&self.directory.journal_path()).expect("opened");
        let rows = rows_taken_back(&mut journal).expect("read");
        rows.iter().map(|listed| listed.row.0).collect()
    }

    /// Books agree with the journal, and these rows haven't ended.
    #[track_caller]
    fn assert_left(&self, ledger: &Ledger, left: &[u64]) {
        let counts = ledger.counts();
        assert_eq!(counts.ended(), 9 - left.len() as u64);
        for row in 1..=9 {
            assert_eq!(ledger.state().finished.contains(row), !left.contains(&row));
        }
        assert_eq!(
            rows_in(self.path(), "rejected.csv").len() as u64,
            counts.rejected
        );
        assert_eq!(
            rows_in(self.path(), "unknown.csv").len() as u64,
            counts.unknown
        );
        let missing = rows_in(self.path(), "missing.csv").len() as u64;
        assert_eq!(missing, ledger.checkpoint().missing);
    }
}

fn rows_at(retake: &Retake<'_>, rows: &[u64]) -> Vec<ListedRow> {
    rows.iter()
        .map(|&row| retake.row_at(position(row).line).expect("listed"))
        .collect()
}

#[test]
fn rows_that_are_done_now_leave_the_book_and_the_others_stay_in_it() {
    let run = Run::finished();
    let retake = run.prepare(RetryOf::Rejected);
    assert_eq!(retake.rows(), 4);
    assert_eq!(retake.row_at(position(1).line), None, "row 1 is done");
    assert_eq!(retake.row_at(position(4).line), None, "row 4 is unknown");
    let (text, rows) = (retake.file(), rows_at(&retake, &[2, 3, 6, 7]));
    assert_eq!(fs::read(&text).expect("read"), b"row\n2\n3\n6\n7\n");
    retake.take_back(&rows, b"", None).expect("taken back");

    let mut ledger = run.ledger();
    run.assert_left(&ledger, &[2, 3, 6, 7]);
    assert!(ledger.suspects().is_empty());
    assert_eq!(ledger.checkpoint().finished_with, None);
    let mark = ledger.checkpoint().retry.clone().expect("under way");
    assert_eq!(run.path().join(mark.file), text);
    ledger
        .record(batch([
            (2, OutcomeKind::Updated),
            (3, OutcomeKind::Rejected),
        ]))
        .expect("recorded");
    ledger.commit(NO_TIME).expect("committed");
    drop(ledger);

    // Another process takes it up where the first one was killed.
    assert_eq!(run.taken_back(), [6, 7]);
    let mut ledger = run.ledger();
    run.assert_left(&ledger, &[6, 7]);
    ledger
        .record(batch([
            (6, OutcomeKind::Updated),
            (7, OutcomeKind::Missing),
        ]))
        .expect("recorded");
    ledger.note_finished(7);
    ledger.commit(NO_TIME).expect("committed");
    drop(ledger);
    assert_eq!(rows_in(run.path(), "rejected.csv"), BTreeSet::from([3, 7]));
    assert_eq!(rows_in(run.path(), "missing.csv"), BTreeSet::from([7]));
    assert_eq!(run.taken_back(), [] as [u64; 0]);
    let ledger = run.ledger();
    run.assert_left(&ledger, &[]);
    assert_eq!(ledger.checkpoint().retry, None);
    drop(ledger);
    // And what is left can be tried again.
    let retake = run.prepare(RetryOf::Rejected);
    assert_eq!(retake.rows(), 2);
    assert_eq!(fs::read(retake.file()).expect("read"), b"row\n3\n7\n");
}

#[test]
fn unknown_rows_come_back_in_doubt_and_the_rejected_stay() {
    let run = Run::finished();
    let retake = run.prepare(RetryOf::Unknown);
    let rows = rows_at(&retake, &[4, 8]);
    retake.take_back(&rows, b"", Some(5)).expect("taken back");
    let ledger = run.ledger();
    run.assert_left(&ledger, &[4, 8]);
    let suspects: Vec<RowId> = ledger.suspects().keys().copied().collect();
    assert_eq!(suspects, [RowId(4), RowId(8)]);
    assert_eq!(
        rows_in(run.path(), "rejected.csv"),
        BTreeSet::from([2, 3, 6, 7])
    );
}

#[test]
fn rows_whose_lines_were_deleted_stay_rejected() {
    let run = Run::finished();
    let retake = run.prepare(RetryOf::Rejected);
    let rows = rows_at(&retake, &[2, 7]);
    retake
        .take_back(&rows, b"row\n3\n", None)
        .expect("taken back");
    let ledger = run.ledger();
    assert_eq!(ledger.counts().rejected, 2);
    assert_eq!(ledger.checkpoint().missing, 1);
    assert_eq!(rows_in(run.path(), "missing.csv"), BTreeSet::from([3]));
}

/// What is there before the journal's commit counts for nothing, and after it
/// the next process does the rest.
#[test]
fn a_crash_leaves_the_run_before_the_retake_or_after_it() {
    let run = Run::finished();
    drop(run.prepare(RetryOf::Rejected));
    fs::write(run.path().join(".rejected.csv.next"), "").expect("written");
    run.assert_left(&run.ledger(), &[]);

    let retake = run.prepare(RetryOf::Rejected);
    let rows = rows_at(&retake, &[2, 3, 6, 7]);
    retake.take_back(&rows, b"", None).expect("taken back");
    // It died when one of the two books was in its place.
    let path = run.path();
    fs::rename(path.join(".missing.csv.next"), path.join("missing.csv")).expect("renamed");
    run.assert_left(&run.ledger(), &[2, 3, 6, 7]);
    run.assert_left(&run.ledger(), &[2, 3, 6, 7]);
}

#[test]
fn a_run_that_is_not_finished_is_resumed_first() {
    let run = Run::finished();
    let retake = run.prepare(RetryOf::Rejected);
    let rows = rows_at(&retake, &[2]);
    retake.take_back(&rows, b"", None).expect("taken back");
    let journal = SqliteJournal::open(&run.directory.journal_path()).expect("opened");
    let Err(error) = Retake::prepare(&run.directory, journal, RetryOf::Rejected) else {
        panic!("a retry is under way");
    };
    assert_eq!(error.exit_status(), ExitStatus::Usage);
    assert!(error.message.contains("isn't finished"), "{error}");
    assert!(error.hint.contains("sluice resume"), "{}", error.hint);
}
