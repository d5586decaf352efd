//! A limit as a run learnt it, for the summary and in words.

use serde::{Deserialize, Serialize};

use super::words::rate_words;

/// One limit. Rates are in requests a second, times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LimitSummary {
    /// Of a run that has parts: the part that met it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What it belongs to: an endpoint's name, or `*` for the whole client.
    pub endpoint: String,
    /// Its kind, as it stands in limit profiles.
    pub kind: String,
    /// What it lets through.
    pub rate_per_s: f64,
    /// What it admits at once after a pause, where that was seen.
    pub burst: Option<f64>,
    /// The length of its window, where one was found.
    pub window_s: Option<f64>,
    /// Requests that it takes at once, where it is a cap.
    pub concurrency_cap: Option<u32>,
    /// Whether two measures agree.
    pub sure: bool,
    /// The longest wait that the tenant asked for.
    pub longest_wait_s: f64,
}

impl LimitSummary {
    /// The limit in words, such as `about 5 requests/s (window of 60 s, sure)`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut details = Vec::new();
        details.extend(self.shape());
        if let Some(burst) = self.burst.filter(|burst| *burst >= 1.0) {
            details.push(match self.window_s {
                Some(_) => format!("{burst:.0} at once"),
                None => format!("bursts of {burst:.0}"),
            });
        }
        details.push(if self.sure { "sure" } else { "not sure yet" }.to_owned());
        format!(
            "about {} ({})",
            rate_words(self.rate_per_s),
            details.join(", ")
        )
    }

    fn shape(&self) -> Option<String> {
        let cap = self
            .concurrency_cap
            .map(|places| format!("{places} at once at most"));
        let shape = match (self.kind.as_str(), self.window_s) {
            ("concurrency_cap", _) => return cap,
            ("fixed_window" | "window", Some(window_s)) => format!("window of {window_s:.0} s"),
            ("sliding_window", Some(window_s)) => format!("sliding window of {window_s:.0} s"),
            ("fixed_window" | "window" | "sliding_window", None) => {
                format!("some window, waits of up to {:.0} s", self.longest_wait_s)
            }
            ("token_bucket", _) => "token bucket".to_owned(),
            ("told", _) => "as the tenant's headers say".to_owned(),
            ("none", _) => "no limit met up to there".to_owned(),
            _ => return cap,
        };
        Some(match cap {
            Some(cap) => format!("{shape}, {cap}"),
            None => shape,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(kind: &str, rate_per_s: f64) -> LimitSummary {
        LimitSummary {
            kind: kind.to_owned(),
            rate_per_s,
            sure: true,
            longest_wait_s: 41.0,
            ..LimitSummary::default()
        }
    }

    #[test]
    fn a_limit_reads_as_a_person_would_say_it() {
        let window = LimitSummary {
            window_s: Some(60.0),
            ..limit("fixed_window", 4.98)
        };
        assert_eq!(window.words(), "about 5 requests/s (window of 60 s, sure)");
        let bucket = LimitSummary {
            burst: Some(100.0),
            sure: false,
            ..limit("token_bucket", 49.7)
        };
        assert_eq!(
            bucket.words(),
            "about 50 requests/s (token bucket, bursts of 100, not sure yet)"
        );
        let cap = LimitSummary {
            concurrency_cap: Some(32),
            ..limit("concurrency_cap", 333.0)
        };
        assert_eq!(
            cap.words(),
            "about 333 requests/s (32 at once at most, sure)"
        );
        assert_eq!(
            limit("window", 0.05).words(),
            "about 3 requests a minute (some window, waits of up to 41 s, sure)"
        );
        assert_eq!(
            limit("not_sure", 2.5).words(),
            "about 2.5 requests/s (sure)"
        );
    }
}
