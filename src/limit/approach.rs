//! The first contact: how fast to walk towards a limit that nobody knows.
//!
//! Requests in flight when the first refusal comes back are refused too. Slow
//! start alone doubles with each round trip, so where round trips are short it
//! has dozens under way before anything can be known. Doubling in time instead
//! costs a job without any limit about a tenth of a second, once.

/// Requests per second at the first request.
const FIRST_PER_S: f64 = 400.0;
/// In this time it doubles. Longer delays a short job, shorter refuses more.
const DOUBLING_S: f64 = 0.025;
/// From here on only the window counts.
const LAST_PER_S: f64 = 50_000.0;

#[derive(Clone, Copy, Debug)]
pub(super) enum Approach {
    NotBegun,
    Since(f64),
    Over,
}

impl Approach {
    /// The rate as of now; `None` once it is over.
    pub(super) fn rate_per_s(&mut self, now_s: f64) -> Option<f64> {
        let since_s = match *self {
            Self::NotBegun => now_s,
            Self::Since(since_s) => since_s,
            Self::Over => return None,
        };
        let rate_per_s = FIRST_PER_S * ((now_s - since_s) / DOUBLING_S).min(32.0).exp2();
        if rate_per_s > LAST_PER_S {
            *self = Self::Over;
            return None;
        }
        Some(rate_per_s)
    }
}
