//! The whole pipeline in this process: a file of contacts into the simulated
//! tenant without limits, which runs on the same cores.

mod support;

use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use loadtest::tenant::{RunningTenant, Scenario, Tenant};
use sluice::actors::{Counted, Endpoint, InputCounter, InputCounting, RunPlan, TokenPlan, run};
use sluice::auth::{Credentials, CredentialsIn, TokenEndpoint, TokenPolicy};
use sluice::limit::{LimitKey, LimitSettings};
use sluice::source::csv::{CsvCounter, CsvReader, Start};
use sluice::source::{Source, SourceError};
use sluice::store::{Ledger, SqliteJournal};
use sluice::telemetry::Telemetry;
use sluice::transport::{Lanes, TransportSettings, lanes};
use tempfile::TempDir;

use support::{NullFormat, Table, contacts_at};

const ROWS: u64 = 20_000;

struct Counting(CsvCounter);

impl InputCounter for Counting {
    fn advance(&mut self, bytes: u64) -> Result<Counted, SourceError> {
        self.0.step(bytes)?;
        let digest = self.0.digest();
        Ok(Counted {
            is_at_end: digest.complete,
            digest,
        })
    }
}

/// A load, ready to begin, with the folder of its books.
struct Load {
    folder: TempDir,
    plan: RunPlan<Lanes>,
    counter: CsvCounter,
    telemetry: Telemetry,
}

fn prepare(table: &Table, tenant: &RunningTenant, scenario: &Scenario) -> Load {
    tenant.reset();
    let bound = contacts_at(&tenant.base_url());
    let client = scenario.clients.first().expect("the scenario has a client");
    let (events, telemetry) = Telemetry::start(Vec::new());
    let (settings, shape) = (table.settings.clone(), table.shape.clone());
    let (base_url, transport) = (bound.base_url.to_string(), TransportSettings::default());
    let plan = RunPlan {
        run_id: "bench".to_owned(),
        open_source: Box::new(move |_| {
            let reader = CsvReader::open(&settings, &shape, Start::Beginning)?;
            Ok(Box::new(reader) as Box<dyn Source>)
        }),
        stop_input: Box::new(|| {}),
        mapper: table.mapper(&bound),
        endpoint: Endpoint::new(&bound),
        mapper_threads: 1,
        lanes: 1,
        open_transport: Arc::new(move || lanes(&base_url, &transport)),
        tokens: Arc::new(TokenPlan {
            endpoint: TokenEndpoint {
                url: bound.auth.token_url.to_string(),
                scope: bound.auth.scope.clone(),
                credentials_in: CredentialsIn::Basic,
                rules: Arc::new(|_, _| None),
            },
            credentials: Credentials {
                client_id: client.id.clone(),
                client_secret: client.secret.clone().into(),
                user: None,
            },
            policy: TokenPolicy::default(),
        }),
        limit_key: LimitKey {
            tenant: bound.base_url.to_string(),
            client: client.id.clone(),
            endpoint: bound.operation.name.to_string(),
        },
        known_limits: Vec::new(),
        limit: LimitSettings::default(),
        credit_bytes: 12 * 1024 * 1024,
        max_errors: None,
        max_duration: None,
        events,
    };
    Load {
        folder: tempfile::tempdir().expect("a temporary folder"),
        plan,
        counter: CsvCounter::open(&table.settings, &table.shape).expect("opened"),
        telemetry,
    }
}

fn load(load: Load) -> TempDir {
    let folder = load.folder.path();
    let journal = SqliteJournal::create(&folder.join("journal.db")).expect("made");
    let ledger = Ledger::open(folder, Box::new(journal), Box::new(NullFormat), 1);
    let counting = InputCounting::Count(Box::new(Counting(load.counter)));
    let end = run(load.plan, Box::new(ledger.expect("opened")), counting).expect("an end");
    assert_eq!(end.stop, None);
    let counts = end.ledger.expect("handed back").counts();
    assert_eq!(counts.updated, ROWS);
    load.telemetry.finish();
    load.folder
}

fn main() {
    let scenario = Scenario::named("open").expect("bundled");
    let tenant = Tenant::start(scenario.clone()).expect("a free port");
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
        let next = || prepare(&table, &tenant, &scenario);
        bencher.iter_batched(next, load, BatchSize::PerIteration);
    });
    group.finish();
    criterion.final_summary();
}
