//! Refusals over real sockets: status, headers, body, and what the books make of them.

mod support;

use loadtest::tenant::Scenario;
use support::{Client, tenant_and_client};

const ANN: &str = r#"{"firstName":"Ann"}"#;
const ONE_AN_HOUR: &str =
    "limits: [{kind: fixed_window, requests: 1, window: 1h, key: token.rate.per.hour}]";

#[test]
fn a_refusal_says_when_to_come_back_and_names_the_limit() {
    let (tenant, mut client) = tenant_and_client(ONE_AN_HOUR);
    assert_eq!(client.patch("c-1", ANN).status, 204);
    let reply = client.patch("c-1", ANN);
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("3600"))
    );
    let body = reply.json();
    assert_eq!(
        (&body["code"], &body["limit"]["key"]),
        (&"too.many.requests".into(), &"token.rate.per.hour".into())
    );
    let counters = tenant.counters();
    assert_eq!(
        (counters.accepted, counters.throttled, counters.applied),
        (1, 1, 1)
    );
    let seconds: u64 = counters
        .seconds
        .iter()
        .map(|second| second.accepted + second.throttled)
        .sum();
    assert_eq!(seconds, 2);
}

#[test]
fn a_request_before_the_stated_time_is_an_undercut() {
    let (tenant, mut client) = tenant_and_client(&format!("{ONE_AN_HOUR}\nundercut_grace: 0s"));
    for _ in 0..3 {
        client.patch("c-1", ANN);
    }
    let counters = tenant.counters();
    assert_eq!(counters.undercuts, 1);
    assert_eq!(counters.undercuts_by_limit["token.rate.per.hour"], 1);
    // The other endpoint was told nothing.
    client.get("c-1");
    assert_eq!(tenant.counters().undercuts, 1);
}

#[test]
fn what_was_under_way_at_a_refusal_is_no_undercut() {
    let (tenant, mut client) = tenant_and_client(&format!("{ONE_AN_HOUR}\nundercut_grace: 1h"));
    for _ in 0..4 {
        client.patch("c-1", ANN);
    }
    assert_eq!(
        (tenant.counters().throttled, tenant.counters().undercuts),
        (3, 0)
    );
}

#[test]
fn every_form_of_retry_after_can_be_had() {
    let refused = |words: &str| {
        let (_tenant, mut client) =
            tenant_and_client(&format!("{ONE_AN_HOUR}\nretry_after: {{ {words} }}"));
        client.patch("c-1", ANN);
        client.patch("c-1", ANN)
    };
    let reply = refused("form: none");
    assert_eq!((reply.status, reply.header("retry-after")), (429, None));
    let reply = refused("form: body");
    assert_eq!(reply.header("retry-after"), None);
    assert!(
        reply.json()["message"]
            .as_str()
            .is_some_and(|text| text.contains("in [3600] seconds"))
    );
    let reply = refused("form: fraction");
    let (seconds, decimals) = reply
        .header("retry-after")
        .and_then(|value| value.split_once('.'))
        .expect("a fraction");
    assert!(
        ["3599", "3600"].contains(&seconds) && decimals.len() == 3,
        "{seconds}.{decimals}"
    );
    assert_eq!(
        refused("honesty: { scale: 0.5 }").header("retry-after"),
        Some("1800")
    );
    assert_eq!(
        refused("honesty: { add: 10s }").header("retry-after"),
        Some("3610")
    );
    assert_eq!(
        refused("honesty: { fixed: 1s }").header("retry-after"),
        Some("1")
    );
    let reply = refused("form: http_date, clock_skew: -2h");
    let date = |name| {
        reply
            .header(name)
            .and_then(|value| httpdate::parse_http_date(value).ok())
            .expect("a date")
    };
    let wait = date("retry-after")
        .duration_since(date("date"))
        .expect("later")
        .as_secs();
    assert!((3600..=3601).contains(&wait), "{wait}");
    assert!(date("date") < std::time::SystemTime::now() - std::time::Duration::from_secs(7000));
}

#[test]
fn limit_headers_count_down() {
    let yaml = "limits: [{kind: fixed_window, requests: 2, window: 1h}]\nlimit_headers: genesys";
    let (_tenant, mut client) = tenant_and_client(yaml);
    for (count, status) in [("1", 204), ("2", 204), ("2", 429)] {
        let reply = client.patch("c-1", ANN);
        assert_eq!(
            (reply.status, reply.header("inin-ratelimit-count")),
            (status, Some(count))
        );
        assert_eq!(reply.header("inin-ratelimit-allowed"), Some("2"));
        assert_eq!(reply.header("inin-ratelimit-reset"), Some("3600"));
    }
}

#[test]
fn salesforce_refuses_with_403() {
    let (_tenant, mut client) =
        tenant_and_client(&format!("{ONE_AN_HOUR}\nlimit_headers: salesforce"));
    assert_eq!(
        client.patch("c-1", ANN).header("sforce-limit-info"),
        Some("api-usage=1/1")
    );
    let reply = client.patch("c-1", ANN);
    assert_eq!(
        (reply.status, &reply.json()[0]["errorCode"]),
        (403, &"REQUEST_LIMIT_EXCEEDED".into())
    );
}

#[test]
fn nested_limits_must_all_admit_and_a_refused_request_takes_from_none() {
    let yaml = "
limits:
  - { kind: fixed_window, requests: 1, window: 1h, scope: record, key: record }
  - { kind: fixed_window, requests: 3, window: 2h, key: tenant }";
    let (_tenant, mut client) = tenant_and_client(yaml);
    assert_eq!(client.patch("c-1", ANN).status, 204);
    for _ in 0..5 {
        let reply = client.patch("c-1", ANN);
        assert_eq!(
            (reply.status, &reply.json()["limit"]["key"]),
            (429, &"record".into())
        );
    }
    assert_eq!(client.patch("c-2", ANN).status, 204);
    assert_eq!(client.patch("c-3", ANN).status, 204);
    // Both refuse now; the longer wait is told.
    let reply = client.patch("c-1", ANN);
    assert_eq!(
        (reply.header("retry-after"), &reply.json()["limit"]["key"]),
        (Some("7200"), &"tenant".into())
    );
}

#[test]
fn scopes_keep_buckets_apart() {
    let yaml = |scope: &str| {
        format!(
            "clients: [{{id: demo, secret: demo-secret}}]
limits: [{{kind: fixed_window, requests: 1, window: 1h, scope: {scope}}}]"
        )
    };
    let (_tenant, mut client) = tenant_and_client(&yaml("endpoint"));
    assert_eq!(
        (client.patch("c-1", ANN).status, client.get("c-1").status),
        (204, 200)
    );
    let (_tenant, mut client) = tenant_and_client(&yaml("token"));
    assert_eq!(
        (
            client.patch("c-1", ANN).status,
            client.patch("c-1", ANN).status
        ),
        (204, 429)
    );
    client.log_in();
    assert_eq!(client.patch("c-1", ANN).status, 204);
    let (_tenant, mut client) = tenant_and_client(&yaml("client"));
    assert_eq!(client.patch("c-1", ANN).status, 204);
    client.log_in();
    assert_eq!(client.patch("c-1", ANN).status, 429);
}

#[test]
fn a_concurrency_cap_counts_requests_inside_and_frees_their_places() {
    let yaml = "
limits: [{kind: concurrency, cap: 1}]
faults: [{kind: never_answer, ratio: 1, hold: 1h}]
retry_after: {form: none}";
    let (tenant, mut stuck) = tenant_and_client(yaml);
    stuck.send_patch("c-1", ANN);
    let mut other = Client::connect(&tenant);
    other.token.clone_from(&stuck.token);
    while tenant.counters().accepted == 0 {
        std::thread::yield_now();
    }
    let reply = other.patch("c-2", ANN);
    assert_eq!((reply.status, reply.header("retry-after")), (429, None));
    assert_eq!(tenant.counters().in_flight_max, 2);
    // The client gives up; its place is free again, and the next request gets stuck in it.
    drop(stuck);
    loop {
        let throttled = tenant.counters().throttled;
        other.send_patch("c-2", ANN);
        while tenant.counters().throttled == throttled && tenant.counters().accepted == 1 {
            std::thread::yield_now();
        }
        if tenant.counters().accepted == 2 {
            break;
        }
        other.receive();
    }
}

#[test]
fn other_traffic_takes_its_share_of_the_limit() {
    let yaml = "limits: [{kind: sliding_log, requests: 1000000, window: 1h, other_traffic: {rate: 100000}}]";
    let (tenant, mut client) = tenant_and_client(yaml);
    while tenant.counters().others_accepted < 100 {
        assert_eq!(client.patch("c-1", ANN).status, 204);
    }
    assert_eq!(tenant.counters().others_refused, 0);
}

#[test]
fn a_scenario_error_names_the_line_and_the_fault() {
    for (yaml, parts) in [
        ("seed: 1\nlimitz: []", &["line 2", "limitz"][..]),
        (
            "seed: 1\n\nlatency: { median: fast }",
            &["line 3", "duration"],
        ),
        ("contacts: { missing: 2 }", &["line 1", "share"]),
        ("limits:\n  - { kind: token_bucket, rate: 5 }", &["burst"]),
        (
            "limits:\n  - { kind: concurrency, cap: 5, rate: 1 }",
            &["rate", "no meaning"],
        ),
        (
            "limits: [{ kind: fixed_window, requests: 0, window: 1s }]",
            &["requests", "at least 1"],
        ),
        (
            "limits: [{ kind: token_bucket, rate: 0, burst: 1 }]",
            &["rate"],
        ),
        ("faults: [{ kind: redirect, ratio: 1 }]", &["to"]),
        (
            "faults: [{ kind: close_before, ratio: 1, status: 500 }]",
            &["status"],
        ),
        ("success_status: 201", &["200 or 204"]),
    ] {
        let error = Scenario::from_yaml(yaml, "test.yaml")
            .expect_err(yaml)
            .to_string();
        assert!(error.starts_with("test.yaml is not a scenario"), "{error}");
        for part in parts {
            assert!(error.contains(part), "{yaml}\n{error}");
        }
    }
}

#[test]
fn every_scenario_that_comes_along_can_be_read() {
    for name in Scenario::names() {
        let scenario = Scenario::named(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!scenario.about.is_empty(), "{name}");
    }
    let error = Scenario::find("dmeo")
        .expect_err("no such scenario")
        .to_string();
    assert!(error.contains("demo"), "{error}");
    assert!(Scenario::find("no/such/file.yaml").is_err());
}
