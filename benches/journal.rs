//! Booking: outcomes and calls into the books and the journal, on a real
//! SQLite file; and noting rows that are about to be sent.

mod support;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use sluice::record::{CallRecord, Outcome, OutcomeBatch, OutcomeKind, Position, RowId};
use sluice::store::{Checkpoint, Commit, IntendedRow, Intent, Journal, Ledger, SqliteJournal};

use support::NullFormat;

const ROWS: u64 = 1_000;

/// Where in its commit a row stands.
type Place = fn(u64) -> u64;

/// One commit's rows, in the order that `place` gives them.
fn rows(commit: u64, place: Place) -> OutcomeBatch {
    let endpoint: Arc<str> = "update".into();
    let mut batch = OutcomeBatch::default();
    for index in 0..ROWS {
        let row = commit * ROWS + place(index) + 1;
        batch.outcomes.push(Outcome {
            row: RowId(row),
            position: Position {
                byte: row * 90,
                line: row + 1,
            },
            kind: OutcomeKind::Updated,
            refusal: None,
            raw: Bytes::new(),
            credit: None,
        });
        batch.calls.push(CallRecord {
            sent_at_ms: 1_700_000_000_000 + row,
            request_id: format!("20260101T000000Z-contacts-{row}"),
            endpoint: Arc::clone(&endpoint),
            status: Some(200),
            duration: Duration::from_micros(800 + row % 400),
            first_row: row,
            rows: 1,
            attempt: 1,
            class: "done",
        });
    }
    batch
}

/// One note before all calls that are granted in a turn. The commit of their
/// outcomes, which takes the note back, isn't measured here.
fn intend(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("intend");
    for count in [1, 16, 128] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal = SqliteJournal::create(&folder.path().join("journal.db"));
        let journal = RefCell::new(journal.expect("made"));
        let first = RefCell::new(1);
        group.bench_function(format!("{count}_rows"), |bencher| {
            let next = || {
                let mut first = first.borrow_mut();
                let settled: Vec<RowId> = (*first..*first + count).map(RowId).collect();
                let commit = Commit {
                    changes: &[],
                    checkpoint: &Checkpoint::default(),
                    settled: &settled,
                    listed: &[],
                    unlisted_lines: &[],
                    target_ids: &[],
                };
                journal.borrow_mut().commit(&commit).expect("committed");
                *first += count;
                (*first..*first + count).map(intended).collect::<Vec<_>>()
            };
            let note = |rows: Vec<IntendedRow>| {
                journal.borrow_mut().intend(&rows, 1).expect("noted");
            };
            bencher.iter_batched(next, note, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn intended(row: u64) -> IntendedRow {
    IntendedRow {
        row: RowId(row),
        position: Position {
            byte: row * 90,
            line: row + 1,
        },
        intent: Intent::Write,
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(ROWS));
    let orders: [(&str, Place); 2] = [
        ("record_and_commit_rows_in_order", |index| index),
        // 7 and 1,000 share no factor, so every row comes once.
        ("record_and_commit_rows_out_of_order", |index| {
            index * 7 % ROWS
        }),
    ];
    for (name, place) in orders {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal = SqliteJournal::create(&folder.path().join("journal.db")).expect("made");
        let ledger = Ledger::open(folder.path(), Box::new(journal), Box::new(NullFormat), 1);
        let mut ledger = ledger.expect("opened");
        let mut commit = 0;
        group.bench_function(name, |bencher| {
            let next = || {
                commit += 1;
                rows(commit - 1, place)
            };
            let book = |batch| {
                ledger.record(batch).expect("recorded");
                ledger.commit(Duration::from_secs(1)).expect("committed");
            };
            bencher.iter_batched(next, book, BatchSize::PerIteration);
        });
        assert_eq!(ledger.counts().updated, commit * ROWS);
    }
    group.finish();
    intend(&mut criterion);
    criterion.final_summary();
}
