//! Looking records up, and what is done about rows in doubt.

use std::time::Duration;

use super::support::*;
use crate::connector::*;

const SENT: &[u8] = br#"{"externalId":"c-1","firstName":"Ann","lastName":"","score":7}"#;

fn answer(operation: &Operation, status: u16, body: &str) -> LookUpAnswer {
    operation.classify_look_up(status, &no_header, body.as_bytes(), "c-1", SENT)
}

fn found(id: &str) -> LookUpAnswer {
    LookUpAnswer::Found {
        id: Some(id.to_owned()).filter(|id| !id.is_empty()),
    }
}

fn is_unsure(answer: &LookUpAnswer) -> bool {
    matches!(answer, LookUpAnswer::NotSure { message } if !message.is_empty())
}

#[test]
fn what_is_done_about_a_row_in_doubt_follows_from_the_connector() {
    assert_eq!(fixture("upsert-contacts").in_doubt(), InDoubt::Repeat);
    assert_eq!(fixture("create-contacts").in_doubt(), InDoubt::LookUp);
    assert_eq!(fixture("create-contacts-once").in_doubt(), InDoubt::Repeat);
    assert_eq!(fixture("create-contacts-blind").in_doubt(), InDoubt::Keep);
    assert_eq!(fixture("batch-create").in_doubt(), InDoubt::LookUp);
    assert_eq!(fixture("batch-upsert").in_doubt(), InDoubt::Repeat);
    let once = fixture("create-contacts-once");
    assert_eq!(once.idempotency_header(), Some("Idempotency-Key"));
    assert!(!once.repeatable);
    assert_eq!(fixture("create-contacts").idempotency_header(), None);
    assert_eq!(fixture("upsert-contacts").look_up("c-1"), None);
}

#[test]
fn the_key_is_encoded_in_the_look_up_s_query() {
    let request = fixture("create-contacts")
        .look_up("a&b=c d/é#")
        .expect("a look-up");
    assert_eq!(
        String::from_utf8(request.path).expect("ASCII"),
        "/api/v2/contacts?externalId=a%26b%3Dc%20d%2F%C3%A9%23"
    );
    assert_eq!(
        (request.method, request.body),
        (LookUpMethod::Get, Vec::new())
    );
    assert_eq!(request.believed_after, Duration::from_secs(5));
    assert_eq!(request.timeout, Duration::from_secs(60));
}

#[test]
fn a_record_can_be_looked_up_by_post() {
    let operation = operation(
        "method: POST
path: /things
key: id
effect: created
body: {includes_key: true}
fields: {name: {}}
timeout: 9s
look_up:
  method: POST
  path: /things/search
  body: {type: ExternalId, value: \"<{id}>\"}
  believed_after: 2m
  found: [{status: 200, body_has: /id}]
  absent: [{status: 404}]",
    );
    let request = operation.look_up("a\"b").expect("a look-up");
    assert_eq!(request.method.name(), "POST");
    assert_eq!(
        String::from_utf8(request.body).expect("UTF-8"),
        r#"{"type":"ExternalId","value":"<a\"b>"}"#
    );
    assert_eq!(request.timeout, Duration::from_secs(9));
    assert_eq!(request.believed_after, Duration::from_secs(120));
    assert_eq!(answer(&operation, 404, ""), LookUpAnswer::Absent);
    assert_eq!(answer(&operation, 200, r#"{"id":1}"#), found(""));
}

#[test]
fn only_a_clear_yes_or_no_is_an_answer() {
    let operation = fixture("create-contacts");
    let there = r#"{"entities":[{"id":"7f","externalId":"c-1"}],"total":1}"#;
    assert_eq!(answer(&operation, 200, there), found("7f"));
    let none = r#"{"entities":[],"total":0}"#;
    assert_eq!(answer(&operation, 200, none), LookUpAnswer::Absent);
    // A search that found somebody else, and replies that show nothing.
    for (status, body) in [
        (
            200,
            r#"{"entities":[{"id":"7f","externalId":"c-10"}],"total":1}"#,
        ),
        (200, r#"{"entities":[{"id":"7f"}],"total":1}"#),
        (200, "{}"),
        (200, "[]"),
        (200, ""),
        (200, r#"{"entities":null}"#),
        (200, r#"{"entities":"none"}"#),
        (204, ""),
        (202, none),
        (302, ""),
        (400, none),
        (404, ""),
        (999, none),
    ] {
        let told = answer(&operation, status, body);
        assert!(is_unsure(&told), "{status} {body}: {told:?}");
    }
    assert_eq!(answer(&operation, 429, none), LookUpAnswer::Throttled);
    assert_eq!(answer(&operation, 401, ""), LookUpAnswer::RefreshToken);
    assert_eq!(answer(&operation, 403, ""), LookUpAnswer::Fatal);
    for status in [408, 500, 502, 503, 504] {
        assert_eq!(
            answer(&operation, status, none),
            LookUpAnswer::Retry,
            "{status}"
        );
    }
    // Something on the way garbled the reply: asked again.
    for garbled in ["<html>maintenance</html>", r#"{"entities":["#] {
        assert_eq!(
            answer(&operation, 200, garbled),
            LookUpAnswer::Retry,
            "{garbled}"
        );
    }
    let blind = fixture("create-contacts-blind");
    assert!(is_unsure(&answer(&blind, 200, there)));
}

#[test]
fn fields_that_must_be_the_same_are_compared_with_what_was_sent() {
    let operation = operation(
        "method: POST
path: /things
key: externalId
effect: created
body: {includes_key: true, envelope: /data}
fields: {firstName: {}, lastName: {}, score: {kind: number}}
look_up:
  path: /things/{externalId}
  found: [{status: 200}]
  absent: [{status: 404}]
  same: {externalId: /key, firstName: /first, lastName: /last, score: /score}",
    );
    let of = |sent: &str, body: &str| {
        operation.classify_look_up(200, &no_header, body.as_bytes(), "c-1", sent.as_bytes())
    };
    let sent = format!(r#"{{"data":{}}}"#, String::from_utf8_lossy(SENT));
    let same = r#"{"key":"c-1","first":"Ann","last":"Lee","score":"7"}"#;
    // An empty field was sent to say nothing, so it has nothing to be equal to.
    assert_eq!(of(&sent, same), found(""));
    for other in [
        same.replace("c-1", "c-2"),
        same.replace("Ann", "Bob"),
        same.replace('7', "8"),
        same.replace("first", "given"),
    ] {
        let told = of(&sent, &other);
        assert!(is_unsure(&told), "{other}");
        let LookUpAnswer::NotSure { message } = told else {
            continue;
        };
        assert!(
            !message.contains("Bob") && !message.contains("c-2"),
            "{message}"
        );
    }
    assert!(is_unsure(&of("{}", same)), "another envelope");
    assert!(is_unsure(&of("broken", same)));
}

#[test]
fn a_reply_that_shows_both_is_no_answer() {
    let operation = operation(
        "method: POST
path: /things
key: id
effect: created
body: {includes_key: true}
fields: {name: {}}
look_up:
  path: /things/{id}
  found: [{status: 200, body_has: /found}]
  absent: [{status: 200, body_contains: gone}]",
    );
    assert!(is_unsure(&answer(
        &operation,
        200,
        r#"{"found":1,"state":"gone"}"#
    )));
    assert_eq!(
        answer(&operation, 200, r#"{"state":"GONE"}"#),
        LookUpAnswer::Absent
    );
}
