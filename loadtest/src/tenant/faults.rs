//! What goes wrong, how often and when.

use std::time::Duration;

use serde::Deserialize;

use super::dice::Dice;
use super::faults_text::FaultText;

/// A fault and how often it strikes. It is drawn for requests that the limits admitted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "FaultText")]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// Share of requests that draw the fault, 0 to 1.
    pub ratio: f64,
    /// The fault begins so long after the scenario's start. Default: zero.
    pub from: Duration,
    /// It ends then. Default: never.
    pub until: Option<Duration>,
    /// `from` and `until` count anew in each such period. Default: no period.
    pub every: Option<Duration>,
    /// Which requests are struck. Default: those to contacts.
    pub on: FaultTarget,
    /// Whether the write is applied all the same. Default: as each kind says.
    pub applied: bool,
    /// How many admitted requests in a row are struck once the fault is drawn. Default: 1.
    pub burst: u32,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// A 5xx with a JSON error. Not applied by default.
    ServerError {
        /// Status, 500 to 599. Default: 500.
        status: u16,
        /// A `Retry-After` in whole seconds. Default: none.
        retry_after: Option<Duration>,
    },
    /// The connection is closed without a reply; the write is not applied.
    CloseBefore,
    /// The write is applied, then the connection is closed without a reply.
    CloseAfter,
    /// No reply for a long time, then the connection is closed. Not applied by default.
    NeverAnswer {
        /// How long the connection is held. Default: 60 s.
        hold: Duration,
    },
    /// A 200 whose body ends before its `Content-Length`. Applied by default.
    TruncatedBody,
    /// A body of so many bytes, streamed. Applied by default.
    OversizedBody {
        /// Bytes of the body. Default: 200 MB.
        bytes: u64,
        /// Status. Default: 200.
        status: u16,
    },
    /// An HTML page of some proxy. Not applied by default.
    NotJson {
        /// Status. Default: 502.
        status: u16,
    },
    /// A redirect. Not applied by default.
    Redirect {
        /// The `Location`.
        to: String,
        /// Status, 300 to 399. Default: 307.
        status: u16,
    },
}

/// Which requests a fault strikes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultTarget {
    /// Requests to contacts. The default.
    #[default]
    Contacts,
    /// Requests for a token.
    Token,
}

impl FaultKind {
    /// The name in a scenario and in the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::ServerError { .. } => "server_error",
            FaultKind::CloseBefore => "close_before",
            FaultKind::CloseAfter => "close_after",
            FaultKind::NeverAnswer { .. } => "never_answer",
            FaultKind::TruncatedBody => "truncated_body",
            FaultKind::OversizedBody { .. } => "oversized_body",
            FaultKind::NotJson { .. } => "not_json",
            FaultKind::Redirect { .. } => "redirect",
        }
    }

    pub(super) fn applied_by_default(&self) -> bool {
        matches!(
            self,
            FaultKind::CloseAfter | FaultKind::TruncatedBody | FaultKind::OversizedBody { .. }
        )
    }
}

impl Fault {
    /// A fault of that kind on a share of the requests to contacts, all the time.
    pub fn new(kind: FaultKind, ratio: f64) -> Self {
        Fault {
            applied: kind.applied_by_default(),
            kind,
            ratio,
            from: Duration::ZERO,
            until: None,
            every: None,
            on: FaultTarget::Contacts,
            burst: 1,
        }
    }

    /// Whether it can strike at a time after the scenario's start.
    pub(crate) fn is_on(&self, now: Duration) -> bool {
        let now = match self.every {
            Some(period) if !period.is_zero() => {
                Duration::from_nanos((now.as_nanos() % period.as_nanos()) as u64)
            }
            _ => now,
        };
        now >= self.from && self.until.is_none_or(|until| now < until)
    }
}

/// Draws faults, in the scenario's order; the first that strikes is the one.
#[derive(Debug)]
pub(crate) struct FaultDraw {
    /// Requests that each fault's burst still strikes.
    left_in_burst: Vec<u32>,
}

impl FaultDraw {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        FaultDraw {
            left_in_burst: vec![0; faults.len()],
        }
    }

    /// The fault that strikes a request now, by its place in the list.
    pub(crate) fn draw(
        &mut self,
        faults: &[Fault],
        target: FaultTarget,
        now: Duration,
        dice: &mut Dice,
    ) -> Option<usize> {
        for (index, (fault, left)) in faults.iter().zip(&mut self.left_in_burst).enumerate() {
            if fault.on != target {
                continue;
            }
            if *left > 0 {
                *left -= 1;
                return Some(index);
            }
            if fault.is_on(now) && dice.share() < fault.ratio {
                *left = fault.burst - 1;
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_storm_of_every_period_comes_again() {
        let mut fault = Fault::new(FaultKind::CloseBefore, 1.0);
        (fault.from, fault.until, fault.every) = (at(60), Some(at(90)), Some(at(120)));
        let on: Vec<u64> = (0..8)
            .map(|step| step * 30)
            .filter(|second| fault.is_on(at(*second)))
            .collect();
        assert_eq!(on, [60, 180]);
    }

    #[test]
    fn a_burst_strikes_so_many_in_a_row() {
        let mut fault = Fault::new(FaultKind::CloseBefore, 1.0);
        (fault.until, fault.burst) = (Some(at(1)), 3);
        let faults = [fault];
        let mut draw = FaultDraw::new(&faults);
        let mut dice = Dice::new(1);
        let mut strikes = |second| {
            draw.draw(&faults, FaultTarget::Contacts, at(second), &mut dice)
                .is_some()
        };
        assert_eq!(
            [strikes(0), strikes(5), strikes(5), strikes(5)],
            [true, true, true, false]
        );
    }
}
