//! The quota that a tenant's headers tell of: so many requests a window.
//!
//! The controller paces by what is left until the reset, which is no measure
//! of the limit: near a window's end little is left, or a lot. The quota itself
//! is worth remembering, but it takes the window's length, and most headers
//! only count down to its end. So the length is taken from a header that names
//! it, or from the first word after a reset that was watched.

use crate::limit::{Hint, LearnedLimit, LimitKind};

/// Growth of the time to the reset that means a new window; header values are
/// rounded to the second.
const NEW_WINDOW_S: f64 = 1.5;

/// What was told so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ToldQuota {
    requests: f64,
    window_s: Option<f64>,
    /// Time to the reset in the reply before; 0 before the first.
    resets_in_s: f64,
}

impl ToldQuota {
    /// Takes a reply's word in.
    pub(super) fn note(&mut self, hint: Hint) {
        let Some(requests) = hint.limit.filter(|requests| *requests >= 1.0) else {
            return;
        };
        if (requests - self.requests).abs() > 0.5 {
            // Another quota: of a limit that was changed, or of a second one.
            *self = Self {
                requests,
                ..Self::default()
            };
        }
        if let Some(window) = hint.window.filter(|window| !window.is_zero()) {
            self.window_s = Some(window.as_secs_f64());
        }
        let Some(resets_in) = hint.resets_in else {
            return;
        };
        let resets_in_s = resets_in.as_secs_f64();
        let is_new_window = self.resets_in_s > 0.0 && resets_in_s > self.resets_in_s + NEW_WINDOW_S;
        if is_new_window && hint.window.is_none() {
            self.window_s = Some(resets_in_s);
        }
        self.resets_in_s = resets_in_s;
    }

    /// Requests and the window's seconds, once both are known.
    pub(super) fn quota(&self) -> Option<(f64, f64)> {
        Some((self.requests, self.window_s?))
    }

    /// A limit that was learnt, put right by the headers' word where the
    /// headers are all that it was learnt from; not sure while they haven't
    /// told enough.
    pub(super) fn correct(&self, learned: Option<LearnedLimit>) -> Option<LearnedLimit> {
        let learned = learned?;
        if learned.kind != LimitKind::Told {
            return Some(learned);
        }
        Some(match self.quota() {
            Some((requests, window_s)) => LearnedLimit {
                rate_per_s: requests / window_s,
                burst: Some(requests),
                window_s: Some(window_s),
                sure: true,
                ..learned
            },
            None => LearnedLimit {
                sure: false,
                ..learned
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn hint(limit: f64, resets_in: u64, window: Option<u64>) -> Hint {
        Hint {
            remaining: Some(1.0),
            limit: Some(limit),
            resets_in: Some(Duration::from_secs(resets_in)),
            window: window.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_countdown_alone_tells_no_length_until_it_begins_anew() {
        let mut told = ToldQuota::default();
        for resets_in in [23, 20, 1] {
            told.note(hint(300.0, resets_in, None));
            assert_eq!(told.quota(), None);
        }
        told.note(hint(300.0, 60, None));
        assert_eq!(told.quota(), Some((300.0, 60.0)));
        told.note(hint(300.0, 12, None));
        assert_eq!(told.quota(), Some((300.0, 60.0)));
        told.note(hint(600.0, 11, None));
        assert_eq!(told.quota(), None, "another limit");
    }

    #[test]
    fn a_length_that_is_named_is_taken() {
        let mut told = ToldQuota::default();
        told.note(hint(100.0, 3, Some(10)));
        assert_eq!(told.quota(), Some((100.0, 10.0)));
        let paced = r#"{"rate_per_s": 33.0, "kind": "told", "sure": true}"#;
        let paced: LearnedLimit = serde_json::from_str(paced).expect("a limit");
        let corrected = told.correct(Some(paced)).expect("a limit");
        assert_eq!((corrected.rate_per_s, corrected.sure), (10.0, true));
        let unsure = ToldQuota::default().correct(Some(paced)).expect("a limit");
        assert!(!unsure.sure);
    }
}
