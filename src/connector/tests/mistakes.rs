//! Contradictions in connector files, each told with its line.

use super::support::*;
use crate::connector::*;

/// The operation's first line is line 7 of the file.
const BATCH: &str = r#"method: POST
path: /things
key: id
effect: created
batch: 50
body: {includes_key: true, records: /things}
fields: {name: {}}
results:
  at: /results
  key: /id
  status: /status
look_up:
  path: /things?id={id}
  found: [{status: 200, body_has: /list/0}]
  absent: [{status: 200, body_lacks: /list/0}]"#;

#[test]
fn check_explains_each_contradiction_with_its_line() {
    let cases = [
        (
            "batch: 50",
            "batch: 0",
            11,
            "`batch` is 0, and has to be from 1 to 10000",
        ),
        ("batch: 50", "batch: 10001", 11, "`batch` is 10001"),
        (
            ", records: /things",
            "",
            11,
            "`batch` is there, but not where the records stand",
        ),
        (
            ", records: /things",
            "",
            15,
            "`results` tells how a batch's reply is split, and the operation has no batches",
        ),
        (
            "batch: 50\n",
            "",
            11,
            "`records` is there, but not how many",
        ),
        (
            "records: /things",
            "records: things",
            12,
            "\"things\" is no JSON pointer",
        ),
        (
            "path: /things\n",
            "path: /things/{id}\n",
            8,
            "the path names one record by {id}",
        ),
        (
            "batch: 50",
            "batch: 50\nid: /id",
            12,
            "`id` is the place of one record's id",
        ),
        (
            "batch: 50",
            "batch: 50\nidempotency_key: {header: Idempotency-Key}",
            12,
            "a header names one row",
        ),
        (
            "results:\n  at: /results\n  key: /id\n  status: /status\n",
            "",
            12,
            "the records travel in batches, but nothing says how their results are told apart",
        ),
        (
            "at: /results\n  key: /id\n  status: /status",
            "error_count: /count",
            15,
            "`results` names no list of results",
        ),
        (
            "  at: /results\n",
            "  all_or_nothing: true\n",
            16,
            "`key` is a place in each result",
        ),
        (
            "  key: /id\n",
            "",
            15,
            "nothing says which record a result is about",
        ),
        (
            "  key: /id\n",
            "  key: /id\n  index: /index\n",
            17,
            "`index` is one too many: only one of `key`, `tracker`, `index` and `in_order`",
        ),
        (
            "  key: /id\n",
            "  key: /id\n  in_order: true\n",
            17,
            "`in_order` is one too many",
        ),
        (
            "  key: /id\n",
            "  in_order: false\n",
            15,
            "nothing says which record a result is about",
        ),
        (
            "at: /results\n  key: /id\n  status: /status",
            "all_or_nothing: true\n  in_order: true",
            16,
            "`in_order` is about a list of results, and none is named",
        ),
        (
            "  key: /id\n",
            "  key: [/id, id]\n",
            16,
            "\"id\" is no JSON pointer",
        ),
        (
            "  key: /id\n",
            "  key: []\n",
            16,
            "the list of JSON pointers is empty",
        ),
        (
            "  key: /id\n",
            "  tracker: /n\n",
            16,
            "results are matched by a tracker, and none is sent",
        ),
        (
            "records: /things",
            "records: /things, tracker: /n",
            12,
            "a tracker is sent, and no result is matched by it",
        ),
        (
            "records: /things",
            "records: /things, tracker: /a/n",
            12,
            "the tracker stands deeper",
        ),
        (
            "records: /things",
            "records: /things, tracker: /name",
            12,
            "the item has a member `name` already",
        ),
        (
            "records: /things",
            "records: /things, tracker: /id",
            12,
            "the item has a member `id` already",
        ),
        (
            "records: /things",
            "records: /things, envelope: /n/x, tracker: /n",
            12,
            "the item has a member `n` already",
        ),
        (
            "  status: /status\n",
            "",
            15,
            "nothing says which results are done",
        ),
        (
            "status: /status",
            "status: status",
            17,
            "\"status\" is no JSON pointer",
        ),
        (
            "status: /status",
            "error_indexes: /e",
            17,
            "the failed records' indexes are named, and not",
        ),
        (
            "status: /status",
            "others: done",
            17,
            "`others` goes with `error_indexes`",
        ),
        (
            "status: /status",
            "status: /status\n  error_indexes: /e\n  others: done",
            18,
            "a list of results and a list of failed indexes",
        ),
        (
            "at: /results\n  key: /id\n  status: /status",
            "error_indexes: /e\n  others: done\n  absent: done",
            17,
            "`absent` and `others` are about the same records",
        ),
        (
            "at: /results\n  key: /id\n  status: /status",
            "all_or_nothing: true\n  absent: done",
            16,
            "`absent` is about records that no result names",
        ),
        (
            "at: /results\n  key: /id\n  status: /status",
            "failures: {at: /failed, key: /id}\n  absent: rejected",
            16,
            "a record would be rejected for not being among the failures",
        ),
        (
            "at: /results\n  key: /id\n  status: /status",
            "failures: {at: /failed}",
            15,
            "nothing says which record a result is about",
        ),
        (
            "status: /status",
            "status: /status\n  replies:\n    - {class: done}\n    - {status: 400, class: rejected}",
            20,
            "an earlier rule takes every reply",
        ),
        (
            "status: /status",
            "replies: [{status: 400, class: rejected}, {class: done}]",
            17,
            "the rule goes by a result's own status, and nothing says where",
        ),
        (
            "status: /status",
            "status: /status\n  replies: [{status: 409, class: done}]",
            18,
            "a failure's status is classed as done",
        ),
        (
            "status: /status",
            "status: /status\n  replies: [{body_has: x, class: done}]",
            18,
            "\"x\" is no JSON pointer",
        ),
        (
            "status: /status",
            "status: /status\n  too_many: [{status: [413, 500]}]",
            18,
            "a status that isn't a refusal can't show",
        ),
        (
            "status: /status",
            "stauts: /status",
            17,
            "unknown key `stauts`; did you mean `status`?",
        ),
        (
            "status: /status",
            "absent: maybe",
            17,
            "unknown value `maybe`",
        ),
        ("id={id}", "id=7", 19, "the look-up doesn't name the record"),
        (
            "id={id}",
            "id={idd}",
            19,
            "`{idd}` is neither a variable nor the key `id`",
        ),
        (
            "path: /things?id={id}",
            "path: things?id={id}",
            19,
            "the path of the look-up doesn't begin with one `/`",
        ),
        (
            "path: /things?id={id}",
            "path: \"/things?id={id}#top\"",
            19,
            "the path of the look-up doesn't begin with one `/`",
        ),
        (
            "  found: [{status: 200",
            "  body: {id: \"{id}\"}\n  found: [{status: 200",
            20,
            "a look-up by GET has no body",
        ),
        (
            "found: [{status: 200, body_has: /list/0}]",
            "found: []",
            19,
            "`found` has no rule",
        ),
        (
            "absent: [{status: 200, body_lacks: /list/0}]",
            "absent: []",
            19,
            "`absent` has no rule",
        ),
        (
            "found: [{status: 200",
            "found: [{status: 404",
            20,
            "a status that isn't a success can't show that a record is there",
        ),
        (
            "absent: [{status: 200",
            "absent: [{status: 503",
            21,
            "a failed look-up doesn't show",
        ),
        (
            "absent: [{status: 200",
            "absent: [{status: 4xx",
            21,
            "a failed look-up doesn't show",
        ),
        (
            ", body_lacks: /list/0",
            "",
            21,
            "every successful look-up would mean",
        ),
        (
            ", body_has: /list/0",
            "",
            21,
            "a rule of `found` takes every reply",
        ),
        (
            "  found: [",
            "  same: {nam: /n}\n  found: [",
            20,
            "`nam` is neither the key nor a field; did you mean `name`?",
        ),
        (
            "  found: [",
            "  id: id\n  found: [",
            20,
            "\"id\" is no JSON pointer",
        ),
        (
            "effect: created",
            "effect: created\nrepeatable: true",
            11,
            "the operation makes a new record, so sending it twice would make two",
        ),
    ];
    let right = connector_text(BATCH);
    assert_eq!(check_text("own.yaml", &right), []);
    let mut untold = Vec::new();
    for (old, new, line, message) in cases {
        let changed = BATCH.replacen(old, new, 1);
        assert_ne!(changed, BATCH, "{old}");
        let findings = check_text("own.yaml", &connector_text(&changed));
        assert!(findings.iter().all(|finding| !finding.message.is_empty()));
        let is_told = findings
            .iter()
            .any(|finding| finding.line == Some(line) && finding.message.starts_with(message));
        if !is_told {
            untold.push((old, new, line, message, findings));
        }
    }
    assert!(untold.is_empty(), "{untold:#?}");
}

#[test]
fn an_idempotency_key_has_a_header_of_its_own() {
    let text = connector_text(
        "method: POST\npath: /things\nkey: id\neffect: created\n\
        body: {includes_key: true}\nfields: {name: {}}\n\
        headers: {X-Once: always}\nidempotency_key: {header: Idempotency-Key}",
    )
    .replace(
        "operations:",
        "request_id: {send: X-Request-Id}\noperations:",
    );
    assert_eq!(check_text("own.yaml", &text), []);
    for (header, message) in [
        (
            "x-once",
            "the header `x-once` is sent with something else in it",
        ),
        (
            "X-Request-ID",
            "the header `X-Request-ID` is sent with something else in it",
        ),
        (
            "Authorization",
            "the header `Authorization` is written by the loader itself",
        ),
        ("\"a b\"", "\"a b\" is no name of a header"),
    ] {
        let changed = text.replace("header: Idempotency-Key", &format!("header: {header}"));
        let findings = check_text("own.yaml", &changed);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert_eq!(
            (findings[0].line, findings[0].message.as_str()),
            (Some(15), message)
        );
        assert!(!findings[0].hint.is_empty());
    }
}

#[test]
fn every_key_is_explained_in_the_schema() {
    let schema = connector_schema();
    let definitions = schema.as_value()["$defs"].as_object().expect("definitions");
    let mut seen = 0;
    for (name, definition) in definitions {
        let Some(properties) = definition["properties"].as_object() else {
            continue;
        };
        for (key, property) in properties {
            seen += 1;
            assert!(
                property["description"].is_string(),
                "{name}.{key} says nothing"
            );
        }
    }
    assert!(seen > 60, "{seen}");
    for name in [
        "ResultsSection",
        "LookUpSection",
        "IdempotencyKeySection",
        "FailuresSection",
    ] {
        assert_eq!(definitions[name]["additionalProperties"], false, "{name}");
    }
}
