//! The API of Guide A, rule by rule, over real sockets.

mod support;

use support::{BASIC, Client, FORM, JSON, tenant, tenant_and_client};

const ANN: &str = r#"{"firstName":"Ann","email":"ann@example.org"}"#;
const GRANT: &str = "grant_type=client_credentials";

#[test]
fn a_token_is_given_for_basic_credentials_and_for_credentials_in_the_form() {
    let tenant = tenant("");
    let mut client = Client::connect(&tenant);
    let in_form = format!("{GRANT}&client_id=demo&client_secret=demo-secret&scope=contact%3Awrite");
    for reply in [
        client.ask_token(&[BASIC, FORM], GRANT),
        client.ask_token(&[FORM], &in_form),
        client.ask_token(&[BASIC, FORM], &in_form),
    ] {
        assert_eq!(reply.status, 200, "{reply:?}");
        let body = reply.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], "contact:write");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    assert_eq!(tenant.counters().tokens_minted, 3);
}

#[test]
fn a_bad_token_request_gets_the_oauth_error_that_fits() {
    let tenant = tenant("");
    let mut client = Client::connect(&tenant);
    let wrong = "grant_type=client_credentials&client_id=demo&client_secret=wrong";
    let cases: [(&[&str], &str, u16, &str); 8] = [
        (&[FORM], wrong, 401, "invalid_client"),
        (&[BASIC, FORM], wrong, 401, "invalid_client"),
        (&[FORM], GRANT, 401, "invalid_client"),
        (
            &["Authorization: Basic ???", FORM],
            GRANT,
            401,
            "invalid_client",
        ),
        (
            &[BASIC, FORM],
            "grant_type=password",
            400,
            "unsupported_grant_type",
        ),
        (&[BASIC, FORM], "", 400, "invalid_request"),
        (&[BASIC, JSON], GRANT, 400, "invalid_request"),
        (
            &[BASIC, FORM],
            "grant_type=client_credentials&scope=admin",
            400,
            "invalid_scope",
        ),
    ];
    for (headers, form, status, error) in cases {
        let reply = client.ask_token(headers, form);
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (status, &error.into()),
            "{headers:?} {form}"
        );
        assert!(reply.json()["error_description"].is_string());
    }
    assert_eq!(tenant.counters().token_requests_refused, 8);
    assert_eq!(tenant.counters().tokens_minted, 0);
}

#[test]
fn a_write_is_applied_read_back_and_entered_in_the_books() {
    let (tenant, mut client) = tenant_and_client("keep_bodies: true");
    assert_eq!(client.patch("c%2F1", ANN).status, 204);
    assert_eq!(
        client
            .patch("c%2F1", r#"{"firstName":"Anna","phone":"+1 555 0100"}"#)
            .status,
        204
    );
    let contact = client.get("c%2F1").json();
    let expected = serde_json::json!({
        "contactId": "c/1", "firstName": "Anna", "email": "ann@example.org", "phone": "+1 555 0100"
    });
    assert_eq!(contact, expected);
    let ledger = tenant.ledger();
    assert_eq!(ledger.applies["c/1"], 2);
    assert_eq!(ledger.writes[0].id, "c/1");
    assert_eq!(
        ledger.writes[0]
            .body
            .as_ref()
            .map(|body| &body["firstName"]),
        Some(&"Ann".into())
    );
    assert_eq!(
        (
            ledger.counters.contacts_written,
            ledger.counters.contacts_written_again
        ),
        (1, 1)
    );
    assert_eq!(ledger.counters.statuses[&204], 2);
    assert_eq!(ledger.counters.connections_opened, 1);
}

#[test]
fn success_may_be_200_with_the_contact() {
    let (_tenant, mut client) = tenant_and_client("success_status: 200");
    let reply = client.patch("c-1", ANN);
    assert_eq!(
        (reply.status, &reply.json()["firstName"]),
        (200, &"Ann".into())
    );
}

#[test]
fn a_request_without_a_good_token_is_unauthorized() {
    let (tenant, mut client) = tenant_and_client("");
    let line = "PATCH /api/v2/contacts/c-1";
    for headers in [
        &[JSON][..],
        &[JSON, BASIC],
        &[JSON, "Authorization: Bearer nonsense"],
    ] {
        let reply = client.call(line, headers, ANN);
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (401, &"invalid_token".into())
        );
    }
    assert_eq!(tenant.counters().unauthorized, 3);
}

#[test]
fn a_write_needs_the_write_scope_and_a_read_does_not() {
    let yaml =
        "clients: [{id: demo, secret: demo-secret, scopes: ['contact:read', 'contact:write']}]";
    let tenant = tenant(yaml);
    let mut client = Client::connect(&tenant);
    let reply = client.ask_token(
        &[BASIC, FORM],
        "grant_type=client_credentials&scope=contact:read",
    );
    client.token = reply.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(client.patch("c-1", ANN).status, 403);
    assert_eq!(client.get("c-1").status, 200);
}

#[test]
fn a_body_that_is_no_contact_is_refused_and_the_field_named() {
    let (tenant, mut client) = tenant_and_client("");
    for (body, field) in [
        (r#"{"email":"nobody"}"#, "email"),
        (r#"{"mobile":"call me"}"#, "mobile"),
        (r#"{"contactId":"c-1"}"#, "contactId"),
        (r#"{"company":7}"#, "company"),
    ] {
        let reply = client.patch("c-1", body);
        let json = reply.json();
        assert_eq!((reply.status, &json["error"]), (400, &"bad_request".into()));
        assert_eq!(json["errors"][0]["field"], field, "{json}");
        assert!(json["errors"][0]["message"].is_string());
    }
    for body in ["", "[]", "{\"firstName\":"] {
        assert_eq!(client.patch("c-1", body).status, 400, "{body}");
    }
    assert_eq!(client.patch("%ff", ANN).status, 400);
    assert_eq!(tenant.counters().applied, 0);
}

#[test]
fn the_content_type_and_the_size_are_checked() {
    let (_tenant, mut client) = tenant_and_client("");
    let bearer = format!("Authorization: Bearer {}", client.token);
    let line = "PATCH /api/v2/contacts/c-1";
    assert_eq!(client.call(line, &[&bearer], ANN).status, 415);
    assert_eq!(
        client
            .call(line, &[&bearer, "Content-Type: text/json"], ANN)
            .status,
        415
    );
    let with_charset = "Content-Type: Application/JSON; charset=utf-8";
    assert_eq!(client.call(line, &[&bearer, with_charset], ANN).status, 204);
    let large = format!(r#"{{"firstName":"{}"}}"#, "a".repeat(520_000));
    assert_eq!(client.patch("c-1", &large).status, 413);
}

#[test]
fn other_paths_and_methods_do_not_exist() {
    let (_tenant, mut client) = tenant_and_client("");
    for path in [
        "/",
        "/api/v2/contactsss",
        "/api/v2/contacts/",
        "/api/v2/contacts/a/b",
    ] {
        assert_eq!(
            client.call(&format!("GET {path}"), &[], "").status,
            404,
            "{path}"
        );
    }
    let reply = client.call("POST /api/v2/contacts/c-1", &[], "");
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("GET, PATCH, PUT, DELETE"))
    );
    let reply = client.call("PATCH /api/v2/contacts", &[], "");
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("GET, POST"))
    );
    assert_eq!(client.call("GET /oauth/token", &[], "").status, 405);
}

#[test]
fn missing_and_invalid_contacts_are_the_same_in_every_run() {
    let yaml = "contacts: { missing: 0.2, invalid: 0.2, existing: { numbered: { prefix: c-, count: 100 } } }";
    let (tenant, mut client) = tenant_and_client(yaml);
    let contacts = loadtest::tenant::Scenario::from_yaml(yaml, "test")
        .expect("a scenario")
        .contacts;
    let mut seen = std::collections::BTreeMap::new();
    for number in 1..=101 {
        let id = format!("c-{number}");
        let status = client.patch(&id, ANN).status;
        let expected = match (contacts.exists(&id), contacts.is_invalid(&id)) {
            (false, _) => 404,
            (true, true) => 400,
            (true, false) => 204,
        };
        assert_eq!(status, expected, "{id}");
        *seen.entry(status).or_insert(0) += 1;
    }
    assert!(
        seen[&404] > 5 && seen[&400] > 5 && seen[&204] > 40,
        "{seen:?}"
    );
    assert_eq!(client.patch("c-101", ANN).status, 404);
    assert_eq!(tenant.counters().applied, seen[&204]);
}

#[test]
fn a_revoked_token_is_unauthorized_until_a_new_one_is_fetched() {
    let (tenant, mut client) =
        tenant_and_client("token: { revoke_after_requests: [2], omit_expires_in: true }");
    let statuses: Vec<u16> = (0..3).map(|_| client.patch("c-1", ANN).status).collect();
    assert_eq!(statuses, [204, 204, 401]);
    client.log_in();
    assert_eq!(client.patch("c-1", ANN).status, 204);
    assert_eq!(tenant.counters().tokens_minted, 2);
}

#[test]
fn an_expired_token_is_unauthorized() {
    let (_tenant, mut client) = tenant_and_client("token: { lifetime: 0s, expires_in: 60 }");
    assert_eq!(client.patch("c-1", ANN).status, 401);
}

#[test]
fn the_token_endpoint_has_a_limit_of_its_own() {
    let limit = "limit: { kind: fixed_window, requests: 1, window: 1h }";
    let (_tenant, mut client) = tenant_and_client(&format!("token: {{ {limit} }}"));
    let reply = client.ask_token(&[BASIC, FORM], GRANT);
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("3600"))
    );

    let (_tenant, mut client) = tenant_and_client(&format!(
        "token: {{ {limit}, over_limit: invalid_request }}"
    ));
    let reply = client.ask_token(&[BASIC, FORM], GRANT);
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (400, &"invalid_request".into())
    );
    assert!(
        reply.json()["error_description"]
            .as_str()
            .is_some_and(|text| text.starts_with("rate limit exceeded"))
    );
}

#[test]
fn the_books_are_open_over_http_and_a_reset_empties_them() {
    let (tenant, mut client) = tenant_and_client("");
    assert_eq!(client.patch("c-1", ANN).status, 204);
    let ledger = client.call("GET /_tenant/ledger?writes=1", &[], "").json();
    assert_eq!(ledger["applies"]["c-1"], 1);
    assert_eq!(ledger["writes"][0]["id"], "c-1");
    assert_eq!(ledger["requests"]["patch"], 1);
    assert!(client.call("GET /_tenant/ledger", &[], "").json()["writes"].is_null());
    let stats = client.call("GET /_tenant/stats", &[], "").json();
    assert_eq!(
        (&stats["applied"], &stats["applies"]),
        (&1.into(), &serde_json::Value::Null)
    );
    assert_eq!(client.call("POST /_tenant/reset", &[], "").status, 204);
    assert_eq!(tenant.counters().applied, 0);
    // Tokens are forgotten as well.
    assert_eq!(client.patch("c-1", ANN).status, 401);
}

#[test]
fn a_ledger_of_counts_or_none_keeps_less() {
    for (detail, ids) in [("counts", 1), ("none", 0)] {
        let (tenant, mut client) = tenant_and_client(&format!("ledger: {detail}"));
        client.patch("c-1", ANN);
        let ledger = tenant.ledger();
        assert_eq!(
            (
                ledger.applies.len(),
                ledger.writes.len(),
                ledger.counters.applied
            ),
            (ids, 0, 1)
        );
    }
}

#[test]
fn a_shut_down_tenant_frees_its_port() {
    let (tenant, mut client) = tenant_and_client("");
    let addr = tenant.addr();
    assert_eq!(tenant.base_url(), format!("http://{addr}"));
    tenant.shutdown();
    assert!(client.read_to_end().is_empty());
    assert!(std::net::TcpStream::connect(addr).is_err());
}
