//! The whole pipeline in this process: a file of contacts into the simulated
//! tenant without limits, which runs on the same cores.

mod support;

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use loadtest::tenant::{Scenario, Tenant};
use tempfile::TempDir;

use support::load::{Books, Load};
use support::{Table, contacts_at};

const ROWS: u64 = 20_000;

fn load(load: Load) -> TempDir {
    let (counts, _, folder) = load.run();
    assert_eq!(counts.updated, ROWS);
    folder
}

fn main() {
    let scenario = Scenario::named("open").expect("bundled");
    let tenant = Tenant::start(scenario.clone()).expect("a free port");
    let bound = contacts_at(&tenant.base_url());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = Table::write(folder.path(), ROWS);
    // What the command line says goes before.
    let mut criterion = Criterion::default()
        .sample_size(10)
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(ROWS));
    group.bench_function("contacts_into_an_open_tenant", |bencher| {
        let next = || Load::prepare(&table, &tenant, &scenario, &bound, Books::Durable);
        bencher.iter_batched(next, load, BatchSize::PerIteration);
    });
    group.finish();
    criterion.final_summary();
}
