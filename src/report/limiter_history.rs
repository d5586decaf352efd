//! What the limiter decided in a run, for the summary.

use serde::{Deserialize, Serialize};

use crate::record::{DecisionKind, RunEvent};

/// The most decisions that are kept word for word; of a long night's thousands
/// the first are told, and all are counted.
const KEPT: usize = 200;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimiterDecision {
    /// What kind.
    pub kind: DecisionKind,
    /// For which endpoint.
    pub endpoint: String,
    /// In words.
    pub text: String,
}

/// The decisions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimiterHistory {
    /// How many there were.
    pub decisions: u64,
    /// How often the gate was closed.
    pub gate_closed: u64,
    /// The first ones.
    pub first: Vec<LimiterDecision>,
}

impl LimiterHistory {
    /// Takes an event in; most are not about the limiter.
    pub fn take(&mut self, event: &RunEvent) {
        let RunEvent::Limiter {
            endpoint,
            kind,
            text,
        } = event
        else {
            return;
        };
        self.decisions += 1;
        if *kind == DecisionKind::GateClosed {
            self.gate_closed += 1;
        }
        if self.first.len() < KEPT {
            self.first.push(LimiterDecision {
                kind: *kind,
                endpoint: endpoint.to_string(),
                text: text.clone(),
            });
        }
    }
}
