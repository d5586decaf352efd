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

/// The shape of a limit, as far as the replies show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Not enough seen yet.
    #[default]
    Unknown,
    /// Waits of seconds at most: a bucket, or a window of about a second.
    Bucket,
    /// Long waits: a window, or a bucket refilled in chunks.
    Window,
    /// A cap on requests in flight.
    Concurrency,
    /// Told by the tenant's own headers.
    Told,
}
