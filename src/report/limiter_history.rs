//! What the limiter decided in a run, for the summary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::{Decision, RunEvent};

use super::decision_words::decision_words;

/// The most decisions that are kept word for word; of a long night's thousands
/// the first are told, and all are counted.
const KEPT: usize = 200;

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimiterDecision {
    /// Seconds since the leg began.
    pub at_s: f64,
    /// For which endpoint; `*` stands for the whole client.
    pub endpoint: String,
    /// In words.
    pub text: String,
    /// What kind, and its values.
    #[serde(flatten)]
    pub decision: Decision,
}

/// The decisions of a leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LimiterHistory {
    /// How many there were.
    pub decisions: u64,
    /// How many of each kind.
    pub by_kind: BTreeMap<String, u64>,
    /// The first ones.
    pub first: Vec<LimiterDecision>,
}

impl LimiterHistory {
    /// Adds the decisions of one part of a run.
    pub(super) fn add_part(&mut self, part: &str, history: &Self) {
        self.decisions += history.decisions;
        for (kind, count) in &history.by_kind {
            *self.by_kind.entry(kind.clone()).or_default() += count;
        }
        let of_part = history.first.iter().map(|decision| LimiterDecision {
            endpoint: format!("{part}/{}", decision.endpoint),
            ..decision.clone()
        });
        self.first.extend(of_part);
        self.first
            .sort_by(|left, right| left.at_s.total_cmp(&right.at_s));
        self.first.truncate(KEPT);
    }

    /// Takes an event in; most are not about the limiter.
    pub fn take(&mut self, event: &RunEvent) {
        let RunEvent::Limiter {
            at,
            endpoint,
            decision,
        } = event
        else {
            return;
        };
        self.decisions += 1;
        match self.by_kind.get_mut(decision.kind()) {
            Some(count) => *count += 1,
            None => {
                self.by_kind.insert(decision.kind().to_owned(), 1);
            }
        }
        if self.first.len() < KEPT {
            self.first.push(LimiterDecision {
                at_s: at.as_secs_f64(),
                endpoint: endpoint.to_string(),
                text: decision_words(decision),
                decision: decision.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn all_are_counted_and_the_first_are_kept_with_their_values() {
        let mut history = LimiterHistory::default();
        history.take(&RunEvent::Ended);
        for second in 0..1_000_u32 {
            let decision = match second % 4 {
                0 => Decision::PaceLearned {
                    rate_per_s: 5.0,
                    sure: true,
                },
                _ => Decision::GateOpened { closed_for_s: 1.0 },
            };
            history.take(&RunEvent::Limiter {
                at: Duration::from_secs(second.into()),
                endpoint: "update".into(),
                decision,
            });
        }
        assert_eq!(history.decisions, 1_000);
        assert_eq!(history.by_kind["pace_learned"], 250);
        assert_eq!(history.by_kind["gate_opened"], 750);
        assert_eq!(history.first.len(), KEPT);
        let json = serde_json::to_value(&history.first[4]).expect("plain data");
        let expected = serde_json::json!({
            "at_s": 4.0, "endpoint": "update", "kind": "pace_learned", "rate_per_s": 5.0,
            "sure": true, "text": "the tenant lets 5 requests/s through",
        });
        assert_eq!(json, expected);
        let text = serde_json::to_string(&history).expect("plain data");
        let read: LimiterHistory = serde_json::from_str(&text).expect("it can be read again");
        assert_eq!(read, history);
    }
}
