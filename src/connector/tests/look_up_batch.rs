//! Looking several records up with one request.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::*;
use crate::connector::*;

/// An operation with a look-up, whose `batch` has these lines.
fn lines(batch: &str) -> String {
    let mut lines = "method: PUT\npath: /things/{id}\nkey: id\neffect: upserted\n\
        body: {includes_key: true}\nfields: {name: {}}\nlook_up:\n  path: /things?id={id}\n  \
        found: [{status: 200, body_has: /list/0}]\n  absent: [{status: 200, body_lacks: /list/0}]\n  \
        record: /list/0\n  id: /list/0/uuid\n  batch:\n"
        .to_owned();
    for line in batch.trim_matches('\n').lines() {
        lines.push_str("    ");
        lines.push_str(line);
        lines.push('\n');
    }
    lines.push_str("replies: [{status: 200, body_contains: slow down, class: throttled}]\n");
    lines
}

const QUERY: &str = r#"max: 50
path: /things?expand=all
keys: {parameter: "id[]"}
records: /list
key: /id
id: /uuid
version: /version
complete: [{status: 200, body_lacks: /next}]"#;

const BODY: &str = r#"max: 50
method: POST
path: /things/read
body: {idProperty: key, properties: [name]}
keys: {at: /inputs, each: {id: "{id}", kind: [1, "<{id}>"]}}
records: /results
key: /properties/key
record: /properties
id: /id
failures:
  at: /errors
  key: /ids
  replies: [{body_at: {pointer: /category, equals: NOT_FOUND}, class: missing}]"#;

fn querying() -> Arc<Operation> {
    operation(&lines(QUERY))
}

fn reading() -> Arc<Operation> {
    operation(&lines(BODY))
}

fn target(operation: &Operation, keys: &[&str]) -> String {
    let request = operation.look_up_many(keys).expect("a look-up");
    assert!(request.body.is_empty());
    String::from_utf8(request.path).expect("ASCII")
}

fn split(operation: &Operation, reply: &Value, keys: &[&str]) -> LookUpSplit {
    operation.split_look_up(200, &no_header, reply.to_string().as_bytes(), keys)
}

fn answers(operation: &Operation, reply: &Value, keys: &[&str]) -> Vec<KeyAnswer> {
    match split(operation, reply, keys) {
        LookUpSplit::Keys(answers) => answers,
        other => panic!("{other:?}"),
    }
}

/// A word for each answer.
fn words(answers: &[KeyAnswer]) -> String {
    let words = answers.iter().map(|answer| match answer {
        KeyAnswer::Found(record) => record.id.clone(),
        KeyAnswer::Problem(FoundProblem::Several { ids }) => ids.join("+"),
        KeyAnswer::Problem(FoundProblem::NotThere { place }) => place.clone(),
        KeyAnswer::Absent => "absent".to_owned(),
        KeyAnswer::LeftOut => "left".to_owned(),
        KeyAnswer::Unclear => "unclear".to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_stand_encoded_in_the_query_or_in_a_list_of_the_body() {
    assert_eq!(
        target(&querying(), &["a&b", "c,é"]),
        "/things?expand=all&id%5B%5D=a%26b&id%5B%5D=c%2C%C3%A9"
    );
    let joined = QUERY
        .replace("?expand=all", "")
        .replace("\"id[]\"}", "ids, separator: \",\"}");
    assert_eq!(
        target(&operation(&lines(&joined)), &["a", "b/c", "d"]),
        "/things?ids=a,b%2Fc,d"
    );
    let request = reading().look_up_many(&["a\"b", "c"]).expect("a look-up");
    assert_eq!(request.method, LookUpMethod::Post);
    assert_eq!(request.path, b"/things/read");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(
        body,
        json!({
            "idProperty": "key", "properties": ["name"],
            "inputs": [{"id": "a\"b", "kind": [1, "<a\"b>"]}, {"id": "c", "kind": [1, "<c>"]}],
        })
    );
    let list = "max: 9\nmethod: POST\npath: /read\nkeys: {at: \"\"}\nrecords: \"\"\nkey: /k\nid: /i\ncomplete: [{status: 200}]";
    let request = operation(&lines(list)).look_up_many(&["a", "b"]);
    assert_eq!(request.expect("a look-up").body, br#"["a","b"]"#);
    assert_eq!(
        (querying().look_up_cap(), reading().look_up_cap()),
        (50, 50)
    );
}

#[test]
fn an_address_is_never_longer_than_servers_take() {
    let operation = querying();
    let keys: Vec<String> = (0..200).map(|number| format!("ü{number:0100}")).collect();
    let mut room = operation.key_room();
    let fitting = keys.iter().take_while(|key| room.take(key)).count();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let longest = target(&operation, &keys[..fitting]).len();
    assert!((7_700..=7_900).contains(&longest), "{longest}");
    // In a body there is room.
    let reading = reading();
    let mut room = reading.key_room();
    assert!(keys.iter().all(|key| room.take(key)));
    // Nobody could say where such a key ends.
    let joined = QUERY.replace("\"id[]\"}", "ids, separator: \",\"}");
    let joined = super::support::operation(&lines(&joined));
    let mut room = joined.key_room();
    assert!(room.take("a") && !room.take("b,c") && room.take("d"));
    assert!(!fixture("create-contacts").key_room().take("a"));
}

#[test]
fn records_are_matched_by_their_keys_whatever_their_order() {
    let reply = json!({"list": [
        {"id": "c", "uuid": "u-c", "version": 1},
        {"id": 7, "uuid": "u-7", "version": 1},
        {"id": "a", "uuid": "u-a", "version": 1},
    ]});
    let told = answers(&querying(), &reply, &["a", "b", "c", "7"]);
    assert_eq!(words(&told), "u-a absent u-c u-7");
    let KeyAnswer::Found(record) = &told[0] else {
        panic!("{told:?}");
    };
    assert_eq!(record.record["id"], "a");
    let reply = json!({
        "results": [{"id": "51", "properties": {"key": "a", "name": "Ada"}}],
        "errors": [{"category": "NOT_FOUND", "ids": ["b", "c"]}, {"category": "BROKEN", "ids": ["d"]}],
    });
    let told = answers(&reading(), &reply, &["c", "a", "b", "d", "e"]);
    assert_eq!(words(&told), "absent 51 absent unclear left");
    let KeyAnswer::Found(record) = &told[1] else {
        panic!("{told:?}");
    };
    assert_eq!(record.record, json!({"key": "a", "name": "Ada"}));
}

#[test]
fn only_a_whole_reply_that_is_understood_proves_a_key_absent() {
    let operation = querying();
    let keys = ["a", "b"];
    let record = |id: &str| json!({"id": id, "uuid": format!("u-{id}"), "version": 1});
    for (reply, expected) in [
        (json!({"list": [record("a")], "next": "/2"}), "u-a left"),
        (json!({"list": [], "next": 2}), "left left"),
        (json!({"list": [record("a"), record("B")]}), "u-a unclear"),
        (json!({"list": [record("a"), {"uuid": "x"}]}), "u-a unclear"),
        (json!({"list": [record("a"), "text"]}), "u-a unclear"),
        (json!({"list": []}), "absent absent"),
    ] {
        assert_eq!(
            words(&answers(&operation, &reply, &keys)),
            expected,
            "{reply}"
        );
    }
    let operation = reading();
    let found = json!({"id": "1", "properties": {"key": "a"}});
    for (reply, expected) in [
        // Found, and said not to be there.
        (
            json!({"results": [found], "errors": [{"category": "NOT_FOUND", "ids": ["a", "b"]}]}),
            "unclear absent",
        ),
        (
            json!({"results": [found], "errors": [{"category": "NOT_FOUND", "ids": ["x"]}]}),
            "1 unclear",
        ),
        (
            json!({"results": [found], "errors": [{"category": "NOT_FOUND"}]}),
            "1 unclear",
        ),
        (
            json!({"errors": [{"category": "NOT_FOUND", "ids": ["a", "b"]}]}),
            "absent absent",
        ),
        (json!({"results": [found]}), "1 left"),
    ] {
        assert_eq!(
            words(&answers(&operation, &reply, &keys)),
            expected,
            "{reply}"
        );
    }
}

#[test]
fn several_records_of_a_key_are_all_named_and_one_listed_twice_is_one() {
    let record = |uuid: &str| json!({"id": "a", "uuid": uuid, "version": 1});
    let reply = json!({"list": [record("x"), record("y"), record("x")]});
    let told = answers(&querying(), &reply, &["a"]);
    assert_eq!(words(&told), "x+y");
    let reply = json!({"list": [record("x"), record("x")]});
    assert_eq!(words(&answers(&querying(), &reply, &["a"])), "x");
    for (broken, place) in [
        (json!({"id": "a", "version": 1}), "/uuid"),
        (json!({"id": "a", "uuid": "x"}), "/version"),
    ] {
        let reply = json!({"list": [broken]});
        assert_eq!(words(&answers(&querying(), &reply, &["a"])), place);
    }
}

#[test]
fn what_is_about_the_request_is_no_answer_to_any_key() {
    let operation = querying();
    let of = |status: u16, body: &str| {
        operation.split_look_up(status, &no_header, body.as_bytes(), &["a", "b"])
    };
    let whole = |status: u16, body: &str| match of(status, body) {
        LookUpSplit::Whole(answer) => answer,
        other => panic!("{status} {body}: {other:?}"),
    };
    let empty = r#"{"list":[]}"#;
    assert_eq!(of(413, ""), LookUpSplit::TooMany);
    assert_eq!(of(414, empty), LookUpSplit::TooMany);
    assert_eq!(whole(429, empty), LookUpAnswer::Throttled);
    assert_eq!(
        whole(200, r#"{"list":[],"why":"slow down"}"#),
        LookUpAnswer::Throttled
    );
    assert_eq!(whole(401, empty), LookUpAnswer::RefreshToken);
    assert_eq!(whole(403, empty), LookUpAnswer::Fatal);
    for status in [408, 500, 502, 503, 504] {
        assert_eq!(whole(status, empty), LookUpAnswer::Retry);
    }
    for broken in [r#"{"list":[{"id":"#, "<html>maintenance</html>"] {
        assert_eq!(whole(200, broken), LookUpAnswer::Retry, "{broken}");
    }
    for (status, body) in [
        (200, "{}"),
        (200, r#"{"list":null}"#),
        (200, ""),
        (400, empty),
        (404, empty),
        (302, empty),
    ] {
        let told = whole(status, body);
        assert!(
            matches!(told, LookUpAnswer::NotSure { .. }),
            "{status} {body}"
        );
    }
    let blind = fixture("create-contacts");
    assert!(blind.look_up_many(&["a"]).is_none());
    assert!(matches!(
        blind.split_look_up(200, &no_header, empty.as_bytes(), &["a"]),
        LookUpSplit::Whole(LookUpAnswer::NotSure { .. })
    ));
}

#[test]
fn check_explains_each_mistake() {
    let cases = [
        (QUERY, "max: 50", "max: 1", "from 2 to 1000"),
        (QUERY, "?expand=all", "?id={id}", "`{id}` is no variable"),
        (
            QUERY,
            "path: /things",
            "path: things",
            "doesn't begin with one `/`",
        ),
        (QUERY, "{parameter: \"id[]\"}", "{}", "doesn't say in which"),
        (QUERY, "\"id[]\"}", "id, at: /a}", "doesn't say in which"),
        (QUERY, "\"id[]\"}", "\"\"}", "a parameter without a name"),
        (
            QUERY,
            "\"id[]\"}",
            "id, separator: \"&\"}",
            "`separator` is one character",
        ),
        (
            QUERY,
            "\"id[]\"}",
            "id, each: \"{id}\"}",
            "`each` is what stands in a body's list",
        ),
        (QUERY, "key: /id", "key: id", "no JSON pointer"),
        (QUERY, "key: /id", "key: /{name}", "`{name}` is no variable"),
        (
            QUERY,
            "id: /uuid",
            "id: uuid",
            "\"uuid\" is no JSON pointer",
        ),
        (
            QUERY,
            "complete: [{status: 200, body_lacks: /next}]",
            "",
            "nothing says which keys have no record",
        ),
        (
            QUERY,
            "[{status: 200,",
            "[{status: 404,",
            "can't show that a reply is whole",
        ),
        (
            QUERY,
            "version: /version",
            "too_many: [{status: 500}]",
            "isn't a refusal",
        ),
        (BODY, "method: POST\n", "", "a look-up by GET has no body"),
        (
            BODY,
            "{id: \"{id}\", kind: [1, \"<{id}>\"]}",
            "{id: \"{idd}\"}",
            "`{idd}` is neither",
        ),
        (
            BODY,
            "{id: \"{id}\", kind: [1, \"<{id}>\"]}",
            "{id: x}",
            "has to hold {id}",
        ),
        (
            BODY,
            "idProperty: key",
            "idProperty: \"{id}\"",
            "is one key, and the request has several",
        ),
        (BODY, "at: /inputs", "at: \"\"", "has nothing beside it"),
        (
            BODY,
            "key: /ids",
            "index: /ids",
            "neither a tracker nor an index",
        ),
        (
            BODY,
            "  at: /errors",
            "  at: errors",
            "\"errors\" is no JSON pointer",
        ),
    ];
    for (batch, there, instead, told) in cases {
        assert!(batch.contains(there), "{there}");
        assert_told(
            &connector_text(&lines(&batch.replacen(there, instead, 1))),
            told,
        );
    }
    for batch in [QUERY, BODY] {
        let text = connector_text(&lines(batch));
        assert_eq!(check_text("own.yaml", &text), []);
        let blind = text.replace("      record: /list/0\n", "");
        assert_told(&blind, "doesn't show the record");
    }
}

/// JSON in which the places of the connectors here may hold anything.
fn any_reply() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just("a"), Just("b"), Just("NOT_FOUND"), Just("")].prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("list"),
        Just("results"),
        Just("errors"),
        Just("ids"),
        Just("id"),
        Just("uuid"),
        Just("version"),
        Just("properties"),
        Just("key"),
        Just("category"),
        Just("next"),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let members = proptest::collection::btree_map(name.clone(), inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    /// Whatever a reply looks like: each key gets an answer, and the same one
    /// whatever the order of the keys.
    #[test]
    fn any_reply_is_an_answer_to_each_key(
        reply in any_reply(),
        status in prop_oneof![Just(200_u16), Just(207), Just(404), 100_u16..600],
        cut in any::<proptest::sample::Index>(),
    ) {
        for operation in [querying(), reading()] {
            let text = reply.to_string();
            let of = |body: &str, keys: &[&str]| {
                operation.split_look_up(status, &no_header, body.as_bytes(), keys)
            };
            let broken = &text[..text.floor_char_boundary(cut.index(text.len()))];
            prop_assert!(!matches!(of(broken, &["a", "b"]), LookUpSplit::Keys(answers)
                if answers.len() != 2));
            match (of(&text, &["a", "b"]), of(&text, &["b", "a"])) {
                (LookUpSplit::Keys(one), LookUpSplit::Keys(mut other)) => {
                    other.reverse();
                    prop_assert_eq!(one, other);
                }
                (one, other) => prop_assert_eq!(one, other),
            }
        }
    }

    /// Whatever a tenant has and however it shuffles and cuts its reply: no key
    /// is taken as absent that it has, and none gets another's record.
    #[test]
    fn no_key_is_taken_for_another_or_as_absent_wrongly(
        keys in proptest::collection::btree_set("[a-z,&é ]{1,6}", 2..40),
        there in proptest::collection::vec(0_u8..4, 40),
        order in any::<u64>(),
        page in 0_usize..60,
        strangers in 0_usize..3,
    ) {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut records: Vec<Value> = Vec::new();
        for (key, &count) in keys.iter().zip(&there) {
            for copy in 0..count.saturating_sub(1) {
                records.push(json!({"id": key, "uuid": format!("{key}#{copy}"), "version": 1}));
            }
        }
        for stranger in 0..strangers {
            records.push(json!({"id": format!("0{stranger}"), "uuid": "s", "version": 1}));
        }
        let turn = usize::try_from(order % 97).expect("small");
        records.sort_by_key(|record| {
            let text = record["uuid"].as_str().unwrap_or_default();
            text.bytes().fold(turn, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        });
        let is_cut = page < records.len();
        records.truncate(page);
        let mut reply = json!({"list": records});
        if is_cut {
            reply["next"] = json!(2);
        }
        let told = answers(&querying(), &reply, &keys);
        prop_assert_eq!(told.len(), keys.len());
        for ((key, &count), answer) in keys.iter().zip(&there).zip(&told) {
            let own = format!("{key}#");
            let there = count.saturating_sub(1);
            match answer {
                KeyAnswer::Found(record) => {
                    prop_assert!(record.id.starts_with(&own));
                    prop_assert!(there == 1 || is_cut);
                }
                KeyAnswer::Problem(FoundProblem::Several { ids }) => {
                    prop_assert!(there > 1 && ids.iter().all(|id| id.starts_with(&own)));
                }
                KeyAnswer::Absent => prop_assert!(there == 0 && !is_cut),
                KeyAnswer::LeftOut => prop_assert!(is_cut),
                KeyAnswer::Unclear => prop_assert!(strangers > 0),
                KeyAnswer::Problem(problem) => prop_assert!(false, "{problem}"),
            }
        }
    }
}
