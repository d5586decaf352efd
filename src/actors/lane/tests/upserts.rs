//! Rows that are looked up first, and made, changed, or left as they are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::record::{Item, OutcomeKind};
use crate::transport::{BodyFlaw, Cause, Reply, Request, Stage};

use super::harness::{LaneWish, RunningLane, item, limit_of, under_paused_time};
use super::tenant::{Answer, Notes, broken};

pub(super) const UPSERTING: &str = r#"
name: scripted
title: Makes records in lists, and changes them one by one
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
operations:
  create:
    method: POST
    path: /records
    key: key
    effect: created
    repeatable: false
    batch: 20
    body: {includes_key: true, records: ""}
    results: {at: "", key: /key, status: /status, id: /id, absent: unknown}
    look_up:
      path: "/records?key={key}"
      found: [{status: 200, body_has: /list/0}]
      absent: [{status: 200, body_lacks: /list/0}]
      record: /list/0
      id: /list/0/id
      version: /list/0/version
      second: /list/1
      believed_after: 5s
    fields: {name: {}}
    replies: [{status: 429, class: throttled}]
  update:
    method: PUT
    path: "/records/{id}"
    key: key
    effect: updated
    body: {includes_key: true, merge: true, version: /version}
    fields: {name: {}}
    replies: [{status: 409, class: conflict}]
upserts:
  upsert: {create: create, update: update}
default_operation: upsert
"#;

/// What befalls a request, before the tenant looks at it.
pub(super) enum Fate {
    Handled,
    /// It is handled, and the answer is lost.
    Unheard,
    /// It is handled, and the answer is longer than what is read.
    TooLong,
    Answer(u16),
}

/// A tenant with versions, and a search that is late by a while.
#[derive(Default)]
pub(super) struct Tenant {
    /// Records by key: several where somebody made a key twice.
    pub(super) records: RefCell<BTreeMap<String, Vec<Value>>>,
    /// When each record was made.
    pub(super) made: RefCell<BTreeMap<String, Instant>>,
    /// How long the search doesn't know a new record.
    pub(super) late: Duration,
    /// Whether what is there was made as the lane began.
    pub(super) made_just_before: bool,
    /// Records on one page of a look-up of several keys; 0 for all of them.
    pub(super) page: usize,
    /// How long look-ups take longer than other requests.
    pub(super) slow_look_ups: Duration,
    /// The requests: look-ups of one key, the keys of those of several, writes
    /// and their rows, changes.
    pub(super) look_ups: RefCell<u32>,
    pub(super) asked_together: RefCell<Vec<usize>>,
    pub(super) batches: RefCell<Vec<usize>>,
    pub(super) changes: RefCell<u32>,
}

impl Tenant {
    pub(super) fn with(keys: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        let tenant = Self::default();
        for (key, name) in keys {
            let record = json!({"id": format!("id-{key}"), "version": 1, "key": key, "name": name, "kept": true});
            tenant
                .records
                .borrow_mut()
                .entry(key.to_owned())
                .or_default()
                .push(record);
        }
        tenant
    }

    pub(super) fn handle(&self, request: &Request) -> (u16, Value) {
        let path = std::str::from_utf8(&request.path).expect("text");
        let now = Instant::now();
        if self.made_just_before && self.made.borrow().is_empty() {
            let keys = self.records.borrow().keys().cloned().collect::<Vec<_>>();
            self.made
                .borrow_mut()
                .extend(keys.into_iter().map(|key| (key, now)));
        }
        if let Some(keys) = path.strip_prefix("/records/many?keys=") {
            let keys: Vec<&str> = keys.split(',').collect();
            self.asked_together.borrow_mut().push(keys.len());
            let known = keys.iter().rev().flat_map(|key| self.known(key, now));
            let mut list: Vec<Value> = known.collect();
            let is_whole = self.page == 0 || list.len() <= self.page;
            return match is_whole {
                true => (200, json!({"list": list})),
                false => {
                    list.truncate(self.page);
                    (200, json!({"list": list, "next": "/records/many/2"}))
                }
            };
        }
        if request.method == Method::GET {
            *self.look_ups.borrow_mut() += 1;
            let key = path.rsplit('=').next().expect("a key");
            return (200, json!({"list": self.known(key, now)}));
        }
        let sent: Value = serde_json::from_slice(&request.body).expect("JSON");
        let mut records = self.records.borrow_mut();
        if request.method == Method::PATCH {
            *self.changes.borrow_mut() += 1;
            let id = path.rsplit('/').next().expect("an id");
            let mut all = records.values_mut().flatten();
            let Some(record) = all.find(|record| record["id"] == id) else {
                return (404, json!({}));
            };
            record["name"] = sent["name"].clone();
            return (200, record.clone());
        }
        if request.method == Method::PUT {
            *self.changes.borrow_mut() += 1;
            let id = path.rsplit('/').next().expect("an id");
            let mut all = records.values_mut().flatten();
            let Some(record) = all.find(|record| record["id"] == id) else {
                return (404, json!({}));
            };
            if sent["version"] != record["version"] {
                return (409, json!({"message": "the version is another"}));
            }
            let version = record["version"].as_u64().expect("a number") + 1;
            *record = sent;
            record["version"] = version.into();
            return (200, record.clone());
        }
        let list = sent.as_array().expect("a list");
        self.batches.borrow_mut().push(list.len());
        let results = list.iter().rev().map(|record| {
            let key = record["key"].as_str().expect("a key").to_owned();
            let mut made = record.clone();
            made["id"] = format!("id-{key}").into();
            made["version"] = 1.into();
            self.made.borrow_mut().insert(key.clone(), now);
            let id = made["id"].clone();
            records.entry(key.clone()).or_default().push(made);
            json!({"key": key, "status": 201, "id": id})
        });
        (200, results.collect())
    }

    /// The records of a key that the search knows.
    fn known(&self, key: &str, now: Instant) -> Vec<Value> {
        let made = self.made.borrow().get(key).copied();
        let is_known = made.is_none_or(|made| made + self.late <= now);
        let records = self.records.borrow();
        let list = records.get(key).filter(|_| is_known);
        list.cloned().unwrap_or_default()
    }

    pub(super) fn record(&self, key: &str) -> Value {
        self.records.borrow()[key][0].clone()
    }

    #[track_caller]
    pub(super) fn assert_no_key_twice(&self) {
        let records = self.records.borrow();
        let twice: Vec<_> = records.iter().filter(|(_, list)| list.len() > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}

pub(super) fn wish() -> LaneWish {
    LaneWish {
        connector: Some(UPSERTING),
        repeatable: false,
        concurrency: Some(4),
        ..LaneWish::default()
    }
}

pub(super) fn named(row: u64, key: &str, name: &str) -> Item {
    let body = json!({"key": key, "name": name}).to_string();
    Item {
        body: Bytes::from(body),
        ..item(row, key)
    }
}

/// Loads the rows to the end; `fate` is asked about each request by its number.
pub(super) fn load(
    wish: &LaneWish,
    tenant: Tenant,
    rows: Vec<Item>,
    fate: impl Fn(&Request, u64) -> Fate + 'static,
) -> (Rc<Notes>, Rc<Tenant>) {
    load_slowly(wish, tenant, vec![(Duration::ZERO, rows)], fate)
}

/// The same with rows that come bit by bit, each bit so long after the one
/// before.
pub(super) fn load_slowly(
    wish: &LaneWish,
    tenant: Tenant,
    bits: Vec<(Duration, Vec<Item>)>,
    fate: impl Fn(&Request, u64) -> Fate + 'static,
) -> (Rc<Notes>, Rc<Tenant>) {
    under_paused_time(async {
        let notes = Rc::new(Notes::default());
        let tenant = Rc::new(tenant);
        let at_work = Rc::clone(&tenant);
        let script = move |request: &Request, number: u64| -> Answer {
            let after = match request.method == Method::GET {
                true => Duration::from_millis(20) + at_work.slow_look_ups,
                false => Duration::from_millis(20),
            };
            match fate(request, number) {
                Fate::Answer(status) => (after, Ok(Reply::new(status, "{}"))),
                fate => {
                    let (status, body) = at_work.handle(request);
                    match fate {
                        Fate::Unheard => broken(Stage::NoReply, Cause::Reset, 20),
                        Fate::TooLong => {
                            let mut reply = Reply::new(status, &b"{\"list\":["[..]);
                            reply.body_flaw = Some(BodyFlaw::TooLarge);
                            (after, Ok(reply))
                        }
                        _ => (after, Ok(Reply::new(status, body.to_string()))),
                    }
                }
            }
        };
        let mut lane = RunningLane::start_raw(&limit_of(wish), wish, notes, script);
        lane.feed_slowly(bits);
        (lane.end().await, tenant)
    })
}

pub(super) fn well(_: &Request, _: u64) -> Fate {
    Fate::Handled
}

#[test]
fn a_row_is_made_changed_or_left_by_what_is_there() {
    let tenant = Tenant::with([("a", "Ada"), ("b", "Bob")]);
    let rows = vec![
        named(1, "a", "Ada"),
        named(2, "b", "Bert"),
        named(3, "c", "Cleo"),
    ];
    let (notes, tenant) = load(&wish(), tenant, rows, well);
    let ends = notes.ends();
    assert_eq!(ends[&1], OutcomeKind::Unchanged);
    assert_eq!(ends[&2], OutcomeKind::Updated);
    assert_eq!(ends[&3], OutcomeKind::Created);
    assert_eq!(*tenant.changes.borrow(), 1);
    assert_eq!(*tenant.batches.borrow(), [1]);
    let bert = tenant.record("b");
    assert_eq!(bert["name"], "Bert");
    assert_eq!(bert["kept"], true, "what the row doesn't name stays");
}

#[test]
fn rows_that_are_to_be_made_fill_their_requests() {
    let rows = (1..=400).map(|row| named(row, &format!("k{row}"), "new"));
    let (notes, tenant) = load(&wish(), Tenant::default(), rows.collect(), well);
    let created = |kind: &OutcomeKind| *kind == OutcomeKind::Created;
    assert!(notes.ends().values().all(created));
    tenant.assert_no_key_twice();
    assert_eq!(*tenant.look_ups.borrow(), 400);
    assert_eq!(*tenant.batches.borrow(), vec![20; 20]);
}

#[test]
fn a_search_that_is_late_makes_no_second_record() {
    let tenant = Tenant {
        late: Duration::from_millis(4_900),
        ..Tenant::default()
    };
    let rows = (1..=60).map(|row| named(row, &format!("k{}", row % 20), &format!("n{row}")));
    let (notes, tenant) = load(&wish(), tenant, rows.collect(), well);
    tenant.assert_no_key_twice();
    let ends = notes.ends();
    let made = ends.values().filter(|kind| **kind == OutcomeKind::Created);
    assert_eq!(made.count(), 20);
    for row in 41..=60 {
        assert_eq!(ends[&row], OutcomeKind::Updated);
        let name = tenant.record(&format!("k{}", row % 20))["name"].clone();
        assert_eq!(name, format!("n{row}"), "the last row of a key wins");
    }
}

#[test]
fn lost_answers_make_nothing_twice_and_are_counted_as_what_they_did() {
    let keys: Vec<String> = (1..=120).map(|row| format!("k{row}")).collect();
    let tenant = Tenant::with([]);
    for key in keys.iter().step_by(3) {
        let record = json!({"id": format!("id-{key}"), "version": 7, "key": key, "name": "old"});
        tenant
            .records
            .borrow_mut()
            .insert(key.clone(), vec![record]);
    }
    let rows = (1..=120).map(|row| named(row, &format!("k{row}"), "new"));
    let (notes, tenant) = load(&wish(), tenant, rows.collect(), |request, number| {
        match number % 5 {
            0 if request.method != Method::GET => Fate::Unheard,
            1 => Fate::Answer(503),
            _ => Fate::Handled,
        }
    });
    tenant.assert_no_key_twice();
    for (row, kind) in notes.ends() {
        let expected = match row % 3 {
            1 => OutcomeKind::Updated,
            _ => OutcomeKind::Created,
        };
        assert_eq!(kind, expected, "row {row}");
        assert_eq!(tenant.record(&format!("k{row}"))["name"], "new");
    }
    assert_eq!(notes.ends().len(), 120);
}

#[test]
fn a_record_that_somebody_else_changed_is_read_again() {
    let tenant = Tenant::with([("a", "Ada")]);
    let disturbed = std::cell::Cell::new(false);
    let rows = vec![named(1, "a", "Anna")];
    let (notes, tenant) = load(&wish(), tenant, rows, move |request, _| {
        // The first change comes too late, as if another had been before.
        match request.method == Method::PUT && !disturbed.replace(true) {
            true => Fate::Answer(409),
            false => Fate::Handled,
        }
    });
    assert_eq!(notes.ends()[&1], OutcomeKind::Updated);
    assert_eq!(tenant.record("a")["name"], "Anna");
    assert_eq!(*tenant.look_ups.borrow(), 2);
}

#[test]
fn another_record_that_stands_in_the_way_is_a_rejection_and_no_riddle() {
    let rows = vec![named(1, "a", "Ada"), named(2, "b", "Bob")];
    let (notes, tenant) = load(&wish(), Tenant::default(), rows, |request, _| {
        let is_of_the_first = request.method == Method::POST
            && request.body.windows(5).any(|part| part == br#""Ada""#);
        match is_of_the_first {
            true => Fate::Answer(409),
            false => Fate::Handled,
        }
    });
    assert_eq!(notes.ends()[&1], OutcomeKind::Rejected);
    assert_eq!(notes.refusal(1).status, Some(409));
    assert_eq!(notes.ends()[&2], OutcomeKind::Created);
    // It might have been one that somebody had just made.
    assert!(
        *tenant.look_ups.borrow() >= 3,
        "{}",
        tenant.look_ups.borrow()
    );
}

#[test]
fn two_records_of_one_key_are_left_to_people() {
    let tenant = Tenant::with([("a", "Ada"), ("a", "Eve")]);
    let (notes, tenant) = load(&wish(), tenant, vec![named(1, "a", "Anna")], well);
    assert_eq!(notes.ends()[&1], OutcomeKind::Rejected);
    assert_eq!(notes.refusal(1).error, "several_records");
    assert_eq!(*tenant.changes.borrow(), 0);
}

#[test]
fn a_look_up_that_fails_for_good_rejects_a_row_of_which_nothing_was_sent() {
    let tenant = Tenant::with([("b", "Bob")]);
    let rows = vec![named(1, "a", "Ada"), named(2, "b", "Bob")];
    let (notes, _) = load(&wish(), tenant, rows, |request, _| {
        let is_first = request.path.ends_with(b"=a");
        if is_first {
            Fate::Answer(418)
        } else {
            Fate::Handled
        }
    });
    assert_eq!(notes.ends()[&1], OutcomeKind::Rejected);
    assert_eq!(notes.refusal(1).error, "look_up_failed");
    assert_eq!(notes.ends()[&2], OutcomeKind::Unchanged);
}

#[test]
fn what_an_earlier_leg_was_about_to_make_is_made_once() {
    let tenant = Tenant::with([("k1", "new"), ("k2", "other")]);
    let wish = LaneWish {
        suspects: vec![1, 2, 3],
        ..wish()
    };
    let rows = (1..=3).map(|row| named(row, &format!("k{row}"), "new"));
    let (notes, tenant) = load(&wish, tenant, rows.collect(), well);
    tenant.assert_no_key_twice();
    let ends = notes.ends();
    assert_eq!(ends[&1], OutcomeKind::Created, "by the leg before");
    assert_eq!(ends[&2], OutcomeKind::Updated);
    assert_eq!(ends[&3], OutcomeKind::Created);
}

#[test]
fn comparing_writes_nothing_and_names_what_differs() {
    let tenant = Tenant::with([("a", "Ada"), ("b", "Bob")]);
    let wish = LaneWish {
        compares: true,
        ..wish()
    };
    let rows = vec![
        named(1, "a", "Ada"),
        named(2, "b", "Bert"),
        named(3, "c", "Cleo"),
    ];
    let (notes, tenant) = load(&wish, tenant, rows, well);
    let ends = notes.ends();
    assert_eq!(ends[&1], OutcomeKind::Unchanged);
    assert_eq!(ends[&2], OutcomeKind::Rejected);
    assert_eq!(ends[&3], OutcomeKind::Missing);
    let differs = notes.refusal(2);
    assert_eq!(
        (differs.error.as_str(), differs.field.as_str()),
        ("differs", "/name")
    );
    assert!(differs.message.contains("\"Bert\"") && differs.message.contains("\"Bob\""));
    assert_eq!(notes.refusal(3).error, "not_found");
    assert!(tenant.batches.borrow().is_empty());
    assert_eq!(*tenant.changes.borrow(), 0);
}
