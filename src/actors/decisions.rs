//! From the limiter's events to the decisions that a run tells of: moments
//! become times.

use tokio::time::Instant;

use crate::limit::{CloseReason, LimitEvent};
use crate::record::Decision;

/// The decision as of `now`.
pub(super) fn decision_of(event: &LimitEvent, now: Instant) -> Decision {
    let seconds_until = |until: std::time::Instant| {
        until
            .saturating_duration_since(now.into_std())
            .as_secs_f64()
    };
    match *event {
        LimitEvent::GateClosed {
            reason,
            until,
            server_said,
        } => Decision::GateClosed {
            reason: reason_text(reason).to_owned(),
            for_s: seconds_until(until),
            server_said_s: server_said.map(|wait| wait.as_secs_f64()),
        },
        LimitEvent::PausedUntil { until } => Decision::Paused {
            for_s: seconds_until(until),
        },
        LimitEvent::GateReopened { closed_for } => Decision::GateOpened {
            closed_for_s: closed_for.as_secs_f64(),
        },
        LimitEvent::PaceLearned { rate_per_s, sure } => Decision::PaceLearned { rate_per_s, sure },
        LimitEvent::WindowCut { from, to } => Decision::WindowCut { from, to },
        LimitEvent::ConcurrencyCapMet { in_flight } => Decision::ConcurrencyCapMet { in_flight },
        LimitEvent::BreakerOpened { failures_in_a_row } => {
            Decision::BreakerOpened { failures_in_a_row }
        }
        LimitEvent::BreakerClosed => Decision::BreakerClosed,
        LimitEvent::UnavailableIsLimit => Decision::UnavailableIsLimit,
        LimitEvent::UnavailableIsTrouble => Decision::UnavailableIsTrouble,
    }
}

fn reason_text(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Throttled => "too many requests",
        CloseReason::NothingGetsThrough => "too many requests, nothing gets through",
        CloseReason::Unavailable => "the tenant is unavailable",
        CloseReason::Failing => "requests fail one after the other",
    }
}
