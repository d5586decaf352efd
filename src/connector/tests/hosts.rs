//! Platforms that answer at several hosts: where requests and tokens go, and
//! where they never do.

use std::collections::BTreeMap;

use super::support::assert_told;
use crate::connector::*;

const CONNECTOR: &str = r#"name: own
title: A platform of several hosts
variables:
  area:
    description: where the tenant lives
    pattern: "[a-z]{2}[0-9]"
  tenant:
    description: the tenant's id
base_url: "https://api-{area}.example.com"
hosts:
  digital: "https://digital-{area}.example.com/v2"
auth:
  grant: client_credentials
  token_url: https://login.example.com/oauth/token
  discovery:
    url: "https://find.example.com/where?tenant={tenant}"
    base_url: /api
    variables: {area: /area}
operations:
  plain:
    method: PATCH
    path: "/things/{id}"
    key: id
    effect: updated
    fields: {name: {}}
  digital:
    host: digital
    method: PATCH
    path: "/things/{id}"
    key: id
    effect: updated
    fields: {name: {}}
    probe: {path: /things}
default_operation: plain
streams:
  things:
    host: digital
    path: /things
    records: /list
    pages: {by: offset, parameter: skip}
    key: id
    fields: {id: /id}
probe: {path: /about}
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

/// Where requests and tokens of both operations go.
fn addresses(pairs: &[(&str, &str)]) -> [(String, String); 2] {
    ["plain", "digital"].map(|name| {
        let bound = connector().bind_to(name, &given(pairs)).expect("bound");
        let token_url = bound.auth.token_url.to_string();
        (bound.base_url.to_string(), token_url)
    })
}

#[test]
fn an_operation_goes_to_the_host_it_names_and_tokens_stay_where_they_are() {
    let login = "https://login.example.com/oauth/token";
    let [plain, digital] = addresses(&[("area", "eu1")]);
    assert_eq!(plain, ("https://api-eu1.example.com".into(), login.into()));
    assert_eq!(
        digital,
        ("https://digital-eu1.example.com/v2".into(), login.into())
    );
    let bound = connector()
        .bind_to("digital", &given(&[("area", "eu1")]))
        .expect("bound");
    let mut path = Vec::new();
    bound.operation.write_path("k", &mut path);
    assert_eq!(path, b"/v2/things/k");
    assert_eq!(bound.probe.expect("it has one").target, "/v2/things");
    let stream = connector()
        .bind_stream(None, &given(&[("area", "eu1")]))
        .expect("bound");
    assert_eq!(stream.base_url.host, "digital-eu1.example.com");
}

#[test]
fn one_address_moves_all_hosts_and_a_host_s_own_moves_it_alone() {
    let login = "https://login.example.com/oauth/token";
    let here = ("base_url", "http://127.0.0.1:7");
    let there = ("digital_base_url", "http://127.0.0.1:8");
    let token = "http://127.0.0.1:7/oauth/token";
    let moved = ("http://127.0.0.1:7".to_owned(), token.to_owned());
    assert_eq!(addresses(&[here]), [moved.clone(), moved.clone()]);
    let digital = ("http://127.0.0.1:8".to_owned(), token.to_owned());
    assert_eq!(addresses(&[here, there]), [moved, digital]);
    let [plain, digital] = addresses(&[there, ("area", "eu1")]);
    assert_eq!(plain, ("https://api-eu1.example.com".into(), login.into()));
    assert_eq!(digital, ("http://127.0.0.1:8".into(), login.into()));
}

#[test]
fn a_host_s_address_is_checked_like_any_other() {
    for address in [
        "http://digital.example.com",
        "https://a:b@digital.example.com",
        "digital.example.com",
    ] {
        let variables = given(&[("area", "eu1"), ("digital_base_url", address)]);
        let refused = connector()
            .bind_to("digital", &variables)
            .expect_err(address);
        assert!(
            refused.to_string().contains("digital_base_url"),
            "{refused}"
        );
    }
    let refused = connector()
        .bind(&given(&[("digital_base", "x")]))
        .expect_err("unknown");
    assert!(
        refused
            .to_string()
            .contains("did you mean `digital_base_url`"),
        "{refused}"
    );
}

#[test]
fn the_platform_may_tell_what_names_a_host_but_no_host() {
    let connector = connector();
    let mut variables = given(&[("tenant", "t1")]);
    let bound = connector.bind_to("digital", &variables).expect("bound");
    assert!(bound.base_url.host.ends_with(".invalid"));
    let discovery = connector
        .discovery(&variables)
        .expect("right")
        .expect("it is asked");
    let reply = br#"{"api": "https://api-us2.example.com", "area": "us2"}"#;
    let told = discovery.variables(reply);
    assert_eq!(told, [("area".to_owned(), "us2".to_owned())]);
    variables.insert(
        discovery.sets.to_owned(),
        discovery
            .believed(&discovery.told(reply).expect("told"))
            .expect("an address"),
    );
    variables.extend(told);
    let bound = connector.bind_to("digital", &variables).expect("bound");
    assert_eq!(bound.base_url.host, "digital-us2.example.com");
    // What it tells has to be what a user might say.
    variables.insert("area".to_owned(), "evil.example.org/".to_owned());
    assert!(connector.bind_to("digital", &variables).is_err());
    // The user's own word goes before.
    let both = given(&[("tenant", "t1"), ("area", "eu1")]);
    let discovery = connector.discovery(&both).expect("right").expect("asked");
    assert_eq!(discovery.variables(reply), []);
}

#[test]
fn check_explains_each_mistake() {
    for (right, wrong, told) in [
        (
            "host: digital\n    method",
            "host: digitl\n    method",
            "there is no host `digitl`; did you mean `digital`",
        ),
        (
            "host: digital\n    path",
            "host: x\n    path",
            "there is no host `x`",
        ),
        (
            "  digital: \"https",
            "  Digital: \"https",
            "lower-case letters",
        ),
        (
            "https://digital-{area}",
            "http://digital-{area}",
            "the host's address can't be used",
        ),
        (
            "https://digital-{area}",
            "https://digital-{aera}",
            "`{aera}` is no variable",
        ),
        (
            "  tenant:\n",
            "  digital_base_url:\n    description: x\n  tenant:\n",
            "exists by the host `digital`",
        ),
        ("{area: /area}", "{area: area}", "is no JSON pointer"),
        (
            "{area: /area}",
            "{aera: /area}",
            "`aera` is no variable; did you mean `area`",
        ),
        (
            "{area: /area}",
            "{tenant: /area}",
            "is what the platform is asked by",
        ),
        (
            "probe: {path: /things}",
            "probe: {path: things}",
            "the probe's path",
        ),
    ] {
        let text = CONNECTOR.replacen(right, wrong, 1);
        assert_ne!(text, CONNECTOR, "{right}");
        assert_told(&text, told);
    }
}
