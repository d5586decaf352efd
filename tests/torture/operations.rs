//! The ways of writing that are tried: each with its connector, its input, and
//! what may come of a row whose fate a kill has left open.

use std::fmt::Write;
use std::fs;

use crate::support::{Bench, Sluice, fixture, numbered_csv};

/// What can be done about a row that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayOut {
    /// It is sent again with the same body.
    Repeat,
    /// It is looked up.
    LookUp,
    /// It is sent again with its key, which the tenant knows.
    Key,
    /// Nothing: it is listed.
    List,
}

/// One way of writing.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// A file of the fixtures; the built-in connector where there is none.
    connector: Option<&'static str>,
    /// Rows of a request.
    pub(crate) batch: u64,
    pub(crate) way_out: WayOut,
}

/// All of them.
pub(crate) static OPERATIONS: [Operation; 8] = [
    Operation {
        name: "patch",
        connector: None,
        batch: 1,
        way_out: WayOut::Repeat,
    },
    Operation {
        name: "put",
        connector: Some("upsert-contacts.yaml"),
        batch: 1,
        way_out: WayOut::Repeat,
    },
    Operation {
        name: "put-batch",
        connector: Some("batch-upsert.yaml"),
        batch: 10,
        way_out: WayOut::Repeat,
    },
    Operation {
        name: "post-look-up",
        connector: Some("create-contacts.yaml"),
        batch: 1,
        way_out: WayOut::LookUp,
    },
    Operation {
        name: "post-look-up-batch",
        connector: Some("batch-create.yaml"),
        batch: 10,
        way_out: WayOut::LookUp,
    },
    Operation {
        name: "post-key",
        connector: Some("create-contacts-once.yaml"),
        batch: 1,
        way_out: WayOut::Key,
    },
    Operation {
        name: "post-blind",
        connector: Some("create-contacts-blind.yaml"),
        batch: 1,
        way_out: WayOut::List,
    },
    Operation {
        name: "post-blind-batch",
        connector: Some("batch-create.yaml"),
        batch: 10,
        way_out: WayOut::List,
    },
];

/// What the tenant of a case is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TenantWish {
    /// It applies and then drops 2 % of requests, and drops 1 % without
    /// applying them.
    pub(crate) loses_answers: bool,
    /// The share of contacts that it misses, and of those that it finds fault
    /// with.
    pub(crate) refuses: f64,
}

/// How long the tenant's search may be late.
const LOOK_UP_DELAY: &str = "200ms";

impl Operation {
    pub(crate) fn find(name: &str) -> &'static Self {
        let found = OPERATIONS.iter().find(|operation| operation.name == name);
        found.unwrap_or_else(|| panic!("there is no operation {name}"))
    }

    /// Requests at once: few for batches, so that a kill finds most of the rows
    /// not under way.
    fn concurrency(&self) -> u64 {
        if self.batch == 1 { 8 } else { 2 }
    }

    /// Milliseconds that the tenant takes for a request.
    fn latency_ms(&self) -> u64 {
        if self.batch == 1 { 8 } else { 20 }
    }

    /// The most rows that a kill may find applied and not booked, or noted as
    /// about to be sent: those in flight, and those that were answered in the
    /// 24 ms for which outcomes gather; four times that, since a busy machine
    /// commits late.
    pub(crate) fn most_under_way(&self) -> u64 {
        let answered = (self.concurrency() * 24).div_ceil(self.latency_ms());
        4 * (self.concurrency() + answered) * self.batch
    }

    /// A tenant, with an input of so many rows.
    pub(crate) fn bench(&self, seed: u64, rows: u64, wish: TenantWish) -> Bench {
        let refused = wish.refuses;
        let faults = match wish.loses_answers {
            true => "[ { kind: close_after, ratio: 0.02 }, { kind: close_before, ratio: 0.01 } ]",
            false => "[]",
        };
        let keys = self.way_out == WayOut::Key;
        let latency = self.latency_ms();
        let bench = Bench::new(&format!(
            "{{ seed: {seed}, batches: {{ shuffled: true }},
                contacts: {{ missing: {refused}, invalid: {refused}, idempotency_keys: {keys},
                             look_up_delay: {LOOK_UP_DELAY} }},
                latency: {{ median: {latency}ms, sigma: 0.3 }}, faults: {faults} }}"
        ));
        match self.connector {
            None => bench.write("contacts.csv", numbered_csv(rows)),
            Some(name) => {
                bench.write("connector.yaml", self.connector_text(name));
                bench.write("contacts.csv", new_contacts(rows))
            }
        };
        bench
    }

    fn connector_text(&self, name: &str) -> String {
        let text = fs::read_to_string(fixture("connectors").join(name)).expect("a connector");
        let text = text
            .replace("batch: 200", &format!("batch: {}", self.batch))
            .replace("believed_after: 5s", "believed_after: 1s");
        let look_up = text.find("    look_up:\n");
        match (self.way_out, look_up) {
            (WayOut::List, Some(start)) => {
                let end = text.find("    fields:\n").expect("its fields");
                format!("{}{}", &text[..start], &text[end..])
            }
            _ => text,
        }
    }

    /// `sluice run`.
    pub(crate) fn run(&self, bench: &Bench) -> Sluice {
        let connector = match self.connector {
            None => "cxone-contacts",
            Some(_) => "connector.yaml",
        };
        let base_url = format!("base_url={}", bench.base_url());
        let arguments = ["run", "contacts.csv", "--to", connector, "--set", &base_url];
        self.at_concurrency(bench.sluice(&arguments))
    }

    /// `sluice resume`.
    pub(crate) fn resume(&self, bench: &Bench) -> Sluice {
        self.at_concurrency(bench.sluice(&["resume"]))
    }

    /// `sluice retry`.
    pub(crate) fn retry(&self, bench: &Bench) -> Sluice {
        self.at_concurrency(bench.sluice(&["retry"]))
    }

    fn at_concurrency(&self, sluice: Sluice) -> Sluice {
        sluice.arguments(["--concurrency", &self.concurrency().to_string()])
    }

    /// The column that holds a row's key.
    pub(crate) fn key_column(&self) -> &'static str {
        match self.connector {
            None => "contactId",
            Some(_) => "externalId",
        }
    }

    /// The rows that the tenant refuses, by their keys.
    pub(crate) fn is_refused(&self, bench: &Bench, key: &str) -> bool {
        let contacts = &bench.scenario.contacts;
        let is_missing = self.connector.is_none() && !contacts.exists(key);
        is_missing || contacts.is_invalid(key)
    }
}

fn new_contacts(count: u64) -> String {
    let mut text = String::from("externalId,firstName,email\n");
    for number in 1..=count {
        writeln!(text, "c-{number},Name {number},person.{number}@example.com")
            .expect("writing to memory doesn't fail");
    }
    text
}
