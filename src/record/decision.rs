//! What the limiter decided, as data: each kind with its own values.

use serde::{Deserialize, Serialize};

/// One decision of the limiter. Times are in seconds, rates in requests a
/// second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Decision {
    /// The gate was closed: nothing is sent.
    GateClosed {
        /// Why, in words.
        reason: String,
        /// For how long.
        for_s: f64,
        /// The wait that the tenant asked for, where it named one.
        server_said_s: Option<f64>,
    },
    /// The tenant asked for a long pause.
    Paused {
        /// For how long.
        for_s: f64,
    },
    /// The gate was opened again.
    GateOpened {
        /// How long it had been closed.
        closed_for_s: f64,
    },
    /// A pace was learned.
    PaceLearned {
        /// What the tenant lets through.
        rate_per_s: f64,
        /// Whether it agrees with the measure before.
        sure: bool,
    },
    /// Fewer requests may be under way at once.
    WindowCut {
        /// As many as could before.
        from: u32,
        /// As many as can now.
        to: u32,
    },
    /// The tenant takes only so many requests at once.
    ConcurrencyCapMet {
        /// Requests under way when it was met.
        in_flight: u32,
    },
    /// The circuit breaker opened.
    BreakerOpened {
        /// Failures that made it open.
        failures_in_a_row: u32,
    },
    /// The circuit breaker closed.
    BreakerClosed,
    /// The tenant answers 503 whenever enough was sent: that is a limit.
    UnavailableIsLimit,
    /// The tenant answers 503 however little is sent: that is trouble after all.
    UnavailableIsTrouble,
}

impl Decision {
    /// The kind's name, as it stands in logs and summaries.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::GateClosed { .. } => "gate_closed",
            Self::Paused { .. } => "paused",
            Self::GateOpened { .. } => "gate_opened",
            Self::PaceLearned { .. } => "pace_learned",
            Self::WindowCut { .. } => "window_cut",
            Self::ConcurrencyCapMet { .. } => "concurrency_cap_met",
            Self::BreakerOpened { .. } => "breaker_opened",
            Self::BreakerClosed => "breaker_closed",
            Self::UnavailableIsLimit => "unavailable_is_limit",
            Self::UnavailableIsTrouble => "unavailable_is_trouble",
        }
    }
}
