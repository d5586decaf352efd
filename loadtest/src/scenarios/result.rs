//! What came out for one case, and its JSON.

use serde_json::{Value, json};

use super::case::Case;
use super::measure::Measured;
use super::verdict;

/// One client's figures, or why there are none.
pub(super) type Outcome = Result<Measured, String>;

/// Everything known of one case.
#[derive(Debug)]
pub(super) struct CaseResult {
    pub(super) case: Case,
    /// The loader's; none if it did not run to its end.
    pub(super) ours: Option<Outcome>,
    /// The baselines' by name.
    pub(super) baselines: Vec<(&'static str, Outcome)>,
}

impl CaseResult {
    /// Each broken expectation in words; a run that failed is one too.
    pub(super) fn broken(&self) -> Vec<String> {
        match &self.ours {
            Some(Ok(measured)) => verdict::broken(&self.case, measured),
            Some(Err(error)) => vec![error.clone()],
            None => vec!["it was not run to its end".to_owned()],
        }
    }

    fn to_json(&self) -> Value {
        let expect = &self.case.benchmark.expect;
        let client = |outcome: &Outcome| match outcome {
            Ok(measured) => json!(measured),
            Err(error) => json!({ "error": error }),
        };
        let baselines: serde_json::Map<String, Value> = self
            .baselines
            .iter()
            .map(|(name, outcome)| ((*name).to_owned(), client(outcome)))
            .collect();
        json!({
            "name": self.case.name,
            "label": self.case.benchmark.label,
            "about": self.case.scenario.about,
            "seconds": self.case.lasts.as_secs(),
            "processes": self.case.benchmark.processes.len(),
            "expect": {
                "goodput": expect.goodput,
                "throttled": expect.throttled,
                "reach_95_within_s": expect.reach_95_within.map(|within| within.as_secs()),
                "undercuts": expect.undercuts,
                "others_refused": expect.others_refused,
                "fairness": expect.fairness,
            },
            "sluice": self.ours.as_ref().map(client),
            "baselines": baselines,
            "broken": self.broken(),
        })
    }
}

/// The whole result as one JSON document.
pub(super) fn document(results: &[CaseResult]) -> Value {
    let broken = results.iter().filter(|result| !result.broken().is_empty());
    json!({
        "holds": broken.count() == 0,
        "scenarios": results.iter().map(CaseResult::to_json).collect::<Vec<_>>(),
    })
}
