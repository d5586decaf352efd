//! Jobs of a connector file: the upload's body, what is asked, and what the
//! answers mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::support::*;
use crate::connector::*;
use crate::record::OutcomeKind;

const LINES: &str = r#"
method: POST
path: /lists/upload
key: id
effect: created
batch: 50
body:
  includes_key: true
  records: /file
  records_as: csv_in_base64
  beside_records: {/name: a.csv, /overwrite: false}
fields: {name: {}}
results: {all_or_nothing: true}
job:
  id: [/job/id, /jobs/0/id]
  status:
    path: "/jobs/{job}?fields=all"
    done: [{status: 200, body_at: {pointer: /state, equals: done}}]
    failed: [{status: 200, body_at: {pointer: /state, equals: broken}}]
    every: 30s
  results:
    none_failed: [{status: 200, body_at: {pointer: /failed, equals: "0"}}]
"#;

/// Where results are matched by their places.
const BY_PLACE: &str = r#"
method: POST
path: /imports
key: id
effect: created
batch: 50
body: {includes_key: true, records: /things}
fields: {name: {}}
results:
  at: /results
  index: /index
  status: /status
  id: /id
job:
  id: /id
  status: {path: "/imports/{job}", done: [{status: 200, body_at: {pointer: /state, equals: done}}]}
"#;

fn answer(operation: &Operation, question: JobQuestion, status: u16, body: &str) -> JobAnswer {
    operation.read_job(question, status, &|_| None, body.as_bytes(), &ITEMS)
}

#[test]
fn the_records_go_up_as_a_file_beside_what_else_belongs_there() {
    let operation = operation(LINES);
    assert!(operation.has_job() && !operation.repeatable);
    let records: [&[u8]; 2] = [br#"{"id":"c-1","name":"Ada"}"#, br#"{"id":"c-2"}"#];
    let mut body = Vec::new();
    operation.write_batch_body(records.into_iter().zip(1..), &mut body);
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (&body["name"], &body["overwrite"]),
        (&json!("a.csv"), &json!(false))
    );
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(3));
    let file = STANDARD
        .decode(body["file"].as_str().expect("text"))
        .expect("Base64");
    assert_eq!(file, b"id,name\r\nc-1,Ada\r\nc-2,\r\n");
}

#[test]
fn the_reply_names_the_job_and_the_job_is_one_segment_of_its_path() {
    let operation = operation(LINES);
    assert_eq!(
        operation.job_id(br#"{"job": {"id": 17}}"#).as_deref(),
        Some("17")
    );
    assert_eq!(
        operation.job_id(br#"{"jobs": [{"id": "j"}]}"#).as_deref(),
        Some("j")
    );
    for reply in [r#"{"job": {}}"#, "", "not JSON", "[]"] {
        assert_eq!(operation.job_id(reply.as_bytes()), None, "{reply}");
    }
    let target = operation.job_target(JobQuestion::Status, "../users?x=1");
    assert_eq!(target, b"/jobs/..%2Fusers%3Fx%3D1?fields=all");
    assert_eq!(operation.job_patience().every.as_secs(), 30);
    assert_eq!(operation.job_patience().at_most.as_secs(), 3_600);
    // That it was taken in says nothing of any record.
    let taken = operation.split(202, &|_| None, br#"{"job": {"id": 17}}"#, &ITEMS);
    assert!(matches!(taken, Split::Whole(told) if told.class == ReplyClass::Done));
}

#[test]
fn a_job_goes_on_until_it_says_otherwise_and_counts_are_believed_only_at_none() {
    let operation = operation(LINES);
    let asked = |status, body: &str| answer(&operation, JobQuestion::Status, status, body);
    assert_eq!(asked(200, r#"{"state": "working"}"#), JobAnswer::Running);
    assert_eq!(asked(200, r#"{"state": "finished?"}"#), JobAnswer::Running);
    let JobAnswer::Told(verdicts) = asked(200, r#"{"state": "done", "failed": 0}"#) else {
        panic!("none failed");
    };
    assert_eq!(verdicts.len(), ITEMS.len());
    let is_made = |verdict: &ItemVerdict| verdict.outcome == Some(OutcomeKind::Created);
    assert!(verdicts.iter().all(is_made));
    for body in [
        r#"{"state": "done", "failed": 1}"#,
        r#"{"state": "done"}"#,
        r#"{"state": "broken", "failed": 0}"#,
    ] {
        assert!(
            matches!(asked(200, body), JobAnswer::NotTold { .. }),
            "{body}"
        );
    }
    for status in [400, 404, 409, 410] {
        let refused = asked(status, "{}");
        assert!(matches!(refused, JobAnswer::Refused { .. }), "{status}");
    }
    assert_eq!(asked(202, r#"{"state": "queued"}"#), JobAnswer::Running);
    assert_eq!(asked(200, "<html>"), JobAnswer::Retry);
    assert_eq!(asked(429, "{}"), JobAnswer::Throttled);
    assert_eq!(asked(503, "{}"), JobAnswer::Retry);
    assert_eq!(asked(401, "{}"), JobAnswer::RefreshToken);
    assert_eq!(asked(403, "{}"), JobAnswer::Fatal);
}

#[test]
fn results_in_the_last_answer_are_told_apart_as_those_of_a_batch() {
    let operation = operation(BY_PLACE);
    assert!(operation.matches_by_place());
    let body = json!({"state": "done", "results": [
        {"index": 4, "status": 201, "id": 44},
        {"index": 0, "status": 422},
        {"index": 1, "status": 201, "id": 41},
        {"index": 2, "status": 500},
    ]});
    let told = answer(&operation, JobQuestion::Status, 200, &body.to_string());
    let JobAnswer::Told(verdicts) = told else {
        panic!("{told:?}");
    };
    let outcomes: Vec<_> = verdicts.iter().map(|verdict| verdict.outcome).collect();
    use OutcomeKind::{Created, Rejected, Unknown};
    assert_eq!(
        outcomes,
        [Rejected, Created, Unknown, Unknown, Created].map(Some)
    );
    assert_eq!(verdicts[4].id.as_deref(), Some("44"));
}

#[test]
fn check_explains_each_mistake() {
    for (right, wrong, told) in [
        ("{job}?fields", "?fields", "the path doesn't name the job"),
        (
            "{job}?fields",
            "{jbo}?fields",
            "`{jbo}` is neither a variable",
        ),
        ("/jobs/{job}?", "jobs/{job}?", "the job's path"),
        ("every: 30s", "every: 500ms", "every second at most"),
        ("every: 30s", "every: 1h", "every 10 minutes at least"),
        (
            "done: [{status: 200, body_at: {pointer: /state, equals: done}}]",
            "done: []",
            "`done` has no rule",
        ),
        (
            "done: [{status: 200, body_at: {pointer: /state, equals: done}}]",
            "done: [{status: 200}]",
            "every reply of this status would mean the same",
        ),
        ("id: [/job/id,", "id: [job,", "is no JSON pointer"),
        (
            "none_failed: [{status: 200, body_at: {pointer: /failed, equals: \"0\"}}]",
            "none_failed: []",
            "all of them would end as unknown",
        ),
        (
            "effect: created",
            "effect: created\nrepeatable: true",
            "isn't sent twice",
        ),
        ("batch: 50\n", "", "a job is made of a batch"),
        (
            "/name: a.csv",
            "/file: a.csv",
            "it can't stand beside the records",
        ),
        (
            "/name: a.csv",
            "/deep/name: a.csv",
            "it can't stand beside the records",
        ),
        (
            "/name: a.csv",
            "/name: \"{regoin}\"",
            "`{regoin}` is no variable",
        ),
        (
            "{name: {}}",
            "{name: {at: /a/b}}",
            "no place within a place",
        ),
        (
            "includes_key: true",
            "key_at: [/x]",
            "wouldn't name their records",
        ),
        (
            "records: /file",
            "records: /file\n  tracker: /t",
            "carry no tracker",
        ),
    ] {
        let text = LINES.replacen(right, wrong, 1);
        assert_ne!(text, LINES, "{right}");
        assert_told(&connector_text(&text), told);
    }
}
