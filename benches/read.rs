//! Reading: from a file to rows, and from a row to its fields.

mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use sluice::record::Fields;
use sluice::source::Source;
use sluice::source::csv::{CsvCounter, split};

use support::Table;

const ROWS: u64 = 100_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = Table::write(folder.path(), ROWS);
    // What the command line says goes before.
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let mut group = criterion.benchmark_group("read");

    group.throughput(Throughput::Elements(ROWS));
    group.bench_function("rows_of_a_file", |bencher| {
        bencher.iter(|| {
            let mut reader = table.open();
            let mut rows = 0;
            while let Some(batch) = reader.next_batch().expect("read") {
                rows += black_box(&batch).rows.len() as u64;
            }
            assert_eq!(rows, ROWS);
        });
    });

    let batches = table.batches();
    let (dialect, columns) = (table.shape.dialect(), table.shape.header.len());
    group.bench_function("split_rows_into_fields", |bencher| {
        let mut fields = Fields::default();
        bencher.iter(|| {
            for batch in &batches {
                for row in &batch.rows {
                    let raw = &batch.buffer[row.start..row.end];
                    split(raw, row.position, dialect, columns, &mut fields).expect("no flaw");
                    black_box(&fields);
                }
            }
        });
    });

    group.throughput(Throughput::Bytes(table.bytes));
    group.bench_function("count_and_hash", |bencher| {
        bencher.iter(|| {
            let mut counter = CsvCounter::open(&table.settings, &table.shape).expect("opened");
            while !counter.digest().complete {
                counter.step(16 * 1024 * 1024).expect("read");
            }
            assert_eq!(counter.digest().rows, ROWS);
        });
    });
    group.finish();
    criterion.final_summary();
}
