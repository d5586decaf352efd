//! What a lane reads of limits in a reply's headers.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::harness::{LaneWish, endpoint};
use crate::transport::Reply;

/// Headers of this tenant's own, with names as people write them.
const OWN_NAMES: &str = r#"
name: scripted
title: A tenant with headers of its own
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
limits:
  retry_after: [X-Come-Back, Retry-After]
  limit: [X-Quota]
  remaining: [X-Quota-Left]
  reset: [X-Quota-New-In]
operations:
  save:
    method: PUT
    path: /{id}
    key: id
    effect: upserted
    fields: {name: {}}
"#;

/// The wait, and what is left of how much, that these headers tell of.
fn told(
    connector: Option<&'static str>,
    headers: &[(&'static str, &'static str)],
) -> (Option<u64>, Option<(f64, f64)>) {
    let wish = LaneWish {
        connector,
        ..LaneWish::default()
    };
    let reply = headers.iter().fold(Reply::new(429, ""), |reply, header| {
        let name = HeaderName::from_static(header.0);
        reply.with_header(name, HeaderValue::from_static(header.1))
    });
    let words = endpoint(&wish).limit_words(&reply);
    let hint = words.hint.map(|hint| (hint.remaining, hint.limit));
    (
        words.retry_after.as_ref().map(Duration::as_secs),
        hint.and_then(|(remaining, limit)| remaining.zip(limit)),
    )
}

#[test]
fn headers_count_under_the_names_that_the_connector_file_gives_them() {
    let own = [
        ("server", "a"),
        ("x-come-back", "7"),
        ("x-quota", "100"),
        ("x-quota-left", "40"),
        ("x-quota-new-in", "30"),
    ];
    assert_eq!(told(Some(OWN_NAMES), &own), (Some(7), Some((40.0, 100.0))));
    assert_eq!(told(None, &own), (None, None));
}

#[test]
fn the_first_name_of_a_connector_counts_before_the_next_and_before_the_usual_one() {
    let both = [("retry-after", "3"), ("x-come-back", "7")];
    assert_eq!(told(Some(OWN_NAMES), &both), (Some(7), None));
    assert_eq!(told(Some(OWN_NAMES), &both[..1]), (Some(3), None));
    let usual = [("x-ratelimit-limit", "9"), ("x-ratelimit-remaining", "2")];
    assert_eq!(told(Some(OWN_NAMES), &usual), (None, Some((2.0, 9.0))));
}

#[test]
fn a_date_is_compared_with_that_of_its_reply() {
    let dates = [
        ("date", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ("retry-after", "Sat, 21 Nov 2026 10:00:12 GMT"),
    ];
    assert_eq!(told(None, &dates), (Some(12), None));
    assert_eq!(told(None, &dates[1..]), (None, None));
    assert_eq!(told(None, &dates[..1]), (None, None));
}
