//! Limits as a scenario states them.

use std::time::Duration;

use serde::Deserialize;

use super::settings_text::LimitText;
use super::{Concurrency, FixedWindow, Limiter, SlidingLog, TokenBucket};
use crate::tenant::endpoint::Endpoint;
use crate::tenant::units;

/// One limit; of several, every one must admit a request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "LimitText")]
pub struct Limit {
    /// The model and its numbers.
    pub kind: LimitKind,
    /// Who shares one bucket. Default: the whole tenant.
    pub scope: LimitScope,
    /// The routes that it is about, which then share a bucket where the scope doesn't part them: a second, smaller limit
    /// of one route, or one that reads and writes draw on together. Default: all.
    pub routes: Option<Vec<Endpoint>>,
    /// The name that a refusal reports as `limit.key`. Default: none.
    pub key: Option<String>,
    /// Changes of the limit in the course of time, sorted by `at`. Default: none.
    pub phases: Vec<Phase>,
    /// Requests per second that other clients steadily make against the same bucket. Default: 0.
    pub other_traffic: f64,
    /// Whether limit headers never tell of it. Default: no.
    pub hidden: bool,
}

/// The model of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LimitKind {
    /// `requests` per `window`.
    FixedWindow {
        /// Requests in one window, at least 1.
        requests: u64,
        /// Length of the window, above zero.
        window: Duration,
        /// What starts a window.
        anchor: Anchor,
    },
    /// `rate` tokens per second, at most `burst` saved up.
    TokenBucket {
        /// Tokens per second, above zero.
        rate: f64,
        /// Tokens of a full bucket, at least 1.
        burst: f64,
        /// How the tokens come.
        refill: Refill,
    },
    /// `requests` in any `window` of the past.
    SlidingLog {
        /// Requests in any window, at least 1.
        requests: u64,
        /// Length of the window, above zero.
        window: Duration,
        /// Whether refused requests fill the log too.
        count_rejected: bool,
    },
    /// `cap` requests at once.
    Concurrency {
        /// Requests inside the tenant, at least 1.
        cap: u64,
    },
}

/// What starts a fixed window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The first request after the former window's end (Genesys). The default.
    #[default]
    FirstRequest,
    /// The wall clock: whole multiples of the window since the Unix epoch.
    Clock,
}

/// How a bucket's tokens come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refill {
    /// Bit by bit. The default.
    #[default]
    Continuous,
    /// All at once, after each such period (NICE: 17 tokens a minute).
    Every(Duration),
}

/// Who shares one bucket of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// Everybody. The default.
    #[default]
    Tenant,
    /// All tokens of one OAuth client.
    Client,
    /// One access token.
    Token,
    /// One method and path template, whoever calls.
    Endpoint,
    /// One contact id.
    Record,
}

/// A change of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Time after the scenario's start.
    #[serde(deserialize_with = "units::duration")]
    pub at: Duration,
    /// The limit from then on, as a multiple of the limit as configured: 0.5 halves it, 1 restores it. Above zero.
    pub factor: f64,
}

impl Limit {
    /// A limit over the whole tenant, with no name, phases or other traffic.
    pub fn new(kind: LimitKind) -> Self {
        Limit {
            kind,
            scope: LimitScope::Tenant,
            routes: None,
            key: None,
            phases: Vec::new(),
            other_traffic: 0.0,
            hidden: false,
        }
    }

    /// A continuous token bucket over the whole tenant.
    pub fn token_bucket(rate: f64, burst: f64) -> Self {
        Limit::new(LimitKind::TokenBucket {
            rate,
            burst,
            refill: Refill::Continuous,
        })
    }

    /// A fixed window from the first request, over the whole tenant.
    pub fn fixed_window(requests: u64, window: Duration) -> Self {
        Limit::new(LimitKind::FixedWindow {
            requests,
            window,
            anchor: Anchor::FirstRequest,
        })
    }

    /// A concurrency cap over the whole tenant.
    pub fn concurrency(cap: u64) -> Self {
        Limit::new(LimitKind::Concurrency { cap })
    }

    /// The requests and the window named in the text of a refusal.
    pub(crate) fn quota(&self) -> (u64, Duration) {
        match self.kind {
            LimitKind::FixedWindow {
                requests, window, ..
            }
            | LimitKind::SlidingLog {
                requests, window, ..
            } => (requests, window),
            LimitKind::TokenBucket { rate, burst, .. } => (
                burst as u64,
                units::bounded_seconds((burst / rate).max(1.0)),
            ),
            LimitKind::Concurrency { cap } => (cap, Duration::from_secs(1)),
        }
    }

    /// Whether a request of that route draws on it.
    pub(crate) fn is_about(&self, endpoint: Endpoint) -> bool {
        let routes = self.routes.as_ref();
        routes.is_none_or(|routes| routes.contains(&endpoint))
    }

    /// Whether an admitted request holds a place until it is answered.
    pub(crate) fn holds_places(&self) -> bool {
        matches!(self.kind, LimitKind::Concurrency { .. })
    }

    /// A fresh bucket of this limit. `clock_at_zero` is the Unix time at the scenario's start.
    pub(crate) fn build(&self, clock_at_zero: Duration) -> Box<dyn Limiter> {
        match self.kind {
            LimitKind::FixedWindow {
                requests,
                window,
                anchor,
            } => Box::new(FixedWindow::new(requests, window, anchor, clock_at_zero)),
            LimitKind::TokenBucket {
                rate,
                burst,
                refill,
            } => Box::new(TokenBucket::new(rate, burst, refill)),
            LimitKind::SlidingLog {
                requests,
                window,
                count_rejected,
            } => Box::new(SlidingLog::new(requests, window, count_rejected)),
            LimitKind::Concurrency { cap } => Box::new(Concurrency::new(cap)),
        }
    }
}
