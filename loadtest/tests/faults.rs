//! Every fault over real sockets: what the client sees, and whether the write was applied.

mod support;

use support::{BASIC, Client, FORM, tenant, tenant_and_client};

const ANN: &str = r#"{"firstName":"Ann"}"#;

fn fault(rest: &str) -> String {
    format!("faults: [{{ ratio: 1, {rest} }}]")
}

#[test]
fn a_connection_closed_before_the_write_leaves_nothing_behind() {
    let (tenant, mut client) = tenant_and_client(&fault("kind: close_before"));
    client.send_patch("c-1", ANN);
    assert!(client.read_to_end().is_empty());
    assert_eq!(tenant.counters().applied, 0);
    assert_eq!(tenant.counters().faults["close_before"], 1);
}

#[test]
fn a_connection_closed_after_the_write_has_applied_it() {
    let (tenant, mut client) = tenant_and_client(&fault("kind: close_after"));
    client.send_patch("c-1", ANN);
    assert!(client.read_to_end().is_empty());
    assert_eq!(tenant.ledger().applies["c-1"], 1);
}

#[test]
fn a_server_error_has_its_status_and_its_retry_after() {
    let (tenant, mut client) =
        tenant_and_client(&fault("kind: server_error, status: 503, retry_after: 2s"));
    let reply = client.patch("c-1", ANN);
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("2"))
    );
    assert_eq!(tenant.counters().applied, 0);

    let (tenant, mut client) = tenant_and_client(&fault("kind: server_error, applied: true"));
    assert_eq!(client.patch("c-1", ANN).status, 500);
    assert_eq!(tenant.counters().applied, 1);
}

#[test]
fn no_answer_comes_while_the_connection_is_held() {
    let (tenant, mut client) =
        tenant_and_client(&fault("kind: never_answer, hold: 20ms, applied: true"));
    client.send_patch("c-1", ANN);
    assert!(client.read_to_end().is_empty());
    assert_eq!(tenant.counters().applied, 1);
}

#[test]
fn a_truncated_body_is_shorter_than_it_says() {
    let (tenant, mut client) = tenant_and_client(&fault("kind: truncated_body"));
    client.send_patch("c-1", ANN);
    let text = String::from_utf8(client.read_to_end()).expect("ASCII");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("content-length: 1000\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n{\"contactId\":"), "{text}");
    assert_eq!(tenant.counters().applied, 1);
}

#[test]
fn an_oversized_body_is_sent_in_full() {
    let (_tenant, mut client) = tenant_and_client(&fault("kind: oversized_body, bytes: 3000000"));
    let reply = client.patch("c-1", ANN);
    assert_eq!((reply.status, reply.body.len()), (200, 3_000_000));
}

#[test]
fn a_proxy_page_is_html() {
    let (_tenant, mut client) = tenant_and_client(&fault("kind: not_json"));
    let reply = client.patch("c-1", ANN);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (502, Some("text/html"))
    );
    assert!(reply.body.starts_with(b"<html>"));
}

#[test]
fn a_redirect_points_elsewhere() {
    let (tenant, mut client) =
        tenant_and_client(&fault("kind: redirect, to: 'https://example.org/'"));
    let reply = client.patch("c-1", ANN);
    assert_eq!(
        (reply.status, reply.header("location")),
        (307, Some("https://example.org/"))
    );
    assert_eq!(tenant.counters().applied, 0);
}

#[test]
fn a_fault_on_tokens_spares_contacts() {
    let tenant = tenant(&fault("kind: server_error, status: 502, on: token"));
    let mut client = Client::connect(&tenant);
    let reply = client.ask_token(&[BASIC, FORM], "grant_type=client_credentials");
    assert_eq!(reply.status, 502);
    assert_eq!(client.get("c-1").status, 401);
}

#[test]
fn about_the_stated_share_of_requests_fails_the_same_way_for_the_same_seed() {
    let failures = |seed: u64| {
        let yaml = format!("seed: {seed}\nfaults: [{{ kind: server_error, ratio: 0.1 }}]");
        let (_tenant, mut client) = tenant_and_client(&yaml);
        (0..500)
            .map(|_| client.patch("c-1", ANN).status == 500)
            .collect::<Vec<_>>()
    };
    let first = failures(3);
    let count = first.iter().filter(|failed| **failed).count();
    assert!((25..=80).contains(&count), "{count}");
    assert_eq!(first, failures(3));
    assert_ne!(first, failures(4));
}
