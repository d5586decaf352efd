//! Each built-in connector against the strict API of its platform: every row has
//! an end of its own, whatever the platform's replies look like.

#[path = "platforms/call_lists.rs"]
mod call_lists;
#[path = "platforms/cxone.rs"]
mod cxone;
#[path = "platforms/genesys_cloud.rs"]
mod genesys_cloud;
#[path = "platforms/guide_b.rs"]
mod guide_b;
#[path = "platforms/in_order.rs"]
mod in_order;
#[path = "platforms/refused_credentials.rs"]
mod refused_credentials;
#[path = "platforms/sources.rs"]
mod sources;
#[path = "platforms/stand_in.rs"]
mod stand_in;
#[path = "platforms/tokens.rs"]
mod tokens;
#[path = "platforms/written_from_the_docs.rs"]
mod written_from_the_docs;

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{Bench, Ended, assert_accounted};

/// A tenant, and a bench that loads into it with this connector.
fn bench_of(connector: &str, scenario: &str) -> Bench {
    let mut bench = Bench::new(scenario);
    bench.connector = connector.to_owned();
    bench
}

/// Loads with an access key at hand, for connectors that want one.
fn load(bench: &Bench, input: &str, flags: &[&str]) -> Ended {
    bench
        .run(input, flags)
        .environment("SLUICE_USERNAME", "demo-key")
        .environment("SLUICE_PASSWORD", "demo-key-secret")
        .arguments(["--output", "json"])
        .run()
}

/// The texts at a place of each of the tenant's records.
fn kept(bench: &Bench, place: &str) -> BTreeSet<String> {
    let records = bench.records();
    let texts = records
        .iter()
        .filter_map(|record| record.pointer(place)?.as_str());
    texts.map(str::to_owned).collect()
}

/// The numbered ids that the tenant's scenario takes, or refuses.
fn ids(bench: &Bench, prefix: &str, count: u64, invalid: bool) -> BTreeSet<String> {
    (1..=count)
        .map(|number| format!("{prefix}{number}"))
        .filter(|id| bench.scenario.contacts.is_invalid(id) == invalid)
        .collect()
}

/// The keys of the rows that the only run has rejected.
fn rejected(bench: &Bench, key: &str) -> BTreeSet<String> {
    let rows = bench.books().rejected;
    rows.iter().map(|row| row.get(key).to_owned()).collect()
}

fn counts(ended: &Ended) -> Value {
    let counts = ended.json()["counts"].clone();
    assert_accounted(&counts);
    counts
}
