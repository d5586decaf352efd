//! Shares in percent, of a run as it was and of a longer one.

use std::time::Duration;

use serde::Serialize;

use crate::tenant::SecondCounts;

use super::case::Case;

/// Shares of what a client could get and of what it sent, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Shares {
    /// Done, of the best possible; none where the tenant sets no bound.
    pub(super) goodput: Option<f64>,
    /// Refused, of all requests that the limits judged.
    pub(super) throttled: f64,
    /// Refused requests of the tenant's other clients, of theirs; none where there are none.
    pub(super) others_refused: Option<f64>,
}

/// What several seconds saw; fractions where they stand for more than was measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) done: f64,
    accepted: f64,
    pub(super) refused: f64,
    others: f64,
    others_refused: f64,
}

impl Sums {
    pub(super) fn of(seconds: &[SecondCounts]) -> Self {
        let mut sums = Sums::default();
        for second in seconds {
            sums.done += second.done as f64;
            sums.accepted += second.accepted as f64;
            sums.refused += second.throttled as f64;
            sums.others += (second.others_accepted + second.others_refused) as f64;
            sums.others_refused += second.others_refused as f64;
        }
        sums
    }

    /// These, and so many times the others.
    fn plus(&self, times: f64, more: &Sums) -> Self {
        Sums {
            done: self.done + times * more.done,
            accepted: self.accepted + times * more.accepted,
            refused: self.refused + times * more.refused,
            others: self.others + times * more.others,
            others_refused: self.others_refused + times * more.others_refused,
        }
    }

    pub(super) fn shares(&self, best: f64) -> Shares {
        Shares {
            goodput: (best.is_finite() && best > 0.0).then(|| percent(self.done, best)),
            throttled: percent(self.refused, self.accepted + self.refused),
            others_refused: (self.others > 0.0).then(|| percent(self.others_refused, self.others)),
        }
    }
}

/// The shares that the scenario's full length would show: what was measured first counts once, and the second half goes
/// on until then. A limit is learnt at the start of a run, and what that costs is a few requests; of a short run they
/// are a large part, of the length that expectations are made for a small one.
pub(super) fn at_length(
    case: &Case,
    clock_at_zero: Duration,
    seconds: &[SecondCounts],
    best_by_second: &[f64],
) -> Shares {
    let (first, second) = seconds.split_at(seconds.len() / 2);
    let best = best_by_second.last().copied().unwrap_or_default();
    let best_first = first
        .len()
        .checked_sub(1)
        .map_or(0.0, |last| best_by_second[last]);
    let best_at_length = case.best_by(clock_at_zero, case.benchmark.duration.max(case.lasts));
    let times = if best.is_finite() && best > best_first {
        (best_at_length - best_first) / (best - best_first)
    } else {
        1.0
    };
    let measured = Sums::of(seconds);
    let mut going_on = Sums::of(second);
    if going_on.others == 0.0 {
        // What a bucket saved up in the first half is spent once, and not again and again.
        going_on.done = going_on.done.min(best - best_first);
    }
    let whole = measured.plus(times - 1.0, &going_on);
    whole.shares(if times == 1.0 { best } else { best_at_length })
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        100.0 * part / whole
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Scenario;

    fn case(duration: &str) -> Case {
        let yaml = format!(
            "limits: [{{ kind: token_bucket, rate: 10, burst: 10 }}]\nbenchmark: {{ duration: {duration} }}"
        );
        let scenario = Scenario::from_yaml(&yaml, "a test").expect("a scenario");
        Case {
            name: "a test".to_owned(),
            benchmark: scenario.benchmark.clone().unwrap_or_default(),
            scenario,
            lasts: Duration::from_secs(4),
        }
    }

    #[test]
    fn at_full_length_the_start_counts_once_and_the_second_half_goes_on() {
        let seconds = [(20, 9), (10, 1), (9, 1), (10, 0)].map(|(done, throttled)| SecondCounts {
            accepted: done,
            throttled,
            done,
            ..SecondCounts::default()
        });
        let best = [20.0, 30.0, 40.0, 50.0];
        let long = at_length(&case("100s"), Duration::ZERO, &seconds, &best);
        // 20 of the best in the second half, 980 in all that is left: 49 times.
        let (done, refused) = (30.0 + 49.0 * 19.0, 10.0 + 49.0);
        let expected = Shares {
            goodput: Some(100.0 * done / 1010.0),
            throttled: 100.0 * refused / (done + refused),
            others_refused: None,
        };
        assert_eq!(long, expected);
        let saved_up = seconds.map(|second| SecondCounts {
            done: second.done + 5,
            ..second
        });
        let capped = at_length(&case("100s"), Duration::ZERO, &saved_up, &best);
        assert_eq!(capped.goodput, Some(100.0 * (69.0 + 48.0 * 20.0) / 1010.0));
        let whole = at_length(&case("4s"), Duration::ZERO, &seconds, &best);
        assert_eq!(
            whole,
            Sums::of(&seconds).shares(50.0),
            "nothing is left to be added"
        );
    }
}
