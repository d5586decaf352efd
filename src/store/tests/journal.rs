//! What a journal keeps: rows, states, rows in doubt, listed rows; and journals
//! of other versions.

use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

use super::support::{batch, commit_rows, intended, open_ledger, position, rows_in};
use crate::record::{OutcomeKind, RowId, RowRanges};
use crate::store::{
    Durability, IntendedRow, Intent, Journal, JournalError, ListedRow, SqliteJournal, Standing,
    schema,
};

const NO_TIME: Duration = Duration::ZERO;

fn suspects(path: &Path) -> Vec<u64> {
    let state = SqliteJournal::open_to_read(path)
        .and_then(|mut journal| journal.load())
        .expect("loaded");
    state.suspects.keys().map(|row| row.0).collect()
}

#[test]
fn what_is_committed_is_loaded_by_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut rows = RowRanges::default();
    let mut journal = SqliteJournal::create(&path).expect("created");
    for part in [vec![1, 2, 5], vec![3, 4, 9]] {
        commit_rows(&mut journal, &mut rows, &part).expect("committed");
    }
    drop(journal);
    let state = SqliteJournal::open(&path)
        .and_then(|mut journal| journal.load())
        .expect("loaded");
    assert_eq!(state.finished.iter().collect::<Vec<_>>(), [(1, 5), (9, 9)]);
    assert_eq!(state.checkpoint.counts.updated, 6);
}

#[test]
fn a_row_that_was_about_to_be_sent_is_in_doubt_until_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut rows = RowRanges::default();
    for durability in [Durability::Process, Durability::PowerLoss] {
        let _ = std::fs::remove_file(&path);
        rows = RowRanges::default();
        let mut journal = SqliteJournal::create(&path)
            .and_then(|journal| journal.with_durability(durability))
            .expect("created");
        journal.intend(&intended([3, 4, 5]), 77).expect("noted");
        assert_eq!(suspects(&path), [3, 4, 5]);
        commit_rows(&mut journal, &mut rows, &[4]).expect("committed");
        assert_eq!(suspects(&path), [3, 5]);
    }
    let state = SqliteJournal::open(&path)
        .and_then(|mut journal| journal.load())
        .expect("loaded");
    let suspect = &state.suspects[&RowId(3)];
    assert_eq!((suspect.position, suspect.sent_at_ms), (position(3), 77));
    assert_eq!(rows.rows(), 1);
}

#[test]
fn what_was_about_to_be_done_to_a_row_is_what_was_noted_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut ledger = open_ledger(folder.path());
    ledger.commit(NO_TIME).expect("committed");
    let about_to = |intent, rows: &[u64]| {
        let rows = intended(rows.iter().copied());
        let with = |row: IntendedRow| IntendedRow { intent, ..row };
        rows.into_iter().map(with).collect::<Vec<_>>()
    };
    let stored = || {
        let state = SqliteJournal::open_to_read(&path)
            .and_then(|mut journal| journal.load())
            .expect("loaded");
        let suspects = state.suspects.into_iter();
        suspects
            .map(|(row, suspect)| (row.0, suspect.intent))
            .collect::<Vec<_>>()
    };
    ledger
        .intend(&about_to(Intent::Change, &[1, 2, 3]))
        .expect("noted");
    // The record of one was gone, so it is made.
    ledger
        .intend(&about_to(Intent::Write, &[2]))
        .expect("noted");
    let expected = [(1, Intent::Change), (2, Intent::Write), (3, Intent::Change)];
    assert_eq!(stored(), expected);
    // It was taken back, and found after all; before the next commit, and after.
    ledger.withdraw(&[RowId(2)]);
    ledger
        .intend(&about_to(Intent::Change, &[2]))
        .expect("noted");
    assert_eq!(stored()[1], (2, Intent::Change));
    ledger
        .record(batch([1, 2].map(|row| (row, OutcomeKind::Updated))))
        .expect("booked");
    ledger.commit(NO_TIME).expect("committed");
    assert_eq!(stored(), [(3, Intent::Change)]);
}

#[test]
fn the_job_of_a_row_is_known_as_long_as_the_row_is_in_doubt() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut ledger = open_ledger(folder.path());
    ledger.commit(NO_TIME).expect("committed");
    ledger.intend(&intended(1..=5)).expect("noted");
    let rows = [RowId(4), RowId(2), RowId(3)];
    ledger.note_job(&rows, &"j-1".into()).expect("noted");
    let jobs = || -> Vec<(u64, u32)> {
        let state = SqliteJournal::open_to_read(&path)
            .and_then(|mut journal| journal.load())
            .expect("loaded");
        let known = state.suspects.into_iter().filter_map(|(row, suspect)| {
            let job = suspect.job?;
            assert_eq!(&*job.id, "j-1");
            Some((row.0, job.place))
        });
        known.collect()
    };
    // Without a commit: a crash is what it is for.
    assert_eq!(jobs(), [(2, 1), (3, 2), (4, 0)]);
    let told = ledger.suspects()[&RowId(4)].job.as_ref();
    assert_eq!(told.map(|job| job.place), Some(0));
    ledger
        .record(batch([(4, OutcomeKind::Created)]))
        .expect("booked");
    ledger.withdraw(&[RowId(2)]);
    ledger.commit(NO_TIME).expect("committed");
    assert_eq!(jobs(), [(3, 2)]);
    // A row that is to be sent anew isn't of the old job any more, with a commit
    // in between or without.
    ledger.intend(&intended([2])).expect("noted");
    assert_eq!(jobs(), [(3, 2)]);
    ledger.withdraw(&[RowId(3)]);
    ledger.intend(&intended([3])).expect("noted");
    assert_eq!(jobs(), []);
}

#[test]
fn a_ledger_forgets_a_doubt_with_the_outcome_and_not_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut ledger = open_ledger(folder.path());
    ledger.commit(NO_TIME).expect("committed");
    ledger.intend(&intended(1..=4)).expect("noted");
    ledger
        .record(batch([(2, OutcomeKind::Created)]))
        .expect("recorded");
    ledger.withdraw(&[RowId(3)]);
    assert_eq!(suspects(&path), [1, 2, 3, 4], "nothing is committed yet");
    assert_eq!(
        ledger
            .suspects()
            .keys()
            .map(|row| row.0)
            .collect::<Vec<_>>(),
        [1, 4]
    );
    ledger.commit(NO_TIME).expect("committed");
    assert_eq!(suspects(&path), [1, 4]);
    drop(ledger);
    let ledger = open_ledger(folder.path());
    assert_eq!(
        ledger
            .suspects()
            .keys()
            .map(|row| row.0)
            .collect::<Vec<_>>(),
        [1, 4]
    );
    assert_eq!(ledger.suspects()[&RowId(4)].position, position(4));
    assert!(ledger.suspects()[&RowId(4)].sent_at_ms > 0);
}

/// A throttled row goes out again before its doubt is out of the journal: the
/// commit in between must not take the new doubt with the old one.
#[test]
fn a_doubt_that_is_taken_back_and_comes_again_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut ledger = open_ledger(folder.path());
    ledger.intend(&intended([1, 2])).expect("noted");
    ledger.withdraw(&[RowId(1), RowId(2)]);
    ledger.intend(&intended([1])).expect("noted");
    ledger.commit(NO_TIME).expect("committed");
    assert_eq!(suspects(&path), [1]);
    ledger.withdraw(&[RowId(1)]);
    ledger.commit(NO_TIME).expect("committed");
    ledger.intend(&intended([1])).expect("noted");
    assert_eq!(suspects(&path), [1]);
}

#[test]
fn reading_goes_on_before_the_first_row_in_doubt() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = open_ledger(folder.path());
    ledger.intend(&intended([700])).expect("noted");
    let others = (1..=2_000).filter(|&row| row != 700);
    ledger
        .record(batch(others.map(|row| (row, OutcomeKind::Updated))))
        .expect("recorded");
    ledger.commit(NO_TIME).expect("committed");
    drop(ledger);
    let ledger = open_ledger(folder.path());
    let mark = ledger.checkpoint().resume_at.expect("a mark");
    assert!(mark.row > 1 && mark.row <= 700, "{mark:?}");
    assert_eq!(mark.position(), position(mark.row));
}

#[test]
fn rows_in_books_are_known_by_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = open_ledger(folder.path());
    let kinds = [
        (1, OutcomeKind::Updated),
        (2, OutcomeKind::Rejected),
        (3, OutcomeKind::Missing),
        (4, OutcomeKind::Unknown),
    ];
    ledger.record(batch(kinds)).expect("recorded");
    ledger.commit(NO_TIME).expect("committed");
    drop(ledger);
    let listed = SqliteJournal::open_to_read(&folder.path().join("journal.db"))
        .and_then(|mut journal| journal.listed())
        .expect("read");
    let expected = kinds[1..].iter().map(|&(row, kind)| ListedRow {
        row: RowId(row),
        position: position(row),
        standing: Standing::Ended(kind),
    });
    assert_eq!(listed, expected.collect::<Vec<_>>());
    let books = ["rejected.csv", "missing.csv", "unknown.csv"];
    let found = books.map(|book| rows_in(folder.path(), book));
    let rows: [&[u64]; 3] = [&[2, 3], &[3], &[4]];
    assert_eq!(found, rows.map(|rows| rows.iter().copied().collect()));
}

#[test]
fn a_journal_of_the_first_version_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    let mut connection = Connection::open(&path).expect("made");
    schema::create_version_1(&mut connection).expect("made");
    connection
        .execute_batch(
            "INSERT INTO finished VALUES (1, 3);
             INSERT INTO checkpoint VALUES (1, '{\"counts\": {\"read\": 0, \"created\": 0, \"updated\": 3,
               \"unchanged\": 0, \"rejected\": 0, \"skipped\": 0, \"unknown\": 0, \"not_reached\": 0}}')",
        )
        .expect("filled");
    drop(connection);
    let mut reader = SqliteJournal::open_to_read(&path).expect("opened");
    assert_eq!(reader.load().expect("loaded").finished.rows(), 3);
    assert_eq!(reader.listed().expect("read"), []);
    drop(reader);
    let mut journal = SqliteJournal::open(&path).expect("opened");
    assert_eq!(journal.load().expect("loaded").checkpoint.counts.updated, 3);
    journal.intend(&intended([4]), 1).expect("noted");
    drop(journal);
    assert_eq!(suspects(&path), [4]);
    drop(SqliteJournal::open(&path).expect("opened again"));
}

#[test]
fn a_newer_journal_and_a_text_file_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let newer = folder.path().join("newer.db");
    drop(SqliteJournal::create(&newer).expect("created"));
    Connection::open(&newer)
        .and_then(|connection| connection.pragma_update(None, "user_version", 99))
        .expect("changed");
    let error = SqliteJournal::open(&newer).expect_err("refused");
    assert!(
        error.to_string().contains("newer version of sluice"),
        "{error}"
    );

    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is not a database, but long enough to look at\n".repeat(50),
    )
    .expect("written");
    let error = SqliteJournal::open(&text).expect_err("refused");
    assert!(error.to_string().contains("isn't a journal"), "{error}");
}

#[test]
fn what_is_opened_to_be_looked_at_is_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    drop(SqliteJournal::create(&path).expect("created"));
    let mut reader = SqliteJournal::open_to_read(&path).expect("opened");
    let error = reader.intend(&intended([1]), 1).expect_err("refused");
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error}");
    assert_eq!(suspects(&path), [] as [u64; 0]);
}
