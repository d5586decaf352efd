//! What a run found out about a limit, for the summary and for the next run.

use serde::{Deserialize, Serialize};

/// A limit as it was learnt.
///
/// Kept per [`LimitKey`](super::LimitKey) between runs; unknown fields are
/// ignored and missing ones take their defaults, so old and new files mix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedLimit {
    /// Requests per second that whole cycles admitted. Above zero.
    pub rate_per_s: f64,
    /// Requests admitted at once after the longest wait, where one was seen.
    #[serde(default)]
    pub burst: Option<f64>,
    /// Length of the window in seconds, where one was found.
    #[serde(default)]
    pub window_s: Option<f64>,
    /// What starts a window, where that was found.
    #[serde(default)]
    pub window_starts: Option<WindowStart>,
    /// The longest wait the tenant asked for, in seconds (it fades slowly).
    #[serde(default)]
    pub longest_wait_s: f64,
    /// Requests in flight at which a concurrency cap was met.
    #[serde(default)]
    pub concurrency_cap: Option<u32>,
    /// What kind of limit it looks like.
    #[serde(default)]
    pub kind: LimitKind,
    /// Whether the last two measures agree within 15 %.
    #[serde(default)]
    pub sure: bool,
}

impl LearnedLimit {
    /// Whether requests in a stretch of time are what is limited, so that a
    /// pace follows from it.
    pub(super) fn is_quota(&self) -> bool {
        let quota = match self.kind {
            LimitKind::ConcurrencyCap | LimitKind::Told | LimitKind::None => false,
            LimitKind::Unknown
            | LimitKind::TokenBucket
            | LimitKind::Window
            | LimitKind::FixedWindow
            | LimitKind::SlidingWindow => true,
        };
        quota && self.rate_per_s > 0.0 && self.rate_per_s.is_finite()
    }

    /// The burst, or the quota of a window.
    pub(super) fn most_at_once(&self) -> Option<f64> {
        let of_window = self.window_s.map(|window_s| self.rate_per_s * window_s);
        self.burst.or(of_window).filter(|burst| burst.is_finite())
    }
}

/// The shape of a limit, as far as the replies show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Not enough seen yet, or what was seen fits several shapes.
    #[default]
    #[serde(rename = "not_sure")]
    Unknown,
    /// A bucket that refills; from a run's own cycles also a window of about a
    /// second.
    TokenBucket,
    /// Long waits: some window, or a bucket refilled in chunks. A run doesn't
    /// tell these apart; a probe does.
    Window,
    /// A quota for each stretch of time.
    FixedWindow,
    /// A quota for any stretch of time of one length.
    SlidingWindow,
    /// A cap on requests in flight.
    ConcurrencyCap,
    /// Told by the tenant's own headers.
    Told,
    /// None met, up to the rate that was tried.
    None,
}

/// What starts a fixed window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowStart {
    /// The first request after the window before.
    FirstRequest,
    /// The clock, at whole multiples of its length.
    Clock,
}
