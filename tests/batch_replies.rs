//! What a connector makes of a tenant's replies to batches, held against the
//! tenant's own books: every record that it calls done was made once, and every
//! record that it calls refused was not made.
//!
//! Requests go over plain sockets, one at a time, so that nothing but the
//! connector decides what becomes of a record.

#[expect(unreachable_pub, reason = "a test helper is shared by nothing else")]
mod batch_replies {
    pub mod desk;
}

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use batch_replies::desk::Desk;
use sluice::connector::{Connector, InDoubt, ItemKey, LookUpAnswer, Operation, ReplyClass, Split};

/// Records of each load.
const RECORDS: usize = 120;

/// A load with batches, as plain as can be.
struct Load {
    desk: Desk,
    operation: Arc<Operation>,
    cap: usize,
    /// How each record ended.
    ended: BTreeMap<usize, ReplyClass>,
    /// What the platform calls the records that were made.
    ids: BTreeMap<usize, String>,
    waiting: VecDeque<Vec<usize>>,
}

fn key_of(record: usize) -> String {
    format!("c {record}&é")
}

fn body_of(record: usize) -> String {
    serde_json::json!({"externalId": key_of(record), "firstName": format!("Ann {record}")})
        .to_string()
}

fn no_header(_: &str) -> Option<&'static str> {
    None
}

impl Load {
    /// Loads all records, until each of them has ended.
    fn run(tenant: &str, connector: &str) -> Self {
        let desk = Desk::new(tenant);
        let connector = Connector::parse("the test's connector", connector).expect("right");
        let base_url = ("base_url".to_owned(), desk.tenant.base_url());
        let operation = connector.bind(&[base_url].into()).expect("bound").operation;
        let all: Vec<usize> = (0..RECORDS).collect();
        let mut load = Self {
            desk,
            cap: operation.batch_cap,
            operation,
            ended: BTreeMap::new(),
            ids: BTreeMap::new(),
            waiting: VecDeque::new(),
        };
        load.queue(&all);
        while let Some(batch) = load.waiting.pop_front() {
            if batch.len() > load.cap {
                load.queue(&batch);
            } else {
                load.send(&batch);
            }
        }
        assert_eq!(load.ended.len(), RECORDS, "each record has ended");
        load
    }

    fn queue(&mut self, records: &[usize]) {
        let batches = records.chunks(self.cap).map(<[usize]>::to_vec);
        self.waiting.extend(batches);
    }

    fn send(&mut self, batch: &[usize]) {
        let operation = Arc::clone(&self.operation);
        let bodies: Vec<String> = batch.iter().map(|&record| body_of(record)).collect();
        let trackers = batch.iter().map(|&record| record as u64);
        let (mut path, mut body) = (Vec::new(), Vec::new());
        operation.write_path("", &mut path);
        let records = bodies.iter().map(String::as_bytes).zip(trackers);
        operation.write_batch_body(records, &mut body);
        let keys: Vec<String> = batch.iter().map(|&record| key_of(record)).collect();
        let items: Vec<ItemKey<'_>> = keys
            .iter()
            .zip(batch)
            .map(|(key, &record)| ItemKey {
                key,
                tracker: record as u64,
            })
            .collect();
        let Some(answer) = self.desk.call(operation.method.name(), &path, &body) else {
            batch.iter().for_each(|&record| self.settle_doubt(record));
            return;
        };
        match operation.split(answer.status, &no_header, &answer.body, &items) {
            Split::Items(verdicts) | Split::NamesNone(verdicts) => {
                assert_eq!(verdicts.len(), batch.len());
                for (&record, verdict) in batch.iter().zip(verdicts) {
                    self.ids.extend(verdict.id.map(|id| (record, id)));
                    self.settle(record, verdict.class);
                }
            }
            Split::Whole(why) => {
                for &record in batch {
                    self.settle(record, why.class);
                }
            }
            Split::Halve(_) => {
                let (one, other) = batch.split_at(batch.len() / 2);
                self.waiting.extend([one.to_vec(), other.to_vec()]);
            }
            Split::ShrinkCap { most, .. } => {
                self.cap = most;
                self.queue(batch);
            }
        }
    }

    fn settle(&mut self, record: usize, class: ReplyClass) {
        match class {
            ReplyClass::Throttled | ReplyClass::Retry => self.waiting.push_back(vec![record]),
            ReplyClass::Unknown => self.settle_doubt(record),
            ReplyClass::RefreshToken | ReplyClass::Fatal => panic!("no record can pass"),
            class => {
                let before = self.ended.insert(record, class);
                assert_eq!(before, None, "a record ends once");
            }
        }
    }

    fn settle_doubt(&mut self, record: usize) {
        match self.operation.in_doubt() {
            InDoubt::Repeat => self.waiting.push_back(vec![record]),
            InDoubt::Keep => self.settle(record, ReplyClass::Rejected),
            InDoubt::LookUp => {
                let key = key_of(record);
                let request = self.operation.look_up(&key).expect("a look-up");
                let method = request.method.name();
                let Some(answer) = self.desk.call(method, &request.path, &request.body) else {
                    return self.settle_doubt(record);
                };
                let (status, sent) = (answer.status, body_of(record));
                let found = self.operation.classify_look_up(
                    status,
                    &no_header,
                    &answer.body,
                    &key,
                    sent.as_bytes(),
                );
                match found {
                    LookUpAnswer::Found { id } => {
                        self.ids.extend(id.map(|id| (record, id)));
                        self.settle(record, ReplyClass::Done);
                    }
                    LookUpAnswer::Absent => self.waiting.push_back(vec![record]),
                    LookUpAnswer::Retry | LookUpAnswer::Throttled => self.settle_doubt(record),
                    other => panic!("neither there nor absent: {other:?}"),
                }
            }
        }
    }

    /// Holds what the connector made of the replies against the tenant's books;
    /// how many records were refused.
    fn compare(&self) -> usize {
        let made = self.desk.tenant.ledger().made;
        for (&record, class) in &self.ended {
            let times = made.get(&key_of(record)).copied().unwrap_or_default();
            let expected = u64::from(*class == ReplyClass::Done);
            assert_eq!(times, expected, "record {record} ended as {}", class.name());
        }
        assert!(made.len() <= RECORDS, "no record that isn't ours");
        let refused = self
            .ended
            .values()
            .filter(|class| **class != ReplyClass::Done);
        refused.count()
    }
}

fn connector(name: &str) -> String {
    let path = format!("fixtures/connectors/{name}.yaml");
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a fixture")
}

/// A connector of `fixtures/connectors` with other results.
fn with_results(name: &str, results: &str) -> String {
    let text = connector(name);
    let start = text.find("    results:\n").expect("it has results");
    let end = ["    look_up:\n", "    fields:\n"]
        .iter()
        .filter_map(|next| text.find(next))
        .min()
        .expect("more follows");
    let mut changed = text[..start].to_owned();
    changed.push_str("    results:\n");
    for line in results.trim_matches('\n').lines() {
        changed.push_str("      ");
        changed.push_str(line);
        changed.push('\n');
    }
    changed + &text[end..]
}

const BOTH: [&str; 2] = ["batch-create", "batch-upsert"];
const INVALID: &str = "contacts: {invalid: 0.1}\n";

#[test]
fn shuffled_results_with_failures_inside_a_success_agree_with_the_books() {
    let faults = "[{status: 429, ratio: 0.1}, {status: 500, ratio: 0.1}]";
    for name in BOTH {
        for partial in [200, 207] {
            let tenant = format!(
                "{INVALID}batches: {{cap: 30, over_cap: 400, shuffled: true, partial_status: {partial}, item_faults: {faults}}}"
            );
            let load = Load::run(&tenant, &connector(name));
            let refused = load.compare();
            assert!((3..40).contains(&refused), "{refused} of {RECORDS}");
            assert_eq!(
                load.ids.len(),
                RECORDS - refused,
                "the ids of all that were made"
            );
            assert!(
                load.cap <= 30,
                "the batches have shrunk to what the tenant takes"
            );
        }
    }
}

#[test]
fn where_failures_alone_are_told_the_others_were_made() {
    let results = "absent: done\nerror_count: /errorCount\nfailures: {at: /results, key: /externalId, status: /status}";
    for name in BOTH {
        let tenant = format!("{INVALID}batches: {{reply: failures, shuffled: true}}");
        let load = Load::run(&tenant, &with_results(name, results));
        assert!(load.compare() > 3);
    }
}

#[test]
fn where_failed_indexes_alone_are_told_the_others_were_made() {
    let results = "error_indexes: /errorIndexes\nothers: done\nerror_count: /errorCount";
    for name in BOTH {
        let tenant = format!("{INVALID}batches: {{reply: error_indexes}}");
        let load = Load::run(&tenant, &with_results(name, results));
        assert!(load.compare() > 3);
    }
}

#[test]
fn a_batch_of_all_or_nothing_is_halved_until_each_bad_record_is_alone() {
    for name in BOTH {
        let tenant = format!("{INVALID}batches: {{reply: all_or_nothing, cap: 25}}");
        let load = Load::run(&tenant, &connector(name));
        let refused = load.compare();
        assert!(refused > 3);
        // Each bad record costs two requests at each of the halvings.
        assert!(
            load.desk.requests < 20 + refused * 12,
            "{}",
            load.desk.requests
        );
    }
}

#[test]
fn results_are_matched_by_a_tracker_or_an_index_too() {
    for (name_of_record, body) in [("tracker", ", tracker: /tracker"), ("index", "")] {
        let results =
            format!("at: /results\n{name_of_record}: /{name_of_record}\nstatus: /status\nid: /id");
        let text = with_results("batch-create", &results)
            .replace("records: /contacts", &format!("records: /contacts{body}"));
        let tenant = format!("{INVALID}batches: {{shuffled: true}}");
        let load = Load::run(&tenant, &text);
        let refused = load.compare();
        assert!(refused > 3);
        assert_eq!(load.ids.len(), RECORDS - refused);
    }
}

#[test]
fn batches_that_are_applied_and_never_answered_are_made_once() {
    for fault in [
        "kind: close_after",
        "kind: close_before",
        "kind: truncated_body",
        "kind: not_json, status: 200",
        "kind: server_error, applied: true",
        "kind: server_error, status: 503",
        "kind: server_error, status: 504, applied: true",
    ] {
        let tenant = format!("faults: [{{{fault}, ratio: 0.3}}]\nbatches: {{cap: 10}}");
        for name in BOTH {
            let load = Load::run(&tenant, &connector(name));
            assert_eq!(load.compare(), 0, "{fault} {name}");
        }
    }
}
