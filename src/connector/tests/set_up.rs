//! Discovery, what is set up before the first row, and tables of values.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::support::assert_told;
use crate::connector::*;

const CONNECTOR: &str = r#"name: own
title: A platform of one's own
variables:
  region:
    description: where the organisation lives
    values: {north: north.example.com, south: south.example.org}
    default: north
  kind:
    description: the kind of things
    pattern: "[A-Za-z ]+"
    default: Thing
  tenant:
    description: the tenant's id
base_url: "https://api.{region}"
auth:
  grant: password
  token_url: "https://login.{region}/token"
  discovery: {url: "https://find.example.com/where?tenant={tenant}", base_url: /api/url}
setup:
  kind:
    look_up:
      path: "/kinds?name={kind}"
      query: {in: "{region}"}
      headers: {X-Of: "{region}"}
      id: [/list/0/id, /list/0/uuid]
    create: {path: /kinds, body: {name: "{kind}", fields: [{name: a, count: 3}]}, id: /id}
    sets: kind_id
operations:
  create:
    method: PUT
    path: "/kinds/{kind_id}/things/{externalId}"
    key: externalId
    effect: upserted
    fields: {name: {}}
"#;

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn connector() -> Connector {
    Connector::parse("own.yaml", CONNECTOR).unwrap_or_else(|error| panic!("{error}"))
}

fn path(bound: &Bound) -> String {
    let mut path = Vec::new();
    bound.operation.write_path("k", &mut path);
    String::from_utf8(path).expect("ASCII")
}

#[test]
fn a_table_fills_in_what_belongs_to_the_value_and_refuses_all_others() {
    let connector = connector();
    let bound = connector
        .bind(&given(&[("region", "south")]))
        .expect("bound");
    assert_eq!(bound.base_url.to_string(), "https://api.south.example.org");
    assert_eq!(
        bound.auth.token_url.to_string(),
        "https://login.south.example.org/token"
    );
    let default = connector.bind(&given(&[])).expect("bound");
    assert_eq!(
        default.base_url.to_string(),
        "https://api.north.example.com"
    );
    let refused = connector
        .bind(&given(&[("region", "east")]))
        .expect_err("refused");
    assert!(refused.to_string().contains("north, south"), "{refused}");
}

#[test]
fn of_what_a_search_finds_only_the_one_that_is_meant_counts() {
    let text = CONNECTOR.replace(
        "id: [/list/0/id, /list/0/uuid]",
        "records: /list\n      same: {kind: /called, region: /where}\n      id: [/id, /uuid]",
    );
    assert_eq!(check_text("own.yaml", &text), []);
    let connector = Connector::parse("own.yaml", &text).expect("right");
    let step = connector
        .set_up_step(0, &given(&[("kind", "Thing")]))
        .expect("right")
        .expect("a step");
    let found = |list: Value| step.found(json!({ "list": list }).to_string().as_bytes());
    let thing =
        |id: &str, called: &str, place: &str| json!({"id": id, "called": called, "where": place});
    let north = "north.example.com";
    assert_eq!(found(json!([thing("1", "Things of old", north)])), None);
    assert_eq!(found(json!([thing("1", "Thing", "elsewhere")])), None);
    assert_eq!(found(json!([{"id": "1", "called": "Thing"}])), None);
    assert_eq!(found(json!([])), None);
    assert_eq!(found(json!({"id": "1"})), None);
    let list = json!([
        thing("1", "Things of old", north),
        thing("2", "Thing", north),
        thing("3", "Thing", north)
    ]);
    assert_eq!(found(list).as_deref(), Some("2"));
}

#[test]
fn a_step_is_looked_for_and_made_with_the_variables_filled_in() {
    let connector = connector();
    let variables = given(&[("kind", "Big Thing")]);
    let bound = connector.bind(&variables).expect("bound");
    // Before the set-up, the name stands for what it will be.
    assert_eq!(path(&bound), "/kinds/%28kind_id%29/things/k");
    let needed = connector.set_up_steps("create", &variables);
    assert_eq!(needed.expect("bound"), [0]);
    let step = connector
        .set_up_step(0, &variables)
        .expect("right")
        .expect("a step");
    assert_eq!(
        step.look_up.url,
        "https://api.north.example.com/kinds?name=Big%20Thing&in=north.example.com"
    );
    assert_eq!(
        step.look_up.headers,
        [("X-Of".to_owned(), "north.example.com".to_owned())]
    );
    let create = step.create.clone().expect("it may be made");
    assert_eq!(create.url, "https://api.north.example.com/kinds");
    let body: Value = serde_json::from_slice(&create.body.expect("a body")).expect("JSON");
    assert_eq!(
        body,
        json!({"name": "Big Thing", "fields": [{"name": "a", "count": 3}]})
    );
    assert_eq!(step.found(br#"{"list": []}"#), None);
    assert_eq!(
        step.found(br#"{"list": [{"uuid": "u-1"}]}"#).as_deref(),
        Some("u-1")
    );
    assert_eq!(step.made(br#"{"id": 7}"#).as_deref(), Some("7"));
    let mut settled = variables;
    settled.insert(step.sets, "u/1".to_owned());
    let bound = connector.bind(&settled).expect("bound");
    assert_eq!(path(&bound), "/kinds/u%2F1/things/k");
    assert!(connector.set_up_step(1, &settled).expect("right").is_none());
}

#[test]
fn only_what_an_operation_needs_is_set_up() {
    let text = CONNECTOR
        .replace(
            "operations:\n",
            "  list: {look_up: {path: \"/lists?of={kind_id}\", id: /id}, sets: list_id}\n\
             operations:\n  \
             plain: {method: PUT, path: \"/things/{externalId}\", key: externalId, effect: upserted, fields: {name: {}}}\n  \
             listed: {method: PUT, path: \"/lists/{list_id}/{externalId}\", key: externalId, effect: upserted, fields: {name: {}}}\n",
        )
        + "default_operation: create\n";
    assert_eq!(check_text("own.yaml", &text), []);
    let connector = Connector::parse("own.yaml", &text).expect("right");
    let needed = |operation: &str| connector.set_up_steps(operation, &given(&[]));
    assert!(needed("plain").expect("bound").is_empty());
    assert_eq!(needed("create").expect("bound"), [0]);
    // The list is looked for by what the kind sets.
    assert_eq!(needed("listed").expect("bound"), [0, 1]);
}

#[test]
fn an_address_is_asked_for_where_the_user_does_not_say_it() {
    let connector = connector();
    assert!(connector.needs_a_user());
    assert!(connector.discovery(&given(&[])).expect("right").is_none());
    let with_both = given(&[("tenant", "t1"), ("base_url", "http://127.0.0.1:9")]);
    assert!(connector.discovery(&with_both).expect("right").is_none());
    let mut variables = given(&[("tenant", "t1")]);
    let discovery = connector
        .discovery(&variables)
        .expect("right")
        .expect("it is asked");
    assert_eq!(
        discovery.url.as_deref(),
        Some("https://find.example.com/where?tenant=t1")
    );
    assert!(
        connector
            .bind(&variables)
            .expect("bound")
            .base_url
            .host
            .ends_with(".invalid")
    );
    for (reply, found) in [
        (
            json!({"api": {"url": "https://api-7.example.com/"}}),
            Some("https://api-7.example.com"),
        ),
        (json!({"api": {"url": "http://api-7.example.com"}}), None),
        (json!({"api": {"url": "https://a@b.example.com"}}), None),
        (json!({"api": {}}), None),
    ] {
        let told = discovery.told(reply.to_string().as_bytes());
        let believed = told.and_then(|told| discovery.believed(&told).ok());
        assert_eq!(believed.as_deref(), found);
    }
    variables.insert(
        discovery.sets.to_owned(),
        "https://api-7.example.com".to_owned(),
    );
    let bound = connector.bind(&variables).expect("bound");
    assert_eq!(bound.base_url.host, "api-7.example.com");
    // Tokens still come from where the connector says.
    assert_eq!(bound.auth.token_url.host, "login.north.example.com");
}

#[test]
fn check_explains_each_mistake() {
    for (right, wrong, told) in [
        ("default: north", "default: nort", "did you mean `north`"),
        (
            "default: north",
            "default: north\n    pattern: x",
            "not both",
        ),
        (
            "sets: kind_id",
            "sets: kind",
            "is a variable that the user gives",
        ),
        ("id: [/list/0/id,", "id: [list,", "is no JSON pointer"),
        (
            "/kinds?name={kind}",
            "/kinds?name={knd}",
            "is no variable; did you mean `kind`",
        ),
        (
            "id: [/list/0/id",
            "records: /list\n      id: [/list/0/id",
            "doesn't say which of the list is meant",
        ),
        (
            "id: [/list/0/id",
            "same: {kind: /name}\n      id: [/list/0/id",
            "doesn't say where the list",
        ),
        (
            "id: [/list/0/id",
            "records: /list\n      same: {knd: /name}\n      id: [/list/0/id",
            "`knd` is no variable; did you mean `kind`",
        ),
        ("base_url: /api/url", "base_url: api", "is no JSON pointer"),
        (
            "{kind_id}/things",
            "{kindid}/things",
            "`{kindid}` is neither",
        ),
    ] {
        let text = CONNECTOR.replacen(right, wrong, 1);
        assert_ne!(text, CONNECTOR, "{right}");
        assert_told(&text, told);
    }
}
