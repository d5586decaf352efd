//! Guide B from end to end: contacts are read from one platform by pages and
//! made in another, by the job file of the fixtures.

mod support;

use std::fmt::Write;
use std::fs;

use loadtest::tenant::{RunningTenant, Tenant};
use serde_json::{Value, json};
use support::{Bench, Ended, assert_accounted, fixture, scenario};

/// Contacts at the source.
const CONTACTS: u64 = 2_050;
/// Contacts that are changed there between two runs.
const CHANGED: u64 = 40;

fn source_tenant() -> RunningTenant {
    let yaml = format!(
        "contacts: {{ existing: {{ numbered: {{ prefix: '', count: {CONTACTS} }} }} }}\n\
         limits: [{{ kind: token_bucket, rate: 30, burst: 10 }}]\ntoken: {{ lifetime: 1s }}\n\
         faults: [{{ kind: server_error, ratio: 0.05, status: 503 }}, {{ kind: close_before, ratio: 0.05 }}]\n"
    );
    Tenant::start(scenario(&yaml)).expect("the source starts")
}

fn migrate(target: &Bench, source: &RunningTenant, flags: &[&str]) -> Ended {
    let (from, to) = (
        format!("source.base_url={}", source.base_url()),
        format!("base_url={}", target.base_url()),
    );
    let mut job = target.bare(&["run", "job.yaml", "--set", &from, "--set", &to]);
    for (name, value) in [
        ("CXONE_CLIENT_ID", "demo"),
        ("CXONE_CLIENT_SECRET", "demo-secret"),
        ("GENESYS_CLIENT_ID", "demo"),
        ("GENESYS_CLIENT_SECRET", "demo-secret"),
    ] {
        job = job.environment(name, value);
    }
    let ended = job.arguments(["--output", "json"]).arguments(flags).run();
    let ended = ended.expect_code(0);
    assert_accounted(&ended.json()["counts"]);
    ended
}

/// Renames some contacts at the source.
fn change_at_the_source(bench: &Bench, source: &RunningTenant) {
    let mut text = String::from("contactId,lastName\n");
    for number in 1..=CHANGED {
        writeln!(text, "{},Renamed", number * 50).expect("writing to memory doesn't fail");
    }
    bench.write("renamed.csv", text);
    let base_url = format!("base_url={}", source.base_url());
    let arguments = [
        "run",
        "renamed.csv",
        "--to",
        "cxone-contacts",
        "--set",
        &base_url,
    ];
    bench.sluice(&arguments).run().expect_code(0);
}

#[test]
fn every_contact_of_the_source_is_made_once_and_a_second_run_only_looks() {
    let source = source_tenant();
    let target = Bench::new(
        "api: genesys_contacts\nbatches: { shuffled: true }\ntoken: { lifetime: 1s }\nlatency: { median: 2ms }\n\
         limits: [{ kind: token_bucket, rate: 2000, burst: 300, scope: client }]\n\
         faults: [{ kind: server_error, ratio: 0.01, status: 503 }, { kind: close_before, ratio: 0.01 }]\n",
    );
    let job = fs::read_to_string(fixture("jobs").join("cxone-to-genesys.yaml")).expect("the job");
    target.write("job.yaml", job);

    let first = migrate(&target, &source, &[]);
    assert_eq!(first.json()["counts"]["created"], CONTACTS);
    let records = target.records();
    assert_eq!(records.len() as u64, CONTACTS);
    let one = records
        .iter()
        .find(|record| record["externalId"] == "CONE-17")
        .expect("contact 17");
    assert_eq!(one["customFields"]["legacyCxoneId"], "CONE-17");
    assert!(one["customFields"]["loyaltyTier"].is_string());
    assert_eq!(one["emailAddresses"][0]["primary"], true);

    let applied = target.counters().applied;
    let second = migrate(&target, &source, &[]);
    assert_eq!(second.json()["counts"]["unchanged"], CONTACTS);
    assert_eq!(target.counters().applied, applied);
    change_at_the_source(&target, &source);
    let delta = migrate(&target, &source, &["--since", "last"]);
    assert_eq!(delta.json()["counts"]["updated"], CHANGED);
    assert_eq!(target.counters().applied, applied + CHANGED);
    let renamed = target.records();
    let renamed = renamed
        .iter()
        .filter(|record| record["lastName"] == "Renamed");
    assert_eq!(renamed.count() as u64, CHANGED);
    let made = target.ledger().made;
    assert!(made.values().all(|made| *made == 1), "{made:?}");
    let tiers: Vec<&Value> = records
        .iter()
        .map(|record| &record["customFields"]["loyaltyTier"])
        .collect();
    assert!(tiers.contains(&&json!("Gold")));
}
