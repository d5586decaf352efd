//! Waits and quotas that a server's headers tell: never absurd, and never
//! earlier than the server said.

use std::time::{Duration, Instant};

use sluice::limit::{
    Controller, Decision, Hint, LimitSettings, Observation, rate_limit_hint, retry_after,
    retry_after_in_body,
};

use crate::hunt::Hunt;

const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const SEEDS: &[&str] = &[
    "retry-after: 120",
    "retry-after: 0.825",
    "date: Sat, 21 Nov 2026 13:05:06 GMT\nretry-after: Sat, 21 Nov 2026 13:05:36 GMT",
    "date: Sat, 21 Nov 2026 13:05:06 GMT\nretry-after: Saturday, 21-Nov-26 13:05:36 GMT",
    "date: Sat Nov 21 13:05:06 2026\nretry-after: Sat Nov 21 13:05:36 2026",
    "date: Sat, 21 Nov 2026 13:05:06 GMT\nretry-after: 2026-11-21T13:05:36.5Z",
    "retry-after-ms: 1500",
    "x-ratelimit-retry-after: 7",
    "x-ratelimit-limit: 100\nx-ratelimit-remaining: 3\nx-ratelimit-reset: 30",
    "date: Sat, 21 Nov 2026 13:05:06 GMT\nx-ratelimit-limit: 100\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1795266336",
    "date: Sat, 21 Nov 2026 13:05:06 GMT\nratelimit-limit: 100, 100;w=60\nratelimit-remaining: 9\nratelimit-reset: 1795266336000",
    "ratelimit: limit=100, remaining=50, reset=30",
    "ratelimit-policy: \"default\";q=100;w=60,\"day\";q=5000;w=86400\nratelimit: \"default\";r=50;t=30,\"day\";r=1;t=9000",
    "inin-ratelimit-allowed: 300\ninin-ratelimit-count: 299\ninin-ratelimit-reset: 41",
    "sforce-limit-info: api-usage=10018/100000",
    "x-rate-limit: 40\nx-rate-limit-remaining: 39\nx-rate-limit-window: 10s\nx-rate-limit-reset: 5s",
    "x-ms-ratelimit-burst-remaining-xrm-requests: 5999",
    "body: Rate limit exceeded. Retry the request in [42] seconds",
    "body: please wait 3.5 seconds and try again",
];

const WORDS: &[&[u8]] = &[
    b"0",
    b"1",
    b"9",
    b"-",
    b"+",
    b".",
    b"e9",
    b"inf",
    b"NaN",
    b"99999999999999999999",
    b"1e309",
    b"18446744073709551616",
    b"4294967296",
    b"1000000001",
    b"1000000000001",
    b"0x10",
    b";",
    b",",
    b"=",
    b"\"",
    b";w=",
    b";r=",
    b";t=",
    b";q=",
    b";qu=\"requests\"",
    b"reset",
    b"remaining",
    b"retry-after: ",
    b"date: ",
    b"body: ",
    b"\n",
    b" GMT",
    b"Sun, 31 Dec 9999 23:59:59 GMT",
    b"Thu, 01 Jan 1970 00:00:00 GMT",
    b"1969-12-31T23:59:59Z",
    b"9999-12-31T23:59:60Z",
    b"2026-02-30T00:00:00Z",
    b" seconds",
    b" retry ",
    b"\xc3\xa9",
    b"\xe2\x80\x89",
];

/// The headers of an input: `name: value` a line; the first of a name counts.
struct Headers<'input>(Vec<(&'input str, &'input str)>);

impl<'input> Headers<'input> {
    fn of(text: &'input str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        Self(lines.collect())
    }

    fn get(&self, name: &str) -> Option<&'input str> {
        let found = self.0.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }
}

/// The least wait that `Retry-After` stands for, where there is no doubt.
fn plainly_said(headers: &Headers<'_>) -> Option<Duration> {
    let text = headers.get("retry-after")?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(YEAR, Duration::from_secs).min(YEAR));
    }
    let moment = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get("date")?.trim()).ok()?;
    Some(moment.duration_since(now).unwrap_or_default().min(YEAR))
}

fn hold_hint_to_rules(hint: &Hint) {
    for number in [hint.remaining, hint.limit].into_iter().flatten() {
        assert!(number.is_finite() && number >= 0.0, "{hint:?}");
    }
    for time in [hint.resets_in, hint.window].into_iter().flatten() {
        assert!(time <= DAY, "{hint:?}");
    }
}

/// The first moment at which a controller sends again after such a reply.
fn next_send(start: Instant, reply: &Observation) -> Duration {
    let mut controller = Controller::new(LimitSettings::default(), start, 7);
    assert_eq!(controller.poll(start), Decision::Go);
    let permit = controller.on_send(start);
    let _ = controller.on_reply(start, permit, reply);
    let mut now = start;
    for step in 0..1_000 {
        match controller.poll(now) {
            Decision::Go => return now - start,
            Decision::WaitUntil(later) => {
                assert!(later > now, "a wait that doesn't end later");
                // A pace is asked again each second; a day of that is too much here.
                let least = if step < 20 {
                    Duration::ZERO
                } else {
                    Duration::from_secs(600)
                };
                now = later.max(now + least);
            }
            Decision::WaitForReply => panic!("nothing is under way"),
        }
    }
    panic!("no send after 1,000 waits, {:?} from now", now - start);
}

#[test]
fn no_header_makes_a_wait_absurd_or_too_short() {
    let seeds = SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    let hunt = Hunt {
        target: "limit-headers",
        seeds,
        words: WORDS,
        rounds: 12_000,
    };
    let start = Instant::now();
    hunt.run(|input| {
        let text = String::from_utf8_lossy(input);
        let headers = Headers::of(&text);
        let look = |name: &str| headers.get(name);
        let asked = retry_after(&look);
        if let Some(least) = plainly_said(&headers) {
            assert_eq!(asked, Some(least), "{text:?}");
        }
        let in_body = headers.get("body").and_then(retry_after_in_body);
        for wait in [asked, in_body].into_iter().flatten() {
            assert!(wait <= YEAR, "{wait:?}");
        }
        let hint = rate_limit_hint(&look);
        hint.iter().for_each(hold_hint_to_rules);
        let retry_after = asked.or(in_body);
        for reply in [
            Observation::Throttled { retry_after, hint },
            Observation::Unavailable {
                retry_after,
                failures: 1,
            },
            Observation::Accepted { hint },
        ] {
            let waited = next_send(start, &reply);
            let said = match reply {
                Observation::Accepted { .. } => None,
                _ => retry_after,
            };
            assert!(
                waited >= said.unwrap_or_default(),
                "{waited:?} is before {said:?}"
            );
            // A little more than was said, so that clients don't come all at once;
            // a quota's rest is spread over at most the day that a reset may take.
            let most = said.unwrap_or_default() + DAY + Duration::from_secs(60);
            assert!(
                waited <= most,
                "{waited:?} is long after {said:?}: {reply:?}"
            );
        }
        (
            asked.map(|wait| wait.as_secs().checked_ilog2()),
            in_body.map(|wait| wait.as_secs().checked_ilog2()),
            hint.map(|hint| {
                let size = |time: Duration| time.as_secs().checked_ilog10();
                let sign = |number: f64| number > 0.0;
                (
                    hint.remaining.map(sign),
                    hint.limit.map(sign),
                    hint.resets_in.map(size),
                    hint.window.map(size),
                )
            }),
        )
    });
}
