//! Whether a client did what its scenario expects of it.
//!
//! Shares are judged at the scenario's full length, since that is what they are expected of; all else as it was measured.

use super::case::Case;
use super::measure::Measured;

/// Points of goodput that sockets, timers and a short run may cost.
const GOODPUT_SLACK: f64 = 3.0;
/// Refusals may be so many times the expected share, or so many points more: a short run meets a limit as often as a
/// long one while it learns it.
const REFUSED_FACTOR: f64 = 1.5;
const REFUSED_SLACK: f64 = 0.3;

/// The largest share of refusals that is still taken for the expected one.
pub(super) fn most_throttled(expected: f64) -> f64 {
    (expected * REFUSED_FACTOR).max(expected + REFUSED_SLACK)
}

/// Each expectation that is broken, in words.
pub(super) fn broken(case: &Case, measured: &Measured) -> Vec<String> {
    let expect = &case.benchmark.expect;
    let mut broken = Vec::new();
    // Without a bound there is nothing that goodput could be a share of.
    let shares = &measured.at_length;
    if let Some(goodput) = shares.goodput
        && goodput < expect.goodput - GOODPUT_SLACK
    {
        broken.push(format!(
            "goodput {goodput:.1} % of the best, expected {:.1}",
            expect.goodput
        ));
    }
    if shares.throttled > most_throttled(expect.throttled) {
        broken.push(format!(
            "{:.2} % refused, expected {:.2}",
            shares.throttled, expect.throttled
        ));
    }
    if measured.undercuts > expect.undercuts {
        broken.push(format!(
            "{} requests before a stated wait was over, expected {}",
            measured.undercuts, expect.undercuts
        ));
    }
    if let Some(most) = expect.reach_95_within.filter(|most| *most < case.lasts)
        && measured
            .reached_95_s
            .is_none_or(|second| second > most.as_secs())
    {
        let reached = measured
            .reached_95_s
            .map_or("never".to_owned(), |second| format!("after {second} s"));
        broken.push(format!(
            "95 % of the rate reached {reached}, expected within {} s",
            most.as_secs()
        ));
    }
    if let Some(share) = shares.others_refused
        && share > most_throttled(expect.others_refused)
    {
        broken.push(format!(
            "{share:.1} % of the other clients' requests refused, expected {:.1}",
            expect.others_refused
        ));
    }
    if let Some(fairness) = measured.fairness
        && fairness < expect.fairness
    {
        broken.push(format!(
            "fairness {fairness:.2} among the processes, expected {:.2}",
            expect.fairness
        ));
    }
    if measured.lost > 0 {
        broken.push(format!("{} rows lost", measured.lost));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::shares::Shares;
    use crate::tenant::Scenario;
    use std::time::Duration;

    fn case() -> Case {
        let yaml = "benchmark: { expect: { goodput: 96, throttled: 0.4, reach_95_within: 10s, others_refused: 4, fairness: 0.95 } }";
        let scenario = Scenario::from_yaml(yaml, "a test").expect("a scenario");
        Case {
            name: "a test".to_owned(),
            benchmark: scenario.benchmark.clone().expect("a section"),
            scenario,
            lasts: Duration::from_secs(60),
        }
    }

    fn good() -> Measured {
        Measured {
            at_length: Shares {
                goodput: Some(93.0),
                throttled: 0.7,
                others_refused: Some(6.0),
            },
            reached_95_s: Some(10),
            fairness: Some(0.95),
            ..Measured::default()
        }
    }

    #[test]
    fn the_edges_of_what_is_expected_still_hold() {
        assert_eq!(broken(&case(), &good()), [""; 0]);
    }

    #[test]
    fn each_broken_expectation_is_named() {
        type Change = fn(&mut Measured);
        let breaks: [(&str, Change); 7] = [
            ("goodput 92.9 %", |measured| {
                measured.at_length.goodput = Some(92.9)
            }),
            ("0.71 % refused", |measured| {
                measured.at_length.throttled = 0.71
            }),
            ("1 requests before", |measured| measured.undercuts = 1),
            ("reached never", |measured| measured.reached_95_s = None),
            ("6.1 % of the other", |measured| {
                measured.at_length.others_refused = Some(6.1)
            }),
            ("fairness 0.94", |measured| measured.fairness = Some(0.94)),
            ("2 rows lost", |measured| measured.lost = 2),
        ];
        for (words, change) in breaks {
            let mut measured = good();
            change(&mut measured);
            let found = broken(&case(), &measured);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(words), "{found:?}");
        }
    }
}
