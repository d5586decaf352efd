//! What a probe found out, in plain figures.

use serde::Serialize;

use crate::limit::{Confidence, Hint, LearnedLimit, LimitKind, WindowStart};

use super::compare::Differences;
use super::ramp::Step;
use super::record::WaitForm;

/// A kind of limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A quota for each stretch of time.
    FixedWindow,
    /// A quota for any stretch of time of one length.
    SlidingWindow,
    /// A bucket that refills, all the time or in portions.
    TokenBucket,
    /// A cap on requests at once.
    ConcurrencyCap,
    /// None met.
    None,
    /// What was seen fits no kind well, or several.
    NotSure,
}

/// A figure, the range it may lie in, and how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Not below.
    pub low: f64,
    /// Not above.
    pub high: f64,
    /// How far it can be trusted.
    pub confidence: Confidence,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// Its kind.
    pub kind: Kind,
    /// Requests a second in the long run.
    pub rate_per_s: Option<Figure>,
    /// Requests at once: a bucket's burst, or the quota of a window.
    pub burst: Option<Figure>,
    /// Length of the window, or of the time between two portions.
    pub window_s: Option<Figure>,
    /// What starts a window.
    pub window_starts: Option<WindowStart>,
    /// Requests of a portion, where a bucket is refilled in such.
    pub portion: Option<f64>,
    /// Requests at once that a cap lets in.
    pub concurrency_cap: Option<u32>,
}

impl Limit {
    /// The least that its figures can be trusted.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        if self.kind == Kind::NotSure {
            return Confidence::Low;
        }
        [self.rate_per_s, self.burst, self.window_s]
            .into_iter()
            .flatten()
            .map(|figure| figure.confidence)
            .min()
            .unwrap_or(Confidence::Low)
    }

    /// The same for the loader, where there is a rate.
    #[must_use]
    pub fn learned(&self, longest_wait_s: f64) -> Option<LearnedLimit> {
        let kind = match self.kind {
            Kind::FixedWindow => LimitKind::FixedWindow,
            Kind::SlidingWindow => LimitKind::SlidingWindow,
            Kind::TokenBucket => LimitKind::TokenBucket,
            Kind::ConcurrencyCap => LimitKind::ConcurrencyCap,
            Kind::None => LimitKind::None,
            Kind::NotSure => return None,
        };
        Some(LearnedLimit {
            rate_per_s: self.rate_per_s?.value,
            burst: self.burst.map(|figure| figure.value),
            window_s: self.window_s.map(|figure| figure.value),
            window_starts: self.window_starts,
            longest_wait_s,
            concurrency_cap: self.concurrency_cap,
            kind,
            sure: self.confidence() >= Confidence::Medium,
        })
    }
}

/// Whether the tenant's word about the wait can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Honesty {
    /// It says nothing.
    NotTold,
    /// Yes.
    Honest,
    /// It was still closed after the wait it named.
    TooShort,
    /// It would have been open before.
    LongerThanNeeded,
    /// Too little was seen.
    NotSure,
}

/// What the tenant says about waits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RetryAfter {
    /// In which form.
    pub form: WaitForm,
    /// Whether it can be taken at its word.
    pub honest: Honesty,
    /// Waits obeyed after which it was open, and after which it was not.
    pub kept: u32,
    /// The second of them.
    pub too_short: u32,
    /// The longest wait it asked for, in seconds.
    pub longest_s: f64,
}

/// What a probe found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The limit that counts in the long run.
    pub limit: Limit,
    /// A shorter limit in front of it.
    pub also: Option<Limit>,
    /// Requests a second that were borne, where no limit was met.
    pub none_below_per_s: Option<f64>,
    /// What the tenant says about waits.
    pub retry_after: RetryAfter,
    /// Whether another token or another read has a limit of its own.
    pub differences: Differences,
    /// What headers say about the limit.
    pub told: Option<Hint>,
    /// Latency and throughput against load.
    pub steps: Vec<Step>,
    /// Requests at once beyond which replies only get slower.
    pub knee: Option<u32>,
    /// Requests a second that the loader's own controller got through.
    pub soaked_per_s: Option<f64>,
    /// In which words most were refused, such as `status 429`.
    pub refused_with: Option<String>,
    /// Requests spent, and refused of them.
    pub requests: u64,
    /// The second of them.
    pub throttled: u64,
    /// Time spent.
    pub elapsed_s: f64,
}
