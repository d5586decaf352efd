//! A tenant that makes records, one by one or in lists, and can be asked for
//! them; each test says which answers it swallows.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::transport::{Cause, Reply, Request, Stage};

use super::harness::{LaneWish, RunningLane, limit_of, rows_up_to, under_paused_time};
use super::tenant::{Answer, Notes, broken, status};

/// One by one, with a look-up.
pub(super) const LOOKED_UP: &str = r#"
name: scripted
title: Makes records that can be looked up
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
operations:
  create:
    method: POST
    path: /records
    key: id
    effect: created
    repeatable: false
    body: {includes_key: true}
    look_up:
      path: "/records?id={id}"
      found: [{status: 200}]
      absent: [{status: 404}]
      believed_after: 5s
    fields: {name: {}}
"#;

/// One by one, with a key that tells a repeat.
pub(super) const MARKED: &str = r#"
name: scripted
title: Makes records, and knows a repeat
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
operations:
  create:
    method: POST
    path: /records
    key: id
    effect: created
    repeatable: false
    body: {includes_key: true}
    idempotency_key: {header: Idempotency-Key}
    fields: {name: {}}
"#;

/// In lists of eight.
pub(super) const LISTED: &str = r#"
name: scripted
title: Makes records in lists
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
operations:
  create:
    method: POST
    path: /records/list
    key: id
    effect: created
    repeatable: false
    batch: 8
    body: {includes_key: true, records: /records}
    results:
      at: /results
      key: /id
      status: /status
      errors: {messages: [/why]}
      absent: unknown
      too_many: [{status: 413}]
      all_or_nothing: true
    look_up:
      path: "/records?id={id}"
      found: [{status: 200}]
      absent: [{status: 404}]
      believed_after: 5s
    fields: {name: {}}
    replies:
      - {status: [400, 422], class: rejected}
"#;

/// A wish for a lane of one of these connectors.
pub(super) fn making(connector: &'static str) -> LaneWish {
    LaneWish {
        connector: Some(connector),
        repeatable: false,
        concurrency: Some(4),
        ..LaneWish::default()
    }
}

/// What one request asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The rows that it writes; empty for a look-up.
    pub(super) rows: Vec<u64>,
    /// The row that it looks up.
    pub(super) looks_up: Option<u64>,
    /// How often these rows' first one was written or looked up, this time
    /// included.
    pub(super) attempt: u32,
    /// The header that marks repeats.
    pub(super) mark: Option<String>,
    pub(super) at: Duration,
}

/// How the tenant treats a request.
pub(super) enum Treat {
    /// It does as asked, and says so.
    Well,
    /// It does as asked, and its answer is lost.
    DoneUnheard,
    /// The request is lost on its way.
    Lost,
    /// It does nothing and answers so.
    Answer(Answer),
    /// It makes the records, and answers with these results.
    Results(Value),
}

/// What the tenant has, and what it was asked.
#[derive(Default)]
pub(super) struct Maker {
    /// How often each row's record was made.
    pub(super) made: RefCell<BTreeMap<u64, u32>>,
    pub(super) asked: RefCell<Vec<Asked>>,
    /// Requests that left before their rows were written down.
    pub(super) unwritten: RefCell<Vec<Vec<u64>>>,
    attempts: RefCell<HashMap<(bool, u64), u32>>,
}

impl Maker {
    fn answer(
        &self,
        request: &Request,
        at: Duration,
        notes: &Notes,
        treat: &dyn Fn(&Asked) -> Treat,
    ) -> Answer {
        let path = std::str::from_utf8(&request.path).expect("text");
        let looks_up = (request.method == Method::GET).then(|| row_of_key(path));
        let rows: Vec<u64> = match (looks_up, serde_json::from_slice(&request.body)) {
            (Some(_), _) => Vec::new(),
            (None, Ok(Value::Number(row))) => vec![row.as_u64().expect("a row")],
            (None, Ok(list)) => {
                let rows = list["records"].as_array().expect("a list").iter();
                rows.map(|row| row.as_u64().expect("a row")).collect()
            }
            (None, Err(cause)) => panic!("the body isn't JSON: {cause}"),
        };
        let first = looks_up.or(rows.first().copied()).expect("a row");
        let mut attempts = self.attempts.borrow_mut();
        let attempt = attempts.entry((looks_up.is_some(), first)).or_default();
        *attempt += 1;
        let mark = request
            .headers
            .iter()
            .find(|(name, _)| *name == "idempotency-key");
        let asked = Asked {
            rows: rows.clone(),
            looks_up,
            attempt: *attempt,
            mark: mark.map(|(_, value)| value.to_str().expect("text").to_owned()),
            at,
        };
        if !rows.iter().all(|row| notes.intended.borrow().contains(row)) {
            self.unwritten.borrow_mut().push(rows.clone());
        }
        let treated = treat(&asked);
        self.asked.borrow_mut().push(asked);
        let lost = || broken(Stage::NoReply, Cause::Reset, 40);
        match (treated, looks_up) {
            (Treat::Answer(answer), _) => answer,
            (Treat::Lost, _) | (Treat::DoneUnheard, Some(_)) => lost(),
            (Treat::Well | Treat::Results(_), Some(row)) => {
                match self.made.borrow().contains_key(&row) {
                    true => status(200, 20),
                    false => status(404, 20),
                }
            }
            (Treat::Well, None) => {
                self.make(&rows);
                match request.body.starts_with(b"{") {
                    true => results(rows.iter().map(|row| (*row, 201))),
                    false => status(201, 20),
                }
            }
            (Treat::DoneUnheard, None) => {
                self.make(&rows);
                lost()
            }
            (Treat::Results(told), None) => {
                let failed = |row: &u64| {
                    let results = told["results"].as_array().expect("results");
                    results.iter().any(|result| {
                        result["id"] == format!("key{row}") && result["status"] != 201
                    })
                };
                let done: Vec<u64> = rows.iter().copied().filter(|row| !failed(row)).collect();
                self.make(&done);
                (
                    Duration::from_millis(20),
                    Ok(Reply::new(200, told.to_string())),
                )
            }
        }
    }

    fn make(&self, rows: &[u64]) {
        let mut made = self.made.borrow_mut();
        for row in rows {
            *made.entry(*row).or_default() += 1;
        }
    }

    /// Every row from 1 to `rows` was made once, and nothing twice.
    #[track_caller]
    pub(super) fn assert_each_made_once(&self, rows: u64) {
        let expected: BTreeMap<u64, u32> = (1..=rows).map(|row| (row, 1)).collect();
        assert_eq!(*self.made.borrow(), expected);
        self.assert_written_down();
    }

    /// Nothing left before it was written down.
    #[track_caller]
    pub(super) fn assert_written_down(&self) {
        assert_eq!(*self.unwritten.borrow(), Vec::<Vec<u64>>::new());
    }

    /// The requests that wrote this row.
    pub(super) fn writes_of(&self, row: u64) -> Vec<Asked> {
        let asked = self.asked.borrow();
        let writes = asked.iter().filter(|asked| asked.rows.contains(&row));
        writes.cloned().collect()
    }

    /// The look-ups of this row.
    pub(super) fn look_ups_of(&self, row: u64) -> Vec<Asked> {
        let asked = self.asked.borrow();
        let look_ups = asked.iter().filter(|asked| asked.looks_up == Some(row));
        look_ups.cloned().collect()
    }
}

/// The reply of a list, in the opposite order.
pub(super) fn results(of: impl Iterator<Item = (u64, u16)>) -> Answer {
    let reply = Reply::new(200, listed(of).to_string());
    (Duration::from_millis(20), Ok(reply))
}

/// The results of a list, in the opposite order.
pub(super) fn listed(of: impl Iterator<Item = (u64, u16)>) -> Value {
    let mut results: Vec<Value> = of
        .map(|(row, status)| json!({"id": format!("key{row}"), "status": status, "why": "bad"}))
        .collect();
    results.reverse();
    json!({"results": results})
}

fn row_of_key(path: &str) -> u64 {
    let key = path.rsplit("key").next().expect("a key");
    key.parse().expect("the row's number in its key")
}

/// A lane before such a tenant, and the tenant.
pub(super) fn start(
    wish: &LaneWish,
    treat: impl Fn(&Asked) -> Treat + 'static,
) -> (RunningLane, Rc<Maker>) {
    let notes = Rc::new(Notes::default());
    let maker = Rc::new(Maker::default());
    let (at_work, written) = (Rc::clone(&maker), Rc::clone(&notes));
    let started = Instant::now();
    let script = move |request: &Request, _: u64| {
        at_work.answer(request, started.elapsed(), &written, &treat)
    };
    let lane = RunningLane::start_raw(&limit_of(wish), wish, notes, script);
    (lane, maker)
}

/// Loads rows 1 to `rows` to the end; what the lane left behind, and the
/// tenant.
pub(super) fn load(
    wish: &LaneWish,
    rows: u64,
    treat: impl Fn(&Asked) -> Treat + 'static,
) -> (Rc<Notes>, Rc<Maker>) {
    under_paused_time(async {
        let (mut lane, maker) = start(wish, treat);
        lane.feed(rows_up_to(rows));
        (lane.end().await, maker)
    })
}
