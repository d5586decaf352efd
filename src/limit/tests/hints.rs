//! Every form of header that a platform sends.

use std::time::Duration;

use proptest::prelude::*;

use crate::limit::{Hint, rate_limit_hint, retry_after, retry_after_in_body};

const DATE: &str = "Sat, 21 Nov 2026 13:00:00 GMT";
const DATE_EPOCH_S: u64 = 1_795_266_000;

fn lookup<'a>(headers: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<&'a str> {
    move |name| {
        headers
            .iter()
            .find(|header| header.0 == name)
            .map(|header| header.1)
    }
}

fn wait(headers: &[(&str, &str)]) -> Option<Duration> {
    let lookup = lookup(headers);
    retry_after(&lookup)
}

fn hint(headers: &[(&str, &str)]) -> Hint {
    let lookup = lookup(headers);
    rate_limit_hint(&lookup).unwrap()
}

fn told(remaining: f64, limit: f64, resets_in_s: u64) -> Hint {
    Hint {
        remaining: Some(remaining),
        limit: Some(limit),
        resets_in: Some(Duration::from_secs(resets_in_s)),
        window: None,
    }
}

#[test]
fn retry_after_in_every_form() {
    assert_eq!(
        wait(&[("retry-after", "42")]),
        Some(Duration::from_secs(42))
    );
    assert_eq!(
        wait(&[("retry-after", " 0.825 ")]),
        Some(Duration::from_millis(825))
    );
    assert_eq!(wait(&[("retry-after", "0")]), Some(Duration::ZERO));
    assert_eq!(
        wait(&[("retry-after-ms", "1500")]),
        Some(Duration::from_millis(1500))
    );
    assert_eq!(
        wait(&[("x-ratelimit-retry-after", "7")]),
        Some(Duration::from_secs(7))
    );
    let forms = [
        "Sat, 21 Nov 2026 13:00:42 GMT",
        "Saturday, 21-Nov-26 13:00:42 GMT",
        "Sat Nov 21 13:00:42 2026",
    ];
    for form in forms {
        assert_eq!(
            wait(&[("retry-after", form), ("date", DATE)]),
            Some(Duration::from_secs(42)),
            "{form}"
        );
    }
}

#[test]
fn a_date_is_compared_with_the_replys_own_date_or_not_at_all() {
    let later = "Sat, 21 Nov 2026 13:00:42 GMT";
    assert_eq!(wait(&[("retry-after", later)]), None);
    assert_eq!(
        wait(&[("retry-after", DATE), ("date", later)]),
        Some(Duration::ZERO)
    );
}

#[test]
fn garbage_is_no_retry_after() {
    for text in ["", "soon", "-5", "1e9", "inf", "NaN", "1.2.3", ".", "٣"] {
        assert_eq!(
            wait(&[("retry-after", text), ("date", DATE)]),
            None,
            "{text}"
        );
    }
    let year = Duration::from_secs(366 * 24 * 3600);
    assert_eq!(
        wait(&[("retry-after", "99999999999999999999999999")]),
        Some(year)
    );
}

#[test]
fn retry_after_in_a_body() {
    let seconds = |text| retry_after_in_body(text).map(|wait| wait.as_secs_f64());
    assert_eq!(
        seconds("Rate limit exceeded. Retry the request in [42] seconds"),
        Some(42.0)
    );
    assert_eq!(seconds("please WAIT 1.5 Seconds and try again"), Some(1.5));
    let both = "exceeded the maximum [300] requests within [60] seconds; retry in [7] seconds";
    assert_eq!(seconds(both), Some(7.0));
    let with_code = r#"{"code":"too.many.requests.retry.after","message":"Rate limit exceeded the maximum [300] requests within [60] seconds. Retry the request in [42] seconds"}"#;
    assert_eq!(seconds(with_code), Some(42.0));
    assert_eq!(seconds("wait 30 seconds before you retry"), Some(30.0));
    assert_eq!(
        seconds("exceeded the maximum [300] requests within [60] seconds"),
        None
    );
    assert_eq!(seconds("retry later, it takes some seconds"), None);
}

#[test]
fn rate_limit_headers_of_every_vendor() {
    let counted_up = [
        ("inin-ratelimit-count", "1"),
        ("inin-ratelimit-allowed", "180"),
        ("inin-ratelimit-reset", "61"),
    ];
    assert_eq!(hint(&counted_up), told(179.0, 180.0, 61));
    for prefix in [
        "x-ratelimit",
        "x-rate-limit",
        "ratelimit",
        "x-sib-ratelimit",
    ] {
        let names = ["limit", "remaining", "reset"].map(|name| format!("{prefix}-{name}"));
        let headers = [
            (names[0].as_str(), "100"),
            (names[1].as_str(), "50"),
            (names[2].as_str(), "30"),
        ];
        assert_eq!(hint(&headers), told(50.0, 100.0, 30), "{prefix}");
    }
    assert_eq!(
        hint(&[("ratelimit", "limit=100, remaining=50, reset=30")]),
        told(50.0, 100.0, 30)
    );
    let draft = [
        ("ratelimit", r#""default";r=50;t=30"#),
        ("ratelimit-policy", r#""default";q=100;w=60"#),
    ];
    let minute = Some(Duration::from_secs(60));
    assert_eq!(
        hint(&draft),
        Hint {
            window: minute,
            ..told(50.0, 100.0, 30)
        }
    );
    let totals = [("ratelimit", "total=100; remaining=99; resets=41")];
    assert_eq!(hint(&totals), told(99.0, 100.0, 41));
    let usage = hint(&[(
        "sforce-limit-info",
        "api-usage=10018/100000; per-app-api-usage=17/250(appName=x)",
    )]);
    assert_eq!(
        (usage.remaining, usage.limit, usage.resets_in),
        (Some(89_982.0), Some(100_000.0), None)
    );
    let with_window = hint(&[
        ("x-rate-limit-limit", "40"),
        ("x-rate-limit-remaining", "3"),
        ("x-rate-limit-window", "60"),
    ]);
    assert_eq!((with_window.resets_in, with_window.window), (None, minute));
    assert_eq!(
        hint(&[("x-ms-ratelimit-burst-remaining-xrm-requests", "5999")]).remaining,
        Some(5999.0)
    );
    let date_alone = lookup(&[("date", DATE)]);
    assert_eq!(rate_limit_hint(&date_alone), None);
}

#[test]
fn the_tightest_of_several_quotas_counts() {
    let headers = [
        ("x-ratelimit-limit", "1000"),
        ("x-ratelimit-remaining", "900"),
        ("x-ratelimit-reset", "60"),
        (
            "ratelimit",
            r#""minute";r=50;t=10, "second";r=1;t=1, "places";r=0;t=1"#,
        ),
        (
            "ratelimit-policy",
            r#""minute";q=100;w=60, "second";q=2;w=1, "places";q=1;qu="concurrent-requests""#,
        ),
    ];
    assert_eq!(hint(&headers).remaining, Some(1.0));
}

#[test]
fn a_reset_is_a_wait_or_a_moment() {
    let reset = |text: &str| {
        hint(&[
            ("x-ratelimit-remaining", "5"),
            ("x-ratelimit-reset", text),
            ("date", DATE),
        ])
        .resets_in
    };
    let half_a_minute = Some(Duration::from_secs(30));
    assert_eq!(reset("30"), half_a_minute);
    assert_eq!(reset("30s"), half_a_minute);
    assert_eq!(reset(&(DATE_EPOCH_S + 30).to_string()), half_a_minute);
    assert_eq!(
        reset(&((DATE_EPOCH_S + 30) * 1000).to_string()),
        half_a_minute
    );
    assert_eq!(reset("Sat, 21 Nov 2026 13:00:30 GMT"), half_a_minute);
    assert_eq!(reset("2026-11-21T13:00:30Z"), half_a_minute);
    assert_eq!(reset("999999"), Some(Duration::from_secs(86_400)), "capped");
    for past_or_garbage in [
        &(DATE_EPOCH_S - 30).to_string(),
        "-1",
        "soon",
        "2026-11-21T12:00:00Z",
        "2026-99-99T00:00:00Z",
    ] {
        assert_eq!(reset(past_or_garbage), None, "{past_or_garbage}");
    }
}

proptest! {
    #[test]
    fn no_header_panics(text in ".{0,80}", number in any::<f64>(), date in ".{0,40}") {
        for value in [text.clone(), number.to_string(), format!("r={number};t={number}"), format!("{text} [{number}] seconds")] {
            for date in [DATE, date.as_str()] {
                let any_header = |name: &str| Some(if name == "date" { date } else { value.as_str() });
                let _ = retry_after(&any_header);
                if let Some(hint) = rate_limit_hint(&any_header) {
                    prop_assert!(hint.resets_in.is_none_or(|wait| wait <= Duration::from_secs(86_400)));
                    prop_assert!(hint.remaining.is_none_or(|count| count >= 0.0));
                }
            }
            let _ = retry_after_in_body(&format!("retry {value} seconds"));
        }
    }
}
