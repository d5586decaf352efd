//! Fields of a connector file, and what is wrong with them.

use std::collections::BTreeMap;

use crate::connector::*;
use crate::mapping::{FieldKind, FixedMember, ListForm};

const FILE: &str = r#"name: own
title: A platform of one's own
base_url: https://api.example.com
auth: {grant: client_credentials, token_url: "https://api.example.com/token"}
variables:
  kind: {description: what the records are, default: 'a"b', pattern: '[a-z"]+'}
operations:
  create:
    method: POST
    path: /things
    key: id
    effect: created
    repeatable: false
    body: {includes_key: true}
    constants: {/kind: "{kind}", /meta/version: 2}
    fields:
      email: {kind: email, at: /emails/0/value, beside: {/emails/0/primary: true}}
      tier: {kind: enum, values: [Gold, 7]}
      age: {kind: integer, min: 0, max: 150}
      code: {pattern: "[A-Z]{3}"}
      tags: {list: {item: /label}}
  update:
    method: PUT
    path: /things/{id}
    key: id
    effect: updated
    fields_of: create
default_operation: update
"#;

fn places(place: &[&str]) -> Vec<String> {
    place.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn an_operation_has_the_fields_and_constants_of_another() {
    let connector = Connector::parse("own.yaml", FILE).expect("right");
    let bound = connector.bind(&BTreeMap::new()).expect("bound");
    let contract = &bound.operation.contract;
    assert!(!contract.key_in_body);
    let names: Vec<&str> = (contract.fields.iter())
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(names, ["email", "tier", "age", "code", "tags"]);
    let fixed = |place: &[&str], json: &str| FixedMember {
        at: places(place),
        json: json.to_owned(),
    };
    assert_eq!(
        contract.constants,
        [
            fixed(&["kind"], r#""a\"b""#),
            fixed(&["meta", "version"], "2")
        ]
    );
    let [email, tier, age, code, tags] = contract.fields.as_slice() else {
        panic!("five fields");
    };
    assert_eq!(email.at, places(&["emails", "0", "value"]));
    assert_eq!(email.beside, [fixed(&["emails", "0", "primary"], "true")]);
    assert_eq!(
        (tier.kind, &tier.values),
        (FieldKind::Enum, &places(&["Gold", "7"]))
    );
    assert_eq!((age.min, age.max), (Some(0.0), Some(150.0)));
    assert_eq!(code.pattern.as_deref(), Some("[A-Z]{3}"));
    assert_eq!(
        tags.list,
        Some(ListForm {
            item: places(&["label"])
        })
    );
}

#[test]
fn check_explains_each_mistake_of_a_field_with_its_line() {
    let cases = [
        (
            "kind: enum, values: [Gold, 7]",
            "kind: enum",
            18,
            "`tier` is an enum, and has no `values`",
        ),
        (
            "kind: enum, values",
            "values",
            18,
            "`tier` has `values`, and isn't an enum",
        ),
        (
            "kind: integer, min",
            "min",
            19,
            "`age` has `min` or `max`, and isn't a number",
        ),
        (
            "min: 0, max: 150",
            "min: 151, max: 150",
            19,
            "`min` of `age` is above its `max`",
        ),
        (
            "[A-Z]{3}",
            "[A-Z{3}",
            20,
            "the pattern of `code` is no regular expression",
        ),
        (
            "at: /emails",
            "at: emails",
            17,
            "\"emails/0/value\" is no JSON pointer",
        ),
        (
            "{/emails/0/primary",
            "{emails/0/primary",
            17,
            "\"emails/0/primary\" is no JSON pointer",
        ),
        (
            "item: /label",
            "item: label",
            21,
            "\"label\" is no JSON pointer",
        ),
        (
            "/meta/version: 2",
            "/emails: 2",
            9,
            "`/emails` stands in the record where something else does",
        ),
        (
            "age: {",
            "age: {at: /tier, ",
            19,
            "`age` stands in the record where something else does",
        ),
        (
            "age: {",
            "age: {at: /emails/0/value/x, ",
            19,
            "`age` stands in the record where something else does",
        ),
        (
            "\"{kind}\"",
            "\"{kin}\"",
            15,
            "`{kin}` is no variable; did you mean `kind`?",
        ),
        (
            "fields_of: create",
            "fields_of: craete",
            27,
            "there is no operation `craete`; did you mean `create`?",
        ),
        (
            "fields_of: create",
            "fields_of: update",
            27,
            "the operation `update` has no `fields` of its own",
        ),
        (
            "fields_of: create",
            "fields_of: create\n    fields: {x: {}}",
            27,
            "the operation has both `fields` and `fields_of`",
        ),
        (
            "    fields_of: create\n",
            "",
            23,
            "the operation `update` has no fields",
        ),
        (
            "email: {",
            "id: {",
            17,
            "the key `id` stands among the fields",
        ),
        (
            "kind: email",
            "kind: mail",
            17,
            "unknown value `mail`; did you mean `email`?",
        ),
    ];
    let mut wrong = Vec::new();
    for (from, to, line, told) in cases {
        assert!(FILE.contains(from), "{from}");
        let text = FILE.replacen(from, to, 1);
        let error = Connector::parse("own.yaml", &text)
            .expect_err(to)
            .to_string();
        let place = format!("own.yaml:{line}:");
        if !(error.starts_with(&place) && error.contains(told)) {
            wrong.push(format!(
                "{to}\n  told     {error}\n  expected {place} {told}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
