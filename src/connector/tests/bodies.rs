//! The bodies of batches.

use super::support::*;
use crate::connector::*;

fn body_of(operation: &Operation, records: &[&str]) -> String {
    let mut out = b"kept".to_vec();
    let records = records.iter().map(|record| record.as_bytes());
    operation.write_batch_body(records.zip(17..), &mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    let body = text
        .strip_prefix("kept")
        .expect("what was there")
        .to_owned();
    serde_json::from_str::<serde_json::Value>(&body).expect("JSON");
    body
}

fn batched(body: &str, results: &str) -> std::sync::Arc<Operation> {
    operation(&format!(
        "method: PUT\npath: /things\nkey: id\neffect: upserted\nbatch: 3\nbody: {body}\n\
        fields: {{name: {{}}}}\nresults: {results}"
    ))
}

#[test]
fn records_are_joined_where_the_connector_wants_them() {
    let by_key = "{at: /results, key: /id, status: /status}";
    let cases = [
        (
            "{includes_key: true, records: /a/the~1list}",
            by_key,
            r#"{"a":{"the/list":[{"id":"1"},{}]}}"#,
        ),
        (
            "{includes_key: true, records: \"\"}",
            by_key,
            r#"[{"id":"1"},{}]"#,
        ),
        (
            "{includes_key: true, records: /a, tracker: /n}",
            "{at: /results, tracker: /n, status: /status}",
            r#"{"a":[{"n":17,"id":"1"},{"n":18}]}"#,
        ),
        (
            "{includes_key: true, records: /a, tracker: /n, tracker_as: text}",
            "{at: /results, tracker: /n, status: /status}",
            r#"{"a":[{"n":"17","id":"1"},{"n":"18"}]}"#,
        ),
    ];
    for (body, results, expected) in cases {
        let operation = batched(body, results);
        assert!(operation.is_batched());
        assert_eq!(operation.batch_cap, 3);
        assert_eq!(body_of(&operation, &[r#"{"id":"1"}"#, "{}"]), expected);
        assert_eq!(
            body_of(&operation, &[]).matches(['[', ']']).count(),
            2,
            "an empty list"
        );
    }
}

#[test]
fn each_record_stands_in_its_own_envelope_and_the_tracker_outside_of_it() {
    let operation = batched(
        "{includes_key: true, envelope: /data/contact, records: /all, tracker: /n}",
        "{at: /results, tracker: /n, status: /status}",
    );
    let mut item = Vec::new();
    let written: Result<(), ()> = operation.wrap_body(&mut item, |out| {
        out.extend_from_slice(br#"{"id":"1"}"#);
        Ok(())
    });
    assert_eq!(written, Ok(()));
    let item = String::from_utf8(item).expect("UTF-8");
    assert_eq!(
        body_of(&operation, &[&item]),
        r#"{"all":[{"n":17,"data":{"contact":{"id":"1"}}}]}"#
    );
}

#[test]
fn without_batches_the_body_is_the_record() {
    let operation = fixture("upsert-contacts");
    assert!(!operation.is_batched());
    assert_eq!(operation.batch_cap, 1);
    assert_eq!(body_of(&operation, &["{}"]), "{}");
}

#[test]
fn an_id_of_a_new_record_is_read_where_the_connector_says() {
    let operation = fixture("create-contacts");
    let id = |body: &str| operation.target_id(body.as_bytes());
    assert_eq!(id(r#"{"id":"7f"}"#).as_deref(), Some("7f"));
    assert_eq!(id(r#"{"id":12}"#).as_deref(), Some("12"));
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(301));
    for none in [
        "",
        "{}",
        r#"{"id":""}"#,
        r#"{"id":null}"#,
        r#"{"id":true}"#,
        r#"{"id":"a\nb"}"#,
        r#"{"id":["7f"]}"#,
        &long,
    ] {
        assert_eq!(id(none), None, "{none}");
    }
}
