//! What books that last cost of the throughput: the same load with them and
//! without, in turn, so that what else the machine does meets both alike.
//!
//! `cargo bench --bench durability`; with `-- --rounds N` in as many pairs.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use loadtest::tenant::{Scenario, Tenant};
use sluice::connector::{Bound, Connector};

use support::load::{Books, Load};
use support::{Table, contacts_at};

/// Pairs of loads, where the command line doesn't say.
const ROUNDS: usize = 15;

/// A kind of load that is measured.
struct Kind {
    name: &'static str,
    /// The tenant, in YAML.
    tenant: &'static str,
    rows: u64,
    connector: fn(&str) -> Bound,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "repeatable, a tenant that answers at once",
        tenant: "ledger: none",
        rows: 20_000,
        connector: contacts_at,
    },
    Kind {
        name: "creates, a tenant that answers at once",
        tenant: "ledger: none",
        rows: 20_000,
        connector: creates_at,
    },
    Kind {
        name: "creates, a tenant that takes 30 ms",
        tenant: "{ ledger: none, latency: { median: 30ms, sigma: 0.3 } }",
        rows: 4_000,
        connector: creates_at,
    },
];

/// Creates, which are written down before they leave.
fn creates_at(base_url: &str) -> Bound {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/connectors/create-contacts.yaml"
    );
    let connector = Connector::load(file).expect("a fixture");
    let variables = BTreeMap::from([("base_url".to_owned(), base_url.to_owned())]);
    connector.bind(&variables).expect("bound")
}

fn main() {
    // Cargo says so; `cargo test --benches` only asks whether it runs.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let rounds = std::env::args()
        .skip_while(|argument| argument != "--rounds")
        .nth(1)
        .map_or(ROUNDS, |text| text.parse().expect("a number of rounds"));
    for kind in &KINDS {
        match is_bench {
            true => measure(kind, rounds, kind.rows),
            false => measure(kind, 1, 200),
        }
    }
}

fn measure(kind: &Kind, rounds: usize, rows: u64) {
    let scenario = Scenario::from_yaml(kind.tenant, "the bench").expect("a scenario");
    let tenant = Tenant::start(scenario.clone()).expect("a free port");
    let bound = (kind.connector)(&tenant.base_url());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = Table::write_with_key(folder.path(), rows, &bound.operation.contract.key);
    let load = |books| {
        let (counts, took, _folder) =
            Load::prepare(&table, &tenant, &scenario, &bound, books).run();
        assert_eq!(counts.updated + counts.created, rows);
        took
    };
    // The first of each warms caches up.
    load(Books::Fleeting);
    load(Books::Durable);
    let mut costs = Vec::new();
    let (mut durable, mut fleeting) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who goes first changes, so that neither profits from its place.
        let (with, without) = match round % 2 {
            0 => {
                let with = load(Books::Durable);
                (with, load(Books::Fleeting))
            }
            _ => {
                let without = load(Books::Fleeting);
                (load(Books::Durable), without)
            }
        };
        costs.push(1.0 - without.as_secs_f64() / with.as_secs_f64());
        durable.push(with);
        fleeting.push(without);
    }
    costs.sort_by(f64::total_cmp);
    let pick = |share: f64| 100.0 * costs[((costs.len() - 1) as f64 * share).round() as usize];
    println!(
        "{}: {} rows/s with books that last, {} without; cost {:.1} % (middle half of {rounds} pairs: {:.1} to {:.1})",
        kind.name,
        rows_per_second(rows, durable),
        rows_per_second(rows, fleeting),
        pick(0.5),
        pick(0.25),
        pick(0.75),
    );
}

/// At the median of these times.
fn rows_per_second(rows: u64, mut times: Vec<Duration>) -> u64 {
    times.sort();
    let median = times[times.len() / 2];
    (rows as f64 / median.as_secs_f64()) as u64
}
