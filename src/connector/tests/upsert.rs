//! Upserts by look-up: what is found, how it differs, and the change.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::connector::*;

const UPSERT: &str = r#"name: own
title: A platform of one's own
base_url: https://api.example.com/base
auth: {grant: client_credentials, token_url: "https://api.example.com/token"}
operations:
  create:
    method: POST
    path: /things
    key: externalId
    effect: created
    body: {includes_key: true}
    fields: {name: {}, age: {kind: number}}
    look_up:
      path: "/things?externalId={externalId}"
      found: [{status: 200, body_has: /list/0}]
      absent: [{status: 200, body_lacks: /list/0}]
      record: /list/0
      id: [/list/0/id, /list/0/uuid]
      version: /list/0/version
      second: /list/1
  update:
    method: PUT
    path: "/things/{id}"
    key: externalId
    effect: updated
    body: {includes_key: true, merge: true, drop: [/id], version: /version}
    fields: {name: {}, age: {kind: number}}
upserts:
  upsert: {create: create, update: update}
default_operation: upsert
"#;

fn bound() -> Bound {
    let connector = Connector::parse("own.yaml", UPSERT).expect("right");
    connector.bind(&BTreeMap::new()).expect("bound")
}

fn found(reply: &Value) -> Result<FoundRecord, FoundProblem> {
    bound().operation.found_record(reply.to_string().as_bytes())
}

#[test]
fn a_found_record_is_changed_where_it_differs_and_keeps_the_rest() {
    let bound = bound();
    let update = bound.update.expect("an upsert");
    let reply = json!({"list": [{"id": "a/1", "version": 4, "externalId": "k", "name": "Ada", "notes": "kept"}]});
    let record = found(&reply).expect("one record");
    assert_eq!(record.id, "a/1");
    let body = br#"{"externalId":"k","name":"Ada","age":36}"#;
    let wanted = bound.operation.record_of(body).expect("a record");
    let different: Vec<String> = differences(&wanted, &record.record)
        .into_iter()
        .map(|difference| difference.place)
        .collect();
    assert_eq!(different, ["/age"]);
    let change = update.change("k", &record, &wanted);
    assert_eq!(change.path, b"/base/things/a%2F1");
    let sent: Value = serde_json::from_slice(&change.body).expect("JSON");
    assert_eq!(
        sent,
        json!({"externalId": "k", "name": "Ada", "age": 36, "notes": "kept", "version": 4})
    );
}

#[test]
fn what_a_record_is_only_made_with_is_neither_compared_nor_changed() {
    let text = UPSERT.replacen(
        "includes_key: true",
        "includes_key: true, set_once: [/externalId]",
        1,
    );
    assert_ne!(text, UPSERT);
    let connector = Connector::parse("own.yaml", &text).expect("right");
    let operation = connector.bind(&BTreeMap::new()).expect("bound").operation;
    let wanted = operation.record_of(br#"{"externalId":"k","name":"Ada"}"#);
    assert_eq!(wanted, Some(json!({"name": "Ada"})));
}

#[test]
fn what_is_not_one_record_with_an_id_and_a_version_is_not_worked_with() {
    let two = json!({"list": [{"id": 1, "version": 1}, {"id": 2, "version": 1}]});
    let several = found(&two).expect_err("two records");
    let ids = vec!["1".to_owned(), "2".to_owned()];
    assert_eq!(several, FoundProblem::Several { ids });
    assert!(several.to_string().contains("this key (1, 2); merge"));
    let many: Vec<Value> = (1..=13).map(|id| json!({"id": id})).collect();
    let told = found(&json!({"list": many})).expect_err("many records");
    assert!(
        told.to_string()
            .contains("(1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more)")
    );
    for (reply, missing) in [
        (json!({"list": []}), "/list/0"),
        (json!({"list": ["text"]}), "/list/0"),
        (json!({"list": [{"version": 1}]}), "/list/0/id"),
        (json!({"list": [{"uuid": "u"}]}), "/list/0/version"),
    ] {
        let place = missing.to_owned();
        assert_eq!(found(&reply), Err(FoundProblem::NotThere { place }));
    }
    let with_other_id = json!({"list": [{"uuid": "u-7", "version": "v"}]});
    assert_eq!(found(&with_other_id).expect("a record").id, "u-7");
}

#[test]
fn an_upsert_is_named_like_an_operation_and_its_change_is_not() {
    let connector = Connector::parse("own.yaml", UPSERT).expect("right");
    let none = BTreeMap::new();
    let create = connector.bind_to("create", &none).expect("an operation");
    assert!(create.update.is_none());
    assert!(connector.bind_to("upsert", &none).is_ok());
    let refused = |name| {
        connector
            .bind_to(name, &none)
            .expect_err("refused")
            .to_string()
    };
    assert!(refused("update").contains("it is a part of an upsert"));
    assert!(
        refused("upser").contains("did you mean `upsert`"),
        "{}",
        refused("upser")
    );
}

#[test]
fn check_explains_each_mistake_of_an_upsert() {
    let cases = [
        (
            "default_operation: upsert",
            "default_operation: update",
            "has to be found first",
        ),
        (
            "{create: create,",
            "{create: creat,",
            "there is no operation `creat`",
        ),
        (
            "      record: /list/0\n",
            "",
            "no `look_up` that names `record` and `id`",
        ),
        (
            "    effect: updated",
            "    effect: upserted",
            "isn't one that changes a record",
        ),
        (
            "  upsert: {",
            "  create: {",
            "there is an operation `create` too",
        ),
        ("drop: [/id]", "drop: [id]", "\"id\" is no JSON pointer"),
        (
            "path: \"/things?externalId={externalId}\"",
            "path: \"/things?{id}={externalId}\"",
            "`{id}`",
        ),
    ];
    for (there, instead, told) in cases {
        assert!(UPSERT.contains(there), "{there}");
        let findings = check_text("own.yaml", &UPSERT.replacen(there, instead, 1));
        let is_told = |finding: &Finding| finding.message.contains(told) && finding.line.is_some();
        assert!(findings.iter().any(is_told), "{instead}: {findings:?}");
    }
    assert_eq!(check_text("own.yaml", UPSERT), []);
}
