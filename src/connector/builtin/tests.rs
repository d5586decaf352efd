//! Connectors as a load sees them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use crate::mapping::FieldKind;
use crate::record::OutcomeKind;

use crate::connector::*;

fn builtin() -> Connector {
    Connector::load("cxone-contacts").expect("the built-in is right")
}

pub(in crate::connector) fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn bound(pairs: &[(&str, &str)]) -> Bound {
    builtin().bind(&variables(pairs)).expect("bound")
}

fn refusal(pairs: &[(&str, &str)]) -> ConnectorError {
    builtin().bind(&variables(pairs)).expect_err("refused")
}

pub(in crate::connector) fn path(bound: &Bound, key: &str) -> String {
    let mut out = Vec::new();
    bound.operation.write_path(key, &mut out);
    String::from_utf8(out).expect("ASCII")
}

pub(in crate::connector) fn no_header(_: &str) -> Option<&'static str> {
    None
}

#[test]
fn the_guide_s_contacts_are_built_in() {
    assert_eq!(builtin_names().next(), Some("cxone-contacts"));
    for name in builtin_names() {
        let text = source_text(name).expect("its text");
        assert_eq!(check_text(name, text), []);
        assert_eq!(Connector::load(name).expect("right").name(), name);
    }
    let bound = bound(&[("region", "api-us-1")]);
    assert_eq!(bound.base_url.to_string(), "https://api-us-1.nice-ix.com");
    assert_eq!(
        bound.auth.token_url.to_string(),
        "https://api-us-1.nice-ix.com/oauth/token"
    );
    assert_eq!(bound.auth.scope.as_deref(), Some("contact:write"));
    assert_eq!(bound.auth.credentials_in, CredentialsIn::Basic);
    assert_eq!(bound.auth.refresh_early.as_secs(), 60);
    assert_eq!(bound.request_id_header.as_deref(), Some("X-Request-Id"));
    assert_eq!(bound.limits.retry_after, ["Retry-After"]);
    let operation = &bound.operation;
    assert_eq!(
        (operation.method, operation.repeatable),
        (Method::Patch, true)
    );
    assert_eq!(
        operation.headers,
        [("Accept".to_owned(), "application/json".to_owned())]
    );
    assert_eq!(operation.contract.key, "contactId");
    assert_eq!(operation.contract.fields.len(), 7);
    assert_eq!(
        operation.contract.field("mobile").expect("known").kind,
        FieldKind::Phone
    );
    assert_eq!(
        operation.outcome(ReplyClass::Done, 204),
        Some(OutcomeKind::Updated)
    );
    assert_eq!(path(&bound, "c-1"), "/api/v2/contacts/c-1");
    assert_eq!(
        path(&bound, "../users/1?a#b\n"),
        "/api/v2/contacts/..%2Fusers%2F1%3Fa%23b%0A"
    );
}

#[test]
fn base_url_takes_the_token_endpoint_along() {
    let cases = [
        (
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/oauth/token",
            "/api/v2/contacts/1",
        ),
        (
            "http://127.0.0.1:8080/",
            "http://127.0.0.1:8080/oauth/token",
            "/api/v2/contacts/1",
        ),
        (
            "http://[::1]:99/a/b/",
            "http://[::1]:99/a/b/oauth/token",
            "/a/b/api/v2/contacts/1",
        ),
        (
            "http://localhost",
            "http://localhost/oauth/token",
            "/api/v2/contacts/1",
        ),
        (
            "HTTPS://Proxy.example.com:443/x",
            "https://proxy.example.com/x/oauth/token",
            "/x/api/v2/contacts/1",
        ),
    ];
    for (base_url, token_url, target) in cases {
        let bound = bound(&[("base_url", base_url)]);
        assert_eq!(bound.auth.token_url.to_string(), token_url);
        assert_eq!(path(&bound, "1"), target);
    }
}

#[test]
fn an_address_that_would_leak_the_token_is_refused() {
    let cases = [
        ("http://example.com", "plain http would send"),
        ("http://127.0.0.1.example.com", "plain http would send"),
        ("http://localhost.example.com", "plain http would send"),
        (
            "https://user:pass@example.com",
            "it holds credentials before the host",
        ),
        (
            "https://127.0.0.1@example.com",
            "it holds credentials before the host",
        ),
        ("http://127.0.0.1\\@example.com", "the path holds"),
        ("ftp://example.com", "it doesn't begin with https://"),
        ("example.com", "it doesn't begin with https://"),
        ("https://", "the host isn't one"),
        ("https://exa mple.com", "the host isn't one"),
        ("https://example.com:0", "the port isn't"),
        ("https://example.com:http", "the port isn't"),
        ("https://example.com/?a=b", "the path holds"),
        ("https://example.com/a/../b", "the path holds"),
        ("https://example.com/a\r\nHost: b", "the path holds"),
    ];
    for (base_url, expected) in cases {
        let told = refusal(&[("base_url", base_url)]).to_string();
        let told = told
            .strip_prefix("the base_url can't be used: ")
            .expect("its words");
        assert!(told.starts_with(expected), "{base_url}: {told}");
        assert!(!told.contains("pass@"), "{told}");
    }
    for region in ["evil.com/", "a.b", "x@y", "", "api-us-1#", "a\n", "ä"] {
        assert!(
            matches!(
                refusal(&[("region", region)]),
                ConnectorError::BadValue { .. }
            ),
            "{region}"
        );
    }
}

#[test]
fn variables_are_asked_for_in_words() {
    let missing = refusal(&[]);
    assert_eq!(
        missing.to_string(),
        "the connector `cxone-contacts` needs `region`: the tenant's region, the first part of its API host's name"
    );
    assert_eq!(
        missing.hint("target", ""),
        "Add `--set region=api-us-1`, or `region: api-us-1` under `target` in the job file."
    );
    assert_eq!(
        refusal(&[("regoin", "x")]).to_string(),
        "the connector `cxone-contacts` has no variable `regoin`; did you mean `region`?"
    );
    assert_eq!(
        refusal(&[("zebra", "x")]).to_string(),
        "the connector `cxone-contacts` has no variable `zebra`; it has region, base_url"
    );
    for name in ["client_secret", "password", "token", "API-Key"] {
        let error = refusal(&[(name, "hunter2")]);
        assert!(
            matches!(error, ConnectorError::SecretVariable { .. }),
            "{name}"
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    let unknown = Connector::load("cxone-contact").expect_err("unknown");
    assert_eq!(
        unknown.to_string(),
        "no connector `cxone-contact`; did you mean `cxone-contacts`?"
    );
}

#[test]
fn a_reply_is_classed_with_its_reason() {
    let bound = bound(&[("region", "api-us-1")]);
    let operation = &bound.operation;
    let html = "<html>\n<body>Bad gateway";
    let cases: [(u16, &str, ReplyClass, &str, &str); 18] = [
        (200, "not json", ReplyClass::Done, "", ""),
        (204, "", ReplyClass::Done, "", ""),
        (
            400,
            r#"{"error":{"code":"invalid_field","field":"email","message":"no\n address"}}"#,
            ReplyClass::Rejected,
            "email",
            "no address",
        ),
        (
            400,
            r#"{"errors":[{"field":"phone","message":"bad"}]}"#,
            ReplyClass::Rejected,
            "phone",
            "bad",
        ),
        (
            422,
            r#"{"message":"","details":[{"fieldName":"x"}]}"#,
            ReplyClass::Rejected,
            "x",
            "status 422; the reply names no reason",
        ),
        (
            400,
            r#"{"message":"brok"#,
            ReplyClass::Rejected,
            "",
            "status 400; the reply's JSON breaks off after 16 bytes",
        ),
        (
            400,
            html,
            ReplyClass::Rejected,
            "",
            "status 400; the reply isn't JSON (24 bytes, text/html)",
        ),
        (
            401,
            "",
            ReplyClass::RefreshToken,
            "",
            "status 401; the reply has no body",
        ),
        (
            403,
            "",
            ReplyClass::Fatal,
            "",
            "status 403; the reply has no body",
        ),
        (
            404,
            "",
            ReplyClass::Missing,
            "",
            "status 404: the tenant has no such record; the reply has no body",
        ),
        (
            409,
            "{}",
            ReplyClass::Conflict,
            "",
            "status 409; the reply names no reason",
        ),
        (
            429,
            "",
            ReplyClass::Throttled,
            "",
            "status 429: too many requests; the reply has no body",
        ),
        (
            408,
            "",
            ReplyClass::Retry,
            "",
            "status 408; the reply has no body",
        ),
        (
            503,
            "{}",
            ReplyClass::Retry,
            "",
            "status 503; the reply names no reason",
        ),
        (
            302,
            "",
            ReplyClass::Rejected,
            "",
            "the tenant redirects to https://elsewhere.example/login; redirects aren't followed, since the token would go along",
        ),
        (
            202,
            "{}",
            ReplyClass::Unknown,
            "",
            "status 202; the reply names no reason",
        ),
        (
            418,
            "{}",
            ReplyClass::Rejected,
            "",
            "status 418; the reply names no reason",
        ),
        (
            999,
            "{}",
            ReplyClass::Unknown,
            "",
            "status 999; the reply names no reason",
        ),
    ];
    let header = |name: &str| match name.to_ascii_lowercase().as_str() {
        "content-type" => Some("text/html; charset=utf-8"),
        "location" => Some("https://elsewhere.example/login?code=secret"),
        "x-correlation-id" => Some("abc-1"),
        _ => None,
    };
    for (status, body, class, field, message) in cases {
        let classified = operation.classify(status, &header, body.as_bytes());
        assert_eq!(classified.class, class, "{status}");
        assert_eq!(
            (classified.field.as_str(), classified.message.as_str()),
            (field, message)
        );
        if matches!(class, ReplyClass::Done) {
            assert_eq!(
                (classified.error.as_str(), classified.request_id),
                ("", None)
            );
        } else {
            assert_eq!(classified.error, format!("http_{status}"));
            assert_eq!(classified.request_id.as_deref(), Some("abc-1"));
        }
    }
    let long = format!(r#"{{"message":"{}\u202e"}}"#, "x".repeat(5_000));
    let message = operation.classify(400, &no_header, long.as_bytes()).message;
    assert_eq!(
        (message.chars().count(), message.ends_with('…')),
        (500, true)
    );
    let huge = vec![b' '; 300_000];
    assert_eq!(
        operation.classify(400, &no_header, &huge).message,
        "status 400; the reply has no body"
    );
    let huge = vec![b'['; 300_000];
    assert_eq!(
        operation.classify(400, &no_header, &huge).message,
        "status 400; the reply's body is too long to read (300000 bytes)"
    );
}

#[test]
fn the_token_endpoint_s_refusals_are_told_apart() {
    let auth = bound(&[("region", "api-us-1")]).auth;
    use TokenReplyClass::{Refused, Throttled};
    assert_eq!(auth.classify(200, b"{}"), None);
    assert_eq!(
        auth.classify(400, b"invalid_request (Rate Limit exceeded)"),
        Some(Throttled)
    );
    assert_eq!(auth.classify(400, b"{}"), Some(Refused));
    assert_eq!(auth.classify(401, b""), Some(Refused));
    assert_eq!(auth.classify(429, b""), Some(Throttled));
    assert_eq!(auth.classify(502, b""), None);
}

#[test]
fn the_schema_knows_what_the_built_in_uses() {
    let schema = connector_schema();
    let schema = schema.as_value();
    let text = source_text("cxone-contacts").expect("built in");
    let connector: Value = crate::config::read_yaml("x.yaml", text).expect("YAML");
    for key in connector.as_object().expect("a mapping").keys() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

proptest! {
    #[test]
    fn a_key_never_leaves_its_segment(key in any::<String>()) {
        let path = path(&bound(&[("region", "api-us-1")]), &key);
        let segment = path.strip_prefix("/api/v2/contacts/").expect("the fixed part");
        prop_assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        let decoded = percent_encoding::percent_decode_str(segment).decode_utf8().expect("UTF-8");
        prop_assert_eq!(decoded.as_ref(), key.as_str());
    }

    #[test]
    fn no_reply_makes_it_panic(status: u16, body in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        let bound = bound(&[("region", "api-us-1")]);
        let header = |_: &str| Some(text.as_str());
        for body in [body.as_slice(), text.as_bytes()] {
            let classified = bound.operation.classify(status, &header, body);
            prop_assert!(classified.message.chars().count() <= 500);
            prop_assert!(!classified.message.chars().any(char::is_control));
            prop_assert!(!classified.request_id.unwrap_or_default().chars().any(char::is_control));
        }
    }

    #[test]
    fn no_address_makes_it_panic_and_what_prints_reads_the_same(text in "(https?://)?\\PC{0,40}") {
        if let Ok(url) = HttpUrl::parse(&text) {
            prop_assert!(url.secure || url.is_loopback());
            prop_assert_eq!(HttpUrl::parse(&url.to_string()), Ok(url));
        }
    }
}
