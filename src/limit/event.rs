//! Decisions of the controller, for logs, progress and the report.

use std::time::{Duration, Instant};

/// The longest pause that a run sits out. A server that asks for more has a
/// quota of days, and the run is better resumed than kept.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3_600);

/// Why the gate closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// 429 with a `Retry-After`.
    Throttled,
    /// 429 without one, and nothing got through any more.
    NothingGetsThrough,
    /// 503 with a `Retry-After`.
    Unavailable,
    /// Failures in a row: the circuit breaker opened.
    Failing,
}

impl CloseReason {
    /// A closing that says something about the quota, not about trouble.
    pub(super) fn is_quota(self) -> bool {
        matches!(self, Self::Throttled | Self::NothingGetsThrough)
    }
}

/// One decision. Rare: none is made for a request that simply passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LimitEvent {
    /// The gate closed, or an open wait was lengthened by over a second.
    GateClosed {
        /// Why.
        reason: CloseReason,
        /// When it reopens.
        until: Instant,
        /// The server's own word, where it gave one.
        server_said: Option<Duration>,
    },
    /// The server asked for more than 15 minutes: nobody should wonder why
    /// nothing moves.
    PausedUntil {
        /// When the gate reopens.
        until: Instant,
    },
    /// The gate reopened.
    GateReopened {
        /// How long it had been closed.
        closed_for: Duration,
    },
    /// A pace was learnt from whole cycles.
    PaceLearned {
        /// Requests per second.
        rate_per_s: f64,
        /// Whether it agrees with the measure before.
        sure: bool,
    },
    /// The window was made smaller because requests were refused or gained
    /// nothing.
    WindowCut {
        /// Requests in flight before.
        from: u32,
        /// Requests in flight from now on.
        to: u32,
    },
    /// A cap on requests in flight was met.
    ConcurrencyCapMet {
        /// Requests in flight when it was met.
        in_flight: u32,
    },
    /// The circuit breaker opened.
    BreakerOpened {
        /// Failures in a row.
        failures_in_a_row: u32,
    },
    /// A request succeeded after the breaker had opened.
    BreakerClosed,
    /// The tenant answers 503 whenever enough was sent: from now on a 503 is
    /// taken as a limit.
    UnavailableIsLimit,
    /// The tenant answers 503 however little is sent: it is taken as trouble
    /// again, and what was learnt from it is forgotten.
    UnavailableIsTrouble,
}
