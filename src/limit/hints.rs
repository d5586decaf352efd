//! Rate-limit headers of every style that the platforms send.
//!
//! Each vendor has its own names, and a reset may be a wait or a moment. All
//! of them come out as one [`Hint`]. Pure functions over a header lookup, so
//! that no HTTP crate is needed here. Nothing panics on any input.

use std::time::Duration;

use super::header_time::{plain_number, reset_wait};

/// Looks a header up by its lower-case name.
pub type HeaderLookup<'call, 'value> = &'call dyn Fn(&str) -> Option<&'value str>;

/// What a reply says about the quota it was counted against.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hint {
    /// Requests left until the reset.
    pub remaining: Option<f64>,
    /// Requests per window.
    pub limit: Option<f64>,
    /// Time until the quota is whole again; at most 24 h.
    pub resets_in: Option<Duration>,
    /// Length of the window, where it is named apart from the reset.
    pub window: Option<Duration>,
}

impl Hint {
    /// Requests per second that would just use up the rest of the quota.
    fn tightness(&self) -> f64 {
        match (self.remaining, self.resets_in) {
            (Some(remaining), Some(resets_in)) => remaining / resets_in.as_secs_f64().max(0.5),
            _ => f64::INFINITY,
        }
    }

    fn says_something(&self) -> bool {
        self.remaining.is_some() || self.limit.is_some()
    }
}

/// Names of one vendor's plain headers: limit, remaining, reset, window.
struct Style {
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
    window: &'static str,
}

const fn style(
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
    window: &'static str,
) -> Style {
    Style {
        limit,
        remaining,
        reset,
        window,
    }
}

/// An empty name stands for a header that the vendor doesn't send.
#[rustfmt::skip]
const STYLES: [Style; 6] = [
    style("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", ""),
    style("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", ""),
    // X-Rate-Limit alone names the limit itself; some have a window and no reset.
    style("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset", "x-rate-limit-window"),
    style("x-rate-limit", "x-rate-limit-remaining", "x-rate-limit-reset", "x-rate-limit-window"),
    style("x-sib-ratelimit-limit", "x-sib-ratelimit-remaining", "x-sib-ratelimit-reset", ""),
    style("", "x-ms-ratelimit-burst-remaining-xrm-requests", "", ""),
];

/// How the names begin that [`rate_limit_hint`] and
/// [`retry_after`](super::retry_after) look for, in lower case. What stands
/// beside them, such as the reply's `Date`, tells nothing by itself.
const BEGINNINGS: [&str; 8] = [
    "ratelimit",
    "retry-after",
    "x-ratelimit-",
    "x-rate-limit",
    "x-sib-ratelimit-",
    "x-ms-ratelimit-",
    "inin-ratelimit-",
    "sforce-limit-info",
];

/// Whether a header of this lower-case name may tell of a limit or a wait. A
/// reply without any has no hint, and needn't be looked through for one.
#[must_use]
pub fn tells_of_limit(name: &str) -> bool {
    BEGINNINGS
        .iter()
        .any(|beginning| name.starts_with(beginning))
}

/// The tightest quota that a reply's headers tell of, or `None`.
///
/// Knows the IETF drafts (`RateLimit` and `RateLimit-Policy`, and the older
/// `RateLimit-*`), `X-RateLimit-*`, `X-Rate-Limit-*` and a few vendors' own;
/// a connector file can name others, which are then looked up under these
/// names. A reset is read as delta seconds, epoch seconds (above 10⁹), epoch
/// milliseconds (above 10¹²) or a date; moments are compared with the reply's
/// own `Date`. A past or senseless reset is none.
#[must_use]
pub fn rate_limit_hint(headers: HeaderLookup<'_, '_>) -> Option<Hint> {
    let date = headers("date");
    let plain = STYLES
        .iter()
        .filter_map(|style| of_style(style, headers, date));
    [
        counted_up(headers, date),
        ietf(headers),
        usage_of_a_day(headers),
    ]
    .into_iter()
    .flatten()
    .chain(plain)
    .min_by(|one, other| one.tightness().total_cmp(&other.tightness()))
}

fn number(headers: HeaderLookup<'_, '_>, name: &str) -> Option<f64> {
    if name.is_empty() {
        return None;
    }
    // "100, 100;w=60" (older drafts): the first value is the one that counts.
    let first = headers(name)?.split([',', ';']).next()?;
    plain_number(first)
}

fn of_style(style: &Style, headers: HeaderLookup<'_, '_>, date: Option<&str>) -> Option<Hint> {
    let remaining = number(headers, style.remaining);
    let reset = if style.reset.is_empty() {
        None
    } else {
        headers(style.reset)
    };
    let hint = Hint {
        remaining,
        limit: number(headers, style.limit),
        resets_in: reset.and_then(|text| reset_wait(text, date)),
        window: number(headers, style.window).and_then(seconds),
    };
    hint.says_something().then_some(hint)
}

/// `inin-ratelimit-*` count up: `allowed` less `count` is left.
fn counted_up(headers: HeaderLookup<'_, '_>, date: Option<&str>) -> Option<Hint> {
    let allowed = number(headers, "inin-ratelimit-allowed")?;
    let count = number(headers, "inin-ratelimit-count");
    Some(Hint {
        remaining: count.map(|count| (allowed - count).max(0.0)),
        limit: Some(allowed),
        resets_in: headers("inin-ratelimit-reset").and_then(|text| reset_wait(text, date)),
        window: None,
    })
}

/// `RateLimit: "default";r=50;t=30` with `RateLimit-Policy: "default";q=100;w=60`
/// (draft 10), or `RateLimit: limit=100, remaining=50, reset=30` (draft 07);
/// some headers in this form say `total` and `resets`.
/// Of several policies in one header the tightest counts.
fn ietf(headers: HeaderLookup<'_, '_>) -> Option<Hint> {
    let policy = headers("ratelimit-policy").unwrap_or_default();
    let text = headers("ratelimit")?;
    if let Some(remaining) = parameter(text, "remaining") {
        return Some(Hint {
            remaining: Some(remaining),
            limit: parameter(text, "limit").or_else(|| parameter(text, "total")),
            resets_in: parameter(text, "reset")
                .or_else(|| parameter(text, "resets"))
                .and_then(seconds),
            window: parameter(policy, "w").and_then(seconds),
        });
    }
    text.split(',')
        .filter_map(|item| {
            let name = item.split(';').next()?.trim();
            let its_policy = policy.split(',').find(|one| one.trim().starts_with(name));
            // Bytes and places at once aren't requests: no pace follows from them.
            if its_policy.is_some_and(|one| one.contains("qu=") && !one.contains("requests\"")) {
                return None;
            }
            if its_policy.is_some_and(|one| one.contains("concurrent-requests")) {
                return None;
            }
            Some(Hint {
                remaining: Some(parameter(item, "r")?),
                limit: its_policy.and_then(|one| parameter(one, "q")),
                resets_in: parameter(item, "t").and_then(seconds),
                window: its_policy
                    .and_then(|one| parameter(one, "w"))
                    .and_then(seconds),
            })
        })
        .min_by(|one, other| one.tightness().total_cmp(&other.tightness()))
}

/// `Sforce-Limit-Info: api-usage=10018/100000`: a day's quota, without a reset.
fn usage_of_a_day(headers: HeaderLookup<'_, '_>) -> Option<Hint> {
    let text = headers("sforce-limit-info")?;
    let usage = text
        .split([';', ','])
        .find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, limit) = usage.split_once('/')?;
    let (used, limit) = (plain_number(used)?, plain_number(limit)?);
    Some(Hint {
        remaining: Some((limit - used).max(0.0)),
        limit: Some(limit),
        ..Hint::default()
    })
}

/// The number of `name=number` among parts set apart by `;` or `,`.
fn parameter(text: &str, name: &str) -> Option<f64> {
    text.split([';', ',']).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        if key.trim().eq_ignore_ascii_case(name) {
            plain_number(value)
        } else {
            None
        }
    })
}

/// A wait in seconds, at most a day.
fn seconds(count: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(count.min(86_400.0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::retry_after;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    #[test]
    fn every_header_that_is_looked_for_is_known_to_tell_of_a_limit() {
        let names = RefCell::new(BTreeSet::new());
        for value in [None, Some("1")] {
            let lookup = |name: &str| {
                names.borrow_mut().insert(name.to_owned());
                value
            };
            let _ = (rate_limit_hint(&lookup), retry_after(&lookup));
        }
        let names = names.into_inner();
        assert!(names.len() > 20, "{names:?}");
        for name in names.iter().filter(|name| *name != "date") {
            assert!(tells_of_limit(name), "{name}");
        }
        assert!(!tells_of_limit("server") && !tells_of_limit("x-request-id"));
    }
}
