//! The limiter's decisions in words.

use std::time::Duration;

use crate::record::Decision;

use super::words::{duration_words, rate_words};

/// A decision as one line.
#[must_use]
pub fn decision_words(decision: &Decision) -> String {
    match decision {
        Decision::GateClosed {
            reason,
            for_s,
            server_said_s,
        } => {
            let said = server_said_s.map_or_else(
                || "the tenant named no time".to_owned(),
                |wait_s| format!("the tenant asked for {wait_s:.1} s"),
            );
            format!("gate closed for {for_s:.1} s: {reason} ({said})")
        }
        Decision::Paused { for_s } => format!("paused for {}", seconds_words(*for_s)),
        Decision::GateOpened { closed_for_s } => format!("gate opened after {closed_for_s:.1} s"),
        Decision::PaceLearned { rate_per_s, sure } => format!(
            "the tenant lets {} through{}",
            rate_words(*rate_per_s),
            if *sure { "" } else { " (not sure yet)" }
        ),
        Decision::WindowCut { from, to } => {
            format!("window cut from {from} to {to} requests at once")
        }
        Decision::ConcurrencyCapMet { in_flight } => {
            format!("the tenant takes about {in_flight} requests at once")
        }
        Decision::BreakerOpened { failures_in_a_row } => {
            format!("circuit breaker opened after {failures_in_a_row} failures in a row")
        }
        Decision::BreakerClosed => "circuit breaker closed: requests get through again".to_owned(),
        Decision::UnavailableIsLimit => {
            "503s follow our own sending: they are taken as a limit".to_owned()
        }
        Decision::UnavailableIsTrouble => {
            "503s come however little is sent: they are taken as trouble again".to_owned()
        }
    }
}

fn seconds_words(seconds: f64) -> String {
    duration_words(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_says_why_for_how_long_and_what_the_tenant_said() {
        let closed = |server_said_s| {
            decision_words(&Decision::GateClosed {
                reason: "too many requests".to_owned(),
                for_s: 12.04,
                server_said_s,
            })
        };
        assert_eq!(
            closed(Some(12.0)),
            "gate closed for 12.0 s: too many requests (the tenant asked for 12.0 s)"
        );
        assert!(closed(None).ends_with("(the tenant named no time)"));
        let learned = |sure| {
            decision_words(&Decision::PaceLearned {
                rate_per_s: 4.96,
                sure,
            })
        };
        assert_eq!(learned(true), "the tenant lets 5 requests/s through");
        assert!(learned(false).ends_with("(not sure yet)"));
        assert_eq!(
            decision_words(&Decision::Paused { for_s: 1_800.0 }),
            "paused for 30 min 0 s"
        );
    }
}
