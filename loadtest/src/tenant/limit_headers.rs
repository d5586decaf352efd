//! The headers in which platforms tell how much of a limit is left; one style per vendor.

use std::time::Duration;

use serde::Deserialize;

use super::limiter::Standing;
use super::units::whole_seconds;

/// A vendor's style of limit headers. Sources: the vendors' own pages; the IETF drafts of httpapi-ratelimit-headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitHeaders {
    /// No headers. The default.
    #[default]
    None,
    /// `inin-ratelimit-count`, `-allowed`, `-reset`.
    Genesys,
    /// `RateLimit-Policy` and `RateLimit` as structured fields (draft 10).
    Ietf,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset` in seconds from now (draft 06 and before).
    IetfDraft06,
    /// `X-RateLimit-*`, the reset in seconds from now.
    XRatelimit,
    /// `X-RateLimit-*`, the reset in Unix seconds.
    XRatelimitEpoch,
    /// `X-RateLimit-*`, the reset in Unix milliseconds.
    XRatelimitEpochMs,
    /// `X-Rate-Limit`, `ratelimit-*` and a `zendesk-ratelimit-…` per endpoint.
    Zendesk,
    /// `X-HubSpot-RateLimit-*`.
    Hubspot,
    /// `Sforce-Limit-Info`; over the limit the status is 403 with `REQUEST_LIMIT_EXCEEDED`, not 429.
    Salesforce,
}

impl LimitHeaders {
    /// Whether a request over the limit gets 403 in place of 429.
    pub(crate) fn refuses_with_403(self) -> bool {
        self == LimitHeaders::Salesforce
    }

    /// The headers for a bucket that stands so, at a time of the tenant's clock.
    pub(crate) fn write(self, standing: Standing, clock: Duration) -> Vec<(&'static str, String)> {
        let Standing {
            limit,
            remaining,
            reset,
            window,
        } = standing;
        let used = limit.saturating_sub(remaining);
        let reset_seconds = whole_seconds(reset);
        let window_seconds = whole_seconds(window);
        let x_ratelimit = |reset: String| {
            vec![
                ("x-ratelimit-limit", limit.to_string()),
                ("x-ratelimit-remaining", remaining.to_string()),
                ("x-ratelimit-reset", reset),
            ]
        };
        match self {
            LimitHeaders::None => Vec::new(),
            LimitHeaders::Genesys => vec![
                ("inin-ratelimit-count", used.to_string()),
                ("inin-ratelimit-allowed", limit.to_string()),
                ("inin-ratelimit-reset", reset_seconds.to_string()),
            ],
            LimitHeaders::Ietf => vec![
                (
                    "ratelimit-policy",
                    format!("\"default\";q={limit};w={window_seconds}"),
                ),
                (
                    "ratelimit",
                    format!("\"default\";r={remaining};t={reset_seconds}"),
                ),
            ],
            LimitHeaders::IetfDraft06 => vec![
                ("ratelimit-limit", limit.to_string()),
                ("ratelimit-remaining", remaining.to_string()),
                ("ratelimit-reset", reset_seconds.to_string()),
            ],
            LimitHeaders::XRatelimit => x_ratelimit(reset_seconds.to_string()),
            LimitHeaders::XRatelimitEpoch => {
                x_ratelimit(((clock + reset).as_secs_f64().ceil() as u64).to_string())
            }
            LimitHeaders::XRatelimitEpochMs => x_ratelimit((clock + reset).as_millis().to_string()),
            LimitHeaders::Zendesk => vec![
                ("x-rate-limit", limit.to_string()),
                ("x-rate-limit-remaining", remaining.to_string()),
                ("ratelimit-limit", limit.to_string()),
                ("ratelimit-remaining", remaining.to_string()),
                ("ratelimit-reset", reset_seconds.to_string()),
                (
                    "zendesk-ratelimit-contacts",
                    format!("total={limit}; remaining={remaining}; resets={reset_seconds}"),
                ),
            ],
            LimitHeaders::Hubspot => vec![
                ("x-hubspot-ratelimit-max", limit.to_string()),
                ("x-hubspot-ratelimit-remaining", remaining.to_string()),
                (
                    "x-hubspot-ratelimit-interval-milliseconds",
                    window.as_millis().to_string(),
                ),
            ],
            LimitHeaders::Salesforce => {
                vec![("sforce-limit-info", format!("api-usage={used}/{limit}"))]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_tells_the_same_standing_in_its_own_words() {
        let standing = Standing {
            limit: 100,
            remaining: 60,
            reset: Duration::from_millis(29_200),
            window: Duration::from_secs(60),
        };
        let clock = Duration::from_secs(1_700_000_000);
        for (style, name, value) in [
            (LimitHeaders::Genesys, "inin-ratelimit-count", "40"),
            (LimitHeaders::Genesys, "inin-ratelimit-reset", "30"),
            (
                LimitHeaders::Ietf,
                "ratelimit-policy",
                "\"default\";q=100;w=60",
            ),
            (LimitHeaders::Ietf, "ratelimit", "\"default\";r=60;t=30"),
            (LimitHeaders::IetfDraft06, "ratelimit-reset", "30"),
            (LimitHeaders::XRatelimit, "x-ratelimit-reset", "30"),
            (
                LimitHeaders::XRatelimitEpoch,
                "x-ratelimit-reset",
                "1700000030",
            ),
            (
                LimitHeaders::XRatelimitEpochMs,
                "x-ratelimit-reset",
                "1700000029200",
            ),
            (
                LimitHeaders::Zendesk,
                "zendesk-ratelimit-contacts",
                "total=100; remaining=60; resets=30",
            ),
            (
                LimitHeaders::Hubspot,
                "x-hubspot-ratelimit-interval-milliseconds",
                "60000",
            ),
            (
                LimitHeaders::Salesforce,
                "sforce-limit-info",
                "api-usage=40/100",
            ),
        ] {
            let headers = style.write(standing, clock);
            assert!(
                headers.contains(&(name, value.to_owned())),
                "{style:?}: {headers:?}"
            );
        }
        assert!(LimitHeaders::None.write(standing, clock).is_empty());
    }
}
