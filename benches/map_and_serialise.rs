//! Mapping: a batch of raw rows to paths and bodies, as one mapper thread does
//! it.

mod support;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use sluice::actors::{RowMapper, Selection};
use sluice::record::RawBatch;

use support::{Table, contacts_at, copy_of};

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = Table::write(folder.path(), 10_000);
    let batch = table.batches().swap_remove(5);
    let rows = batch.rows.len();
    let mapper = table.mapper(&contacts_at("http://127.0.0.1:1"));
    let mut refusing = mapper.clone();
    refusing.selection = Selection {
        repeated: Arc::new((1..=10_000).collect()),
        reject_repeated: true,
        ..Selection::default()
    };

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("map_and_serialise");
    group.throughput(Throughput::Elements(rows as u64));
    let mut measure = |name: &str, mapper: &RowMapper, sent: usize| {
        group.bench_function(name, |bencher| {
            let map = |batch: RawBatch| {
                let mapped = mapper.map(black_box(batch));
                assert_eq!(mapped.items.len(), sent);
                mapped
            };
            bencher.iter_batched(|| copy_of(&batch), map, BatchSize::SmallInput);
        });
    };
    measure("a_batch_of_contacts", &mapper, rows);
    measure("a_batch_of_rows_that_are_refused", &refusing, 0);
    group.finish();
    criterion.final_summary();
}
