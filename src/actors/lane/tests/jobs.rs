//! Batches that the tenant only takes in, and works through as jobs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::connector::Connector;
use crate::record::{Item, OutcomeKind};
use crate::transport::{Reply, Request};

use super::harness::*;
use super::tenant::*;

const CONNECTOR: &str = r#"
name: scripted
title: A tenant that works through batches as jobs
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
operations:
  import:
    method: POST
    path: /imports
    key: n
    effect: created
    batch: 40
    body: {includes_key: true, records: /things}
    fields: {name: {}}
    results:
      at: /results
      key: /n
      replies:
        - {body_at: {pointer: /ok, equals: "true"}, class: done}
        - {body_at: {pointer: /ok, equals: "false"}, class: rejected}
      errors: {messages: [/why]}
      all_or_nothing: true
    job:
      id: /import/id
      status:
        path: /imports/{job}
        done: [{status: 200, body_at: {pointer: /state, equals: done}}]
        failed: [{status: 200, body_at: {pointer: /state, equals: broken}}]
        every: 5s
        at_most: 2m
      results: {path: "/imports/{job}/results"}
"#;

fn wish() -> LaneWish {
    LaneWish {
        repeatable: false,
        connector: Some(CONNECTOR),
        ..LaneWish::default()
    }
}

/// Rows from `first` to `last`, whose records name them.
fn rows(first: u64, last: u64) -> Vec<Item> {
    let rows = first..=last;
    rows.map(|row| Item {
        body: Bytes::from(json!({ "n": row.to_string() }).to_string()),
        ..item(row, &row.to_string())
    })
    .collect()
}

/// What the scripted tenant has seen.
#[derive(Default)]
struct Seen {
    /// The rows of each import that was taken in.
    imports: Vec<Vec<u64>>,
    /// Target and time of every question.
    asked: Vec<(String, Duration)>,
}

impl Seen {
    fn questions(&self, target: &str) -> usize {
        let of_target = self.asked.iter().filter(|(asked, _)| asked == target);
        of_target.count()
    }
}

fn reply(body: &Value) -> Answer {
    let reply = Reply::new(200, body.to_string());
    (Duration::from_millis(20), Ok(reply))
}

/// Results of rows: every seventh was refused, and the thirteenth is left out.
fn results(rows: &[u64]) -> Answer {
    let told = rows.iter().filter(|row| **row != 13);
    let told: Vec<Value> = told
        .map(|row| json!({ "n": row.to_string(), "ok": row % 7 != 0, "why": "the seventh" }))
        .collect();
    reply(&json!({ "results": told }))
}

/// A lane whose questions about jobs are answered by `answer`: it is told the
/// target, the job's rows, and how often this was asked before.
fn start(
    wish: &LaneWish,
    answer: impl Fn(&str, &[u64], usize) -> Answer + 'static,
) -> (RunningLane, Rc<RefCell<Seen>>) {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let noted = Rc::clone(&seen);
    let started = Instant::now();
    let script = move |request: &Request, _| {
        let target = String::from_utf8(request.path.to_vec()).expect("text");
        let mut seen = noted.borrow_mut();
        if request.method == http::Method::POST {
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let things = body["things"].as_array().expect("a list").iter();
            let number = |thing: &Value| thing["n"].as_str().and_then(|text| text.parse().ok());
            let rows = things
                .map(|thing| number(thing).expect("a number"))
                .collect();
            seen.imports.push(rows);
            return reply(&json!({ "import": { "id": seen.imports.len() } }));
        }
        assert!(request.body.is_empty());
        let before = seen.questions(&target);
        seen.asked.push((target.clone(), started.elapsed()));
        let job = target.split('/').nth(2).unwrap_or_default();
        let rows = job.parse::<usize>().ok();
        let rows = rows.and_then(|job| seen.imports.get(job - 1).cloned());
        answer(&target, &rows.unwrap_or_default(), before)
    };
    let lane = RunningLane::start_raw(&limit_of(wish), wish, Rc::default(), script);
    (lane, seen)
}

/// Jobs that are done at the third question.
fn slow(target: &str, rows: &[u64], before: usize) -> Answer {
    match (target.ends_with("/results"), before) {
        (true, _) => results(rows),
        (false, 0 | 1) => reply(&json!({ "state": "working" })),
        (false, _) => reply(&json!({ "state": "done" })),
    }
}

fn as_told(row: u64) -> OutcomeKind {
    match row {
        13 => OutcomeKind::Unknown,
        row if row % 7 == 0 => OutcomeKind::Rejected,
        _ => OutcomeKind::Created,
    }
}

#[test]
fn rows_wait_for_their_job_and_each_ends_as_its_results_tell() {
    let (notes, seen) = under_paused_time(async {
        let (mut lane, seen) = start(&wish(), slow);
        lane.feed_items(rows(1, 100));
        (lane.end().await, seen)
    });
    let ends: BTreeMap<u64, OutcomeKind> = notes.ends().into_iter().collect();
    let expected: BTreeMap<_, _> = (1..=100).map(|row| (row, as_told(row))).collect();
    assert_eq!(ends, expected);
    assert_eq!(notes.refusal(14).message, "the seventh");
    let seen = seen.borrow();
    let imported: Vec<usize> = seen.imports.iter().map(Vec::len).collect();
    assert_eq!(imported, [40, 40, 20]);
    // Each id was durable with its rows, in the order in which they were sent.
    let noted: Vec<Vec<u64>> = notes
        .jobs
        .borrow()
        .iter()
        .map(|(_, rows)| rows.clone())
        .collect();
    assert_eq!(noted, seen.imports);
    let times: Vec<Duration> = seen
        .asked
        .iter()
        .filter(|(target, _)| target == "/imports/1")
        .map(|(_, at)| *at)
        .collect();
    assert_eq!(times.len(), 3);
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_secs(5), "{times:?}");
    }
    assert_eq!(seen.questions("/imports/1/results"), 1);
    assert_eq!(*notes.withdrawn.borrow(), Vec::<u64>::new());
    let audit = notes.calls.borrow();
    let asked = audit.iter().filter(|call| &*call.endpoint == "import/job");
    assert_eq!(asked.count(), seen.asked.len());
}

#[test]
fn the_next_leg_asks_about_the_job_and_sends_its_rows_no_second_time() {
    let wish = LaneWish {
        suspects: (1..=50).collect(),
        job_of_suspects: Some("earlier"),
        ..wish()
    };
    let (notes, seen) = under_paused_time(async {
        let (mut lane, seen) = start(&wish, |target, rows, before| match target {
            "/imports/earlier" => reply(&json!({ "state": "done" })),
            "/imports/earlier/results" => results(&(1..=50).collect::<Vec<_>>()),
            _ => slow(target, rows, before),
        });
        lane.feed_items(rows(1, 60));
        (lane.end().await, seen)
    });
    let ends: BTreeMap<u64, OutcomeKind> = notes.ends().into_iter().collect();
    let expected: BTreeMap<_, _> = (1..=60).map(|row| (row, as_told(row))).collect();
    assert_eq!(ends, expected);
    let seen = seen.borrow();
    assert_eq!(seen.imports, [(51..=60).collect::<Vec<u64>>()]);
    assert_eq!(seen.questions("/imports/earlier"), 1);
}

#[test]
fn of_a_job_without_a_name_every_row_is_unknown_and_none_is_sent_again() {
    let wish = LaneWish {
        suspects: (1..=5).collect(),
        ..wish()
    };
    let (notes, seen) = under_paused_time(async {
        let (mut lane, seen) = start(&wish, slow);
        lane.feed_items(rows(1, 5));
        (lane.end().await, seen)
    });
    assert!(
        notes
            .ends()
            .values()
            .all(|kind| *kind == OutcomeKind::Unknown)
    );
    assert!(seen.borrow().imports.is_empty());
}

#[test]
fn what_nobody_tells_is_unknown_and_names_the_job() {
    type Tells = fn(&str, &[u64], usize) -> Answer;
    let cases: [(Tells, &str); 5] = [
        (
            |_, _, _| reply(&json!({ "state": "broken" })),
            "the job ended without",
        ),
        (|_, _, _| status(404, 10), "can't be asked about"),
        (
            |_, _, _| reply(&json!({ "state": "working" })),
            "wasn't done after 120 s",
        ),
        (|_, _, _| status(500, 10), "wasn't done after 120 s"),
        (
            |target, _, _| match target.ends_with("/results") {
                true => reply(&json!({ "odd": true })),
                false => reply(&json!({ "state": "done" })),
            },
            "doesn't say which",
        ),
    ];
    for (tells, told) in cases {
        let (notes, seen) = under_paused_time(async {
            let (mut lane, seen) = start(&wish(), tells);
            lane.feed_items(rows(1, 10));
            (lane.end().await, seen)
        });
        let ends = notes.ends();
        assert_eq!(ends.len(), 10, "{told}");
        assert!(ends.values().all(|kind| *kind == OutcomeKind::Unknown));
        let message = notes.refusal(3).message;
        assert!(
            message.contains(told) && message.contains("job 1"),
            "{message}"
        );
        assert_eq!(seen.borrow().imports.len(), 1, "{told}");
    }
}

#[test]
fn questions_keep_to_the_limit_and_get_through_trouble() {
    let (notes, seen) = under_paused_time(async {
        let (mut lane, seen) = start(&wish(), |target, rows, before| {
            match (target.ends_with("/results"), before) {
                (false, 0) => throttled(429, "30", 10),
                (false, 1) => status(503, 10),
                (false, 2) | (true, 0) => status(401, 10),
                (false, 3) => reply(&json!("not the form of a job")),
                (_, before) => slow(target, rows, before),
            }
        });
        lane.feed_items(rows(1, 10));
        (lane.end().await, seen)
    });
    assert!(
        notes
            .ends()
            .values()
            .all(|kind| *kind != OutcomeKind::Unknown)
    );
    assert_eq!(*notes.tokens_rejected.borrow(), [1, 2]);
    let seen = seen.borrow();
    assert_eq!(seen.imports.len(), 1);
    let times: Vec<Duration> = seen.asked.iter().map(|(_, at)| *at).collect();
    assert!(times[1] - times[0] >= Duration::from_secs(30), "{times:?}");
}

#[test]
fn a_job_that_is_not_known_for_minutes_is_asked_about_again() {
    for refusal in [400, 404, 409] {
        let (notes, seen) = under_paused_time(async move {
            let (mut lane, seen) = start(&wish(), move |target, rows, before| match before {
                ..12 if !target.ends_with("/results") => status(refusal, 10),
                _ => slow(target, rows, before + 1),
            });
            lane.feed_items(rows(1, 10));
            (lane.end().await, seen)
        });
        let ends = notes.ends();
        assert_eq!(ends.len(), 10);
        for (row, kind) in ends {
            assert_eq!(kind, as_told(row), "row {row} after {refusal}");
        }
        let seen = seen.borrow();
        assert_eq!(seen.imports.len(), 1);
        let refused_for = seen.asked[12].1 - seen.asked[0].1;
        assert!(refused_for >= Duration::from_secs(60), "{refused_for:?}");
    }
}

#[test]
fn a_drain_leaves_jobs_to_the_next_leg() {
    let notes = under_paused_time(async {
        let (mut lane, _) = start(&wish(), |_, _, _| reply(&json!({ "state": "working" })));
        lane.feed_items(rows(1, 10));
        lane.reach(Duration::from_secs(12)).await;
        lane.drain.send_replace(true);
        let asked_to_stop = Instant::now();
        let notes = lane.end().await;
        assert!(asked_to_stop.elapsed() < Duration::from_secs(1));
        notes
    });
    assert!(notes.ends().is_empty());
    assert_eq!(notes.jobs.borrow().len(), 1);
    assert_eq!(*notes.withdrawn.borrow(), Vec::<u64>::new());
}

#[test]
fn an_import_that_is_refused_is_halved_until_the_bad_row_is_alone() {
    let connector = Connector::parse("scripted.yaml", CONNECTOR).expect("a connector");
    assert!(
        connector
            .bind(&[].into())
            .expect("bound")
            .operation
            .has_job()
    );
    let notes = under_paused_time(async {
        let imports = Rc::new(RefCell::new(Vec::<Vec<u64>>::new()));
        let script = move |request: &Request, _| {
            if request.method == http::Method::GET {
                let target = String::from_utf8(request.path.to_vec()).expect("text");
                let job: usize = target
                    .split('/')
                    .nth(2)
                    .expect("a job")
                    .parse()
                    .expect("its number");
                return match target.ends_with("/results") {
                    true => results(&imports.borrow()[job]),
                    false => reply(&json!({ "state": "done" })),
                };
            }
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let things = body["things"].as_array().expect("a list").iter();
            let rows: Vec<u64> = things
                .map(|thing| {
                    thing["n"]
                        .as_str()
                        .expect("text")
                        .parse()
                        .expect("a number")
                })
                .collect();
            if rows.contains(&5) {
                return status(400, 10);
            }
            imports.borrow_mut().push(rows);
            reply(&json!({ "import": { "id": imports.borrow().len() - 1 } }))
        };
        let wish = wish();
        let mut lane = RunningLane::start_raw(&limit_of(&wish), &wish, Rc::default(), script);
        lane.feed_items(rows(1, 12));
        lane.end().await
    });
    let ends: BTreeMap<u64, OutcomeKind> = notes.ends().into_iter().collect();
    let expected: BTreeMap<_, _> = (1..=12)
        .map(|row| match row {
            5 => (row, OutcomeKind::Rejected),
            row => (row, as_told(row)),
        })
        .collect();
    assert_eq!(ends, expected);
}
