//! What each kind of answer of a token endpoint means.

use std::sync::Arc;

use http::HeaderValue;
use http::header::RETRY_AFTER;

use crate::transport::{BodyFlaw, Reply};

use super::super::mint::judge;
use super::super::{
    Credentials, CredentialsIn, MintError, MintVerdict, MintedToken, TokenEndpoint,
};

fn judged(status: u16, body: &'static str) -> Result<MintedToken, MintError> {
    judge(&Reply::new(status, body), &endpoint(), &credentials(), None)
}

fn credentials() -> Credentials {
    Credentials {
        client_id: "app".to_owned(),
        client_secret: "hunter2".into(),
        user: None,
        refresh_token: None,
    }
}

fn endpoint() -> TokenEndpoint {
    TokenEndpoint {
        url: "https://user:pw@id.example.com/oauth/token?key=k".to_owned(),
        scope: Some("contact:write".to_owned()),
        credentials_in: CredentialsIn::Basic,
        headers: Vec::new(),
        address_at: None,
        rules: Arc::new(|status, body| {
            let is_throttled = status == 400 && body.windows(10).any(|part| part == b"rate LIMIT");
            is_throttled.then_some(MintVerdict::Throttled)
        }),
    }
}

#[test]
fn refusals_are_permanent_and_name_what_to_check() {
    for (status, body, named) in [
        (401, "", "client secret"),
        (400, r#"{"error":"invalid_client"}"#, "client secret"),
        (
            400,
            r#"{"error":"invalid_scope","error_description":"no hunter2"}"#,
            "scope",
        ),
        (
            400,
            r#"{"error":"unauthorized_client"}"#,
            "client_credentials",
        ),
        (403, "<html>", "permissions"),
        (404, "", "region"),
        (
            200,
            r#"{"error":"invalid_code"}"#,
            "status 200 (invalid_code)",
        ),
        (
            400,
            r#"{"error":"invalid_grant"}"#,
            "the refresh token, which ends",
        ),
        (302, "", "redirects"),
    ] {
        let error = judged(status, body).unwrap_err();
        assert!(error.is_permanent(), "{error}");
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(named) && text.contains("https://id.example.com/oauth/token"),
            "{text}"
        );
        assert!(
            !text.contains("hunter2") && !text.contains("pw@") && !text.contains("key=k"),
            "{text}"
        );
    }
}

#[test]
fn throttling_is_known_by_status_rule_and_hint() {
    let throttled = |error: MintError| matches!(error, MintError::Throttled { .. });
    assert!(throttled(judged(429, "").unwrap_err()));
    assert!(throttled(
        judged(400, r#"{"description":"rate LIMIT exceeded"}"#).unwrap_err()
    ));
    let reply = Reply::new(503, "").with_header(RETRY_AFTER, HeaderValue::from_static("3"));
    let error = judge(&reply, &endpoint(), &credentials(), None).unwrap_err();
    assert!(
        matches!(error, MintError::Throttled { retry_after: Some(wait), .. } if wait.as_secs() == 3)
    );
    assert!(!error.is_permanent());
}

#[test]
fn an_ill_endpoint_is_tried_again() {
    for (status, body) in [
        (500, ""),
        (503, "<html>"),
        (408, ""),
        (400, r#"{"error":"temporarily_unavailable"}"#),
    ] {
        assert!(
            !judged(status, body).unwrap_err().is_permanent(),
            "{status}"
        );
    }
    let cut = Reply {
        body_flaw: Some(BodyFlaw::Truncated),
        ..Reply::new(200, "{\"acc")
    };
    assert!(
        !judge(&cut, &endpoint(), &credentials(), None)
            .unwrap_err()
            .is_permanent()
    );
}

#[test]
fn a_scope_that_is_missing_is_named_and_one_that_is_not_said_is_trusted() {
    let granted = |scope: &'static str| judged(200, scope);
    assert!(granted(r#"{"access_token":"t"}"#).is_ok());
    assert!(granted(r#"{"access_token":"t","scope":""}"#).is_ok());
    assert!(granted(r#"{"access_token":"t","scope":"contact:read contact:write"}"#).is_ok());
    let error = granted(r#"{"access_token":"t","scope":"contact:read"}"#).unwrap_err();
    assert!(
        matches!(&error, MintError::MissingScope { asked, .. } if asked == "contact:write"),
        "{error}"
    );
    assert!(matches!(
        granted("<html>").unwrap_err(),
        MintError::BadReply { .. }
    ));
}
