//! Two targets of one job.

use std::path::PathBuf;

use serde_json::Value;

use super::support::{
    Bench, CLIENT_ID, CLIENT_SECRET, Ended, Running, Sluice, assert_accounted, numbered_csv,
};

/// Two targets, the first of which holds the test's folder.
pub(super) struct Pair {
    pub(super) crm: Bench,
    pub(super) cloud: Bench,
}

impl Pair {
    pub(super) fn new(crm: &str, cloud: &str) -> Self {
        Self {
            crm: Bench::new(crm),
            cloud: Bench::new(cloud),
        }
    }

    /// A job that sends `source` to both; `more` stands in the second target.
    pub(super) fn write_job(&self, source: &str, more: &str) {
        let cloud_url = self.cloud.base_url();
        self.write_job_to(source, &cloud_url, more);
    }

    pub(super) fn write_job_to(&self, source: &str, cloud_url: &str, more: &str) {
        self.crm.write(
            "job.yaml",
            format!(
                "job: both\nsource: {source}\n\
                 map: {{contactId: contactId, firstName: firstName, email: email}}\n\
                 targets:\n  - {{name: crm, connector: cxone-contacts, base_url: {}}}\n  \
                 - {{name: cloud, connector: cxone-contacts, base_url: {cloud_url}{more}}}\n",
                self.crm.base_url()
            ),
        );
    }

    pub(super) fn sluice(&self, arguments: &[&str]) -> Sluice {
        self.crm
            .sluice(arguments)
            .environment("SLUICE_SOURCE_CLIENT_ID", CLIENT_ID)
            .environment("SLUICE_SOURCE_CLIENT_SECRET", CLIENT_SECRET)
    }

    pub(super) fn run(&self, flags: &[&str]) -> Sluice {
        self.sluice(&["run", "job.yaml", "--output", "json"])
            .arguments(flags)
    }

    /// Two slow targets, and a run of so many rows of which each has had some.
    pub(super) fn half_loaded(rows: u64) -> (Self, Running) {
        let slow = "limits: [{kind: token_bucket, rate: 400, burst: 20}]";
        let pair = Self::new(slow, slow);
        pair.crm.write("contacts.csv", numbered_csv(rows));
        pair.write_job("{csv: contacts.csv}", "");
        let mut run = pair.run(&[]).start();
        run.wait_while_running("both targets have rows", || {
            pair.crm.counters().applied > 50 && pair.cloud.counters().applied > 50
        });
        (pair, run)
    }

    pub(super) fn resume(&self) -> Ended {
        self.sluice(&["resume", "--output", "json"]).run()
    }

    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.crm.run_directory().join(name)
    }
}

/// How often each contact was written.
#[track_caller]
pub(super) fn assert_written(bench: &Bench, rows: u64, most_times: u64) {
    let applies = bench.ledger().applies;
    assert_eq!(applies.len() as u64, rows);
    assert!(applies.values().all(|times| *times <= most_times));
}

#[track_caller]
pub(super) fn assert_sums(summary: &Value, names: &[&str]) {
    assert_accounted(&summary["counts"]);
    let entities = summary["entities"].as_array().expect("a list");
    let found: Vec<&str> = entities
        .iter()
        .map(|entity| entity["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(found, names);
    for (name, sum) in summary["counts"].as_object().expect("counts") {
        let parts: u64 = entities
            .iter()
            .map(|entity| entity[name].as_u64().expect("a number"))
            .sum();
        assert_eq!(sum, parts, "{name}");
    }
    for entity in entities {
        assert_accounted(entity);
    }
}
