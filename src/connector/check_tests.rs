//! A connector of one's own, and its mistakes.

use std::collections::BTreeMap;

use crate::record::OutcomeKind;

use super::builtin::tests::{no_header, path, variables};
use super::*;

const OWN: &str = r#"name: own
title: A platform of one's own
variables:
  list: {description: a list, default: "7"}
base_url: https://api.example.com/base
auth: {grant: client_credentials, token_url: "https://login.example.com/token"}
operations:
  upsert:
    method: PUT
    path: /lists/{list}/items/{id}/v1
    key: id
    effect: upserted
    headers: {X-List: "{list}"}
    body: {envelope: /data/the~1item, includes_key: true}
    fields: {name: {max_length: 10, required: true}}
    replies:
      - {status: 200, body_at: {pointer: /state, equals: same}, class: unchanged}
      - {status: 403, body_contains: request_limit_exceeded, class: throttled}
"#;

#[test]
fn a_connector_of_one_s_own_can_do_what_the_format_says() {
    let own = Connector::parse("own.yaml", OWN).expect("right");
    let bound = own.bind(&BTreeMap::new()).expect("bound");
    assert_eq!(
        bound.auth.token_url.to_string(),
        "https://login.example.com/token"
    );
    let operation = &bound.operation;
    assert_eq!(path(&bound, "a/b"), "/base/lists/7/items/a%2Fb/v1");
    assert_eq!(operation.headers, [("X-List".to_owned(), "7".to_owned())]);
    let mut body = b"kept".to_vec();
    let written: Result<(), ()> = operation.wrap_body(&mut body, |body| {
        body.extend_from_slice(b"{}");
        Ok(())
    });
    assert_eq!(written, Ok(()));
    assert_eq!(body, br#"kept{"data":{"the/item":{}}}"#);
    assert_eq!(operation.wrap_body(&mut body, |_| Err("no")), Err("no"));
    assert!(body.ends_with(b"}}"));
    let class = |status, body: &str| {
        operation
            .classify(status, &no_header, body.as_bytes())
            .class
    };
    assert_eq!(class(200, r#"{"state":"same"}"#), ReplyClass::Unchanged);
    assert_eq!(class(200, r#"{"state":"other"}"#), ReplyClass::Done);
    assert_eq!(class(200, "no json"), ReplyClass::Done);
    assert_eq!(class(403, "REQUEST_LIMIT_EXCEEDED"), ReplyClass::Throttled);
    assert_eq!(class(403, ""), ReplyClass::Fatal);
    assert_eq!(
        operation.outcome(ReplyClass::Done, 201),
        Some(OutcomeKind::Created)
    );
    assert_eq!(operation.outcome(ReplyClass::Throttled, 429), None);
    let to_loopback = own
        .bind(&variables(&[("base_url", "http://127.0.0.1:1/p")]))
        .expect("bound");
    assert_eq!(
        to_loopback.auth.token_url.to_string(),
        "http://127.0.0.1:1/p/token"
    );
}

#[test]
fn check_explains_each_mistake_with_its_line() {
    let cases = [
        ("name: own", "name: Own!", 1, "the name holds more than"),
        (
            "a list, default: \"7\"",
            "a list, pattern: \"[a\"",
            4,
            "the pattern of `list` is no regular expression",
        ),
        (
            "default: \"7\"",
            "default: \"a/b\"",
            4,
            "the default of `list` doesn't match its own pattern",
        ),
        (
            "  list:",
            "  api_token: {description: x}\n  list:",
            4,
            "the variable `api_token` looks like a secret",
        ),
        (
            "  list:",
            "  base_url: {description: x}\n  list:",
            4,
            "`base_url` exists in every connector",
        ),
        (
            "https://api.example.com",
            "http://api.example.com",
            5,
            "the base_url can't be used: plain http",
        ),
        (
            "https://api.example.com",
            "https://{regoin}.example.com",
            5,
            "`{regoin}` is no variable",
        ),
        (
            "\"https://login.example.com/token\"",
            "/token",
            6,
            "the token_url can't be used: it doesn't begin",
        ),
        (
            "{id}/v1",
            "{idd}/v1",
            10,
            "`{idd}` is neither a variable nor the key `id`; did you mean `id`?",
        ),
        (
            "/lists/",
            "lists/",
            10,
            "the path doesn't begin with one `/`",
        ),
        (
            "X-List:",
            "Authorization:",
            13,
            "the header `Authorization` is written by the loader itself",
        ),
        (
            "X-List:",
            "\"X List\":",
            13,
            "\"X List\" is no name of a header",
        ),
        ("/data/the~1item", "data", 14, "\"data\" is no JSON pointer"),
        (
            "name: {max",
            "id: {max",
            15,
            "the key `id` stands among the fields",
        ),
        (
            "max_length: 10",
            "max_length: 0",
            15,
            "`max_length` of `name` is 0",
        ),
        (
            "effect: upserted",
            "effect: upserted\n    batch: 50",
            13,
            "`batch` is there, but not where the records stand",
        ),
        (
            "status: 403,",
            "status: 200, body_at: {pointer: x, equals: y},",
            18,
            "\"x\" is no JSON pointer",
        ),
        (
            "class: throttled}",
            "class: throttled}\n      - {status: 409, class: done}",
            19,
            "a failure's status is classed as done",
        ),
        (
            "class: throttled}",
            "class: throttled}\n      - {status: 4xx, class: rejected}\n      - {status: 404, class: missing}",
            20,
            "an earlier rule takes every reply",
        ),
        (
            "operations:",
            "default_operation: insert\noperations:",
            7,
            "there is no operation `insert`",
        ),
        (
            "class: throttled",
            "class: throtled",
            18,
            "unknown value `throtled`; did you mean `throttled`?",
        ),
        (
            "status: 403",
            "status: 999",
            18,
            "\"999\" is no HTTP status",
        ),
        (
            "{list}/items",
            "{list/items",
            10,
            "\"/lists/{list/items/{id}/v1\" has a name that isn't one",
        ),
        (
            "effect:",
            "efect:",
            12,
            "unknown key `efect`; did you mean `effect`?",
        ),
    ];
    assert_eq!(check_text("own.yaml", OWN), []);
    for (old, new, line, message) in cases {
        let text = OWN.replacen(old, new, 1);
        assert_ne!(text, OWN, "{old}");
        let findings = check_text("own.yaml", &text);
        let found = findings
            .iter()
            .any(|finding| finding.line == Some(line) && finding.message.starts_with(message));
        assert!(found, "{new}: {findings:#?}");
        let told = Connector::parse("own.yaml", &text)
            .expect_err("mistakes")
            .to_string();
        assert!(told.starts_with("own.yaml:"), "{told}");
    }
    let two = OWN
        .replacen("name: own", "name: Own", 1)
        .replacen("https://api", "http://api", 1);
    let error = Connector::parse("own.yaml", &two).expect_err("mistakes");
    assert_eq!(
        error.to_string(),
        "own.yaml:1: the name holds more than lower-case letters, digits and `-` (and one more mistake)"
    );
}
