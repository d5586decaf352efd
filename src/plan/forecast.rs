//! How many requests a load takes, and how long under a known limit.

use std::time::Duration;

use serde::Serialize;

/// What a load will take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// Requests, without repeats.
    pub requests: u64,
    /// Seconds under the known limit; null where none is known.
    pub seconds: Option<f64>,
    /// The limit that was taken for known, in requests a second.
    pub requests_per_s: Option<f64>,
}

impl Forecast {
    /// The time under the known limit.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seconds?).ok()
    }
}

/// What `rows` rows take, `rows_a_request` at a time (at least 1), where
/// `requests_per_s` are known to be allowed.
#[must_use]
pub fn forecast(rows: u64, rows_a_request: u64, requests_per_s: Option<f64>) -> Forecast {
    let requests = rows.div_ceil(rows_a_request.max(1));
    let limit = requests_per_s.filter(|limit| *limit > 0.0);
    Forecast {
        requests,
        // Precise enough: a load has far fewer than 2^52 requests.
        seconds: limit.map(|limit| requests as f64 / limit),
        requests_per_s: limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_limit_gives_a_time_and_an_unknown_one_none() {
        let known = forecast(1_001, 10, Some(5.0));
        assert_eq!(known.requests, 101);
        assert_eq!(known.duration(), Some(Duration::from_secs_f64(20.2)));
        assert_eq!(forecast(10, 1, None).seconds, None);
        assert_eq!(forecast(10, 1, Some(0.0)).seconds, None);
    }
}
