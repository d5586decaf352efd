//! What a tenant's own books say of a client.
//!
//! Nothing here comes from the client: not how fast it thinks it was, nor how often it thinks it was refused. The one
//! exception is what only a client can know, which rows it gave up.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use crate::benchmark::sustained;
use crate::tenant::{LedgerSnapshot, SecondCounts};

use super::case::Case;
use super::loader::id_prefix;

/// The share of the tenant's rate that counts as having reached it.
const REACHED: f64 = 0.95;

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

/// A client against a tenant, in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Measured {
    /// Writes done.
    pub(super) done: u64,
    /// The most that any client could have got done.
    pub(super) best: f64,
    /// Requests refused by a limit.
    pub(super) refused: u64,
    /// The shares in the time that was measured.
    pub(super) shares: Shares,
    /// The shares at the scenario's full length.
    pub(super) at_length: Shares,
    /// Seconds until the tenant's rate was held for the first time.
    pub(super) reached_95_s: Option<u64>,
    /// Requests sent before a stated wait was over.
    pub(super) undercuts: u64,
    /// Jain's index of the processes' writes in the second half.
    pub(super) fairness: Option<f64>,
    /// Rows that the client gave up, or counted as done though they weren't.
    pub(super) lost: u64,
    /// Each second of the time.
    #[serde(skip)]
    pub(super) seconds: Vec<SecondCounts>,
    /// The most that any client could have got done by the end of each second.
    #[serde(skip)]
    pub(super) best_by_second: Vec<f64>,
}

impl Measured {
    /// Reads the books of a tenant whose clock was at `clock_at_zero` when its time began.
    pub(super) fn read(case: &Case, clock_at_zero: Duration, books: &LedgerSnapshot) -> Self {
        let whole_seconds = case.lasts.as_secs().max(1) as usize;
        // What came later came while clients ended.
        let mut seconds = books.counters.seconds.clone();
        seconds.resize(whole_seconds, SecondCounts::default());
        let best_by_second: Vec<f64> = (1..=whole_seconds)
            .map(|second| case.best_by(clock_at_zero, Duration::from_secs(second as u64)))
            .collect();
        let best = best_by_second.last().copied().unwrap_or_default();
        let all = Sums::of(&seconds);
        let counters = &books.counters;
        Measured {
            done: all.done as u64,
            best,
            refused: all.refused as u64,
            shares: all.shares(best),
            at_length: at_length(case, clock_at_zero, &seconds, &best_by_second),
            reached_95_s: reached(case, &seconds),
            // A process that was not refused knows of no wait.
            undercuts: if case.benchmark.processes.len() > 1 {
                counters.undercuts_by_told
            } else {
                counters.undercuts
            },
            fairness: fairness(case, books),
            lost: 0,
            seconds,
            best_by_second,
        }
    }

    /// Requests that the limits judged.
    pub(super) fn attempts(&self) -> u64 {
        let judged = |second: &SecondCounts| second.accepted + second.throttled;
        self.seconds.iter().map(judged).sum()
    }
}

/// What several seconds saw; fractions where they stand for more than was measured.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    done: f64,
    accepted: f64,
    refused: f64,
    others: f64,
    others_refused: f64,
}

impl Sums {
    fn of(seconds: &[SecondCounts]) -> Self {
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

    fn shares(&self, best: f64) -> Shares {
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
fn at_length(
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
    let whole = Sums::of(first).plus(times, &Sums::of(second));
    whole.shares(if times == 1.0 { best } else { best_at_length })
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        100.0 * part / whole
    } else {
        0.0
    }
}

/// The first second from which on the tenant's rate was held for as long as it is judged over.
fn reached(case: &Case, seconds: &[SecondCounts]) -> Option<u64> {
    // A short run is judged over less, or it could only ever reach its rate at once.
    let span = (case.benchmark.judged_over.as_secs() as usize).clamp(1, (seconds.len() / 2).max(1));
    let held = |from: usize| {
        let done: u64 = seconds[from..from + span]
            .iter()
            .map(|second| second.done)
            .sum();
        let time = |second: usize| Duration::from_secs(second as u64);
        done as f64 >= REACHED * sustained(&case.scenario, time(from), time(from + span))
    };
    (0..=seconds.len() - span)
        .find(|from| held(*from))
        .map(|from| from as u64)
}

/// Jain's index: 1 where all processes got the same, 1/n where one got all.
fn fairness(case: &Case, books: &LedgerSnapshot) -> Option<f64> {
    let processes = case.benchmark.processes.len();
    if processes < 2 {
        return None;
    }
    let (half, end) = (
        case.lasts.as_millis() as u64 / 2,
        case.lasts.as_millis() as u64,
    );
    let mut shares: HashMap<&str, f64> = HashMap::new();
    for write in books
        .writes
        .iter()
        .filter(|write| (half..end).contains(&write.at_ms))
    {
        let prefix = write.id.split_inclusive('-').next().unwrap_or_default();
        *shares.entry(prefix).or_default() += 1.0;
    }
    let share = |process: usize| {
        shares
            .get(id_prefix(process).as_str())
            .copied()
            .unwrap_or_default()
    };
    Some(jain((0..processes).map(share)))
}

fn jain(shares: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = shares.clone().count() as f64;
    let sum: f64 = shares.clone().sum();
    let squares: f64 = shares.map(|share| share * share).sum();
    if squares > 0.0 {
        sum * sum / (count * squares)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::{Scenario, Write};

    fn case(yaml: &str, seconds: u64) -> Case {
        let scenario = Scenario::from_yaml(yaml, "a test").expect("a scenario");
        Case {
            name: "a test".to_owned(),
            benchmark: scenario.benchmark.clone().unwrap_or_default(),
            scenario,
            lasts: Duration::from_secs(seconds),
        }
    }

    fn books(seconds: &[(u64, u64)]) -> LedgerSnapshot {
        let mut books = LedgerSnapshot::default();
        for (done, throttled) in seconds.iter().copied() {
            books.counters.seconds.push(SecondCounts {
                accepted: done,
                throttled,
                done,
                ..SecondCounts::default()
            });
        }
        books
    }

    const BUCKET: &str = "limits: [{ kind: token_bucket, rate: 10, burst: 10 }]";

    #[test]
    fn goodput_and_refusals_count_until_the_end_of_the_time_only() {
        let books = books(&[(20, 0), (10, 2), (5, 3), (10, 0), (1000, 1000)]);
        let measured = Measured::read(&case(BUCKET, 4), Duration::ZERO, &books);
        assert_eq!((measured.done, measured.refused), (45, 5));
        assert_eq!((measured.best, measured.shares.goodput), (50.0, Some(90.0)));
        assert_eq!((measured.shares.throttled, measured.attempts()), (10.0, 50));
    }

    #[test]
    fn at_full_length_the_start_counts_once_and_the_second_half_goes_on() {
        let books = books(&[(20, 9), (10, 1), (9, 1), (10, 0)]);
        let yaml = format!("{BUCKET}\nbenchmark: {{ duration: 100s }}");
        let measured = Measured::read(&case(&yaml, 4), Duration::ZERO, &books);
        // 20 of the best in the second half, 980 in all that is left: 49 times.
        let (done, refused) = (30.0 + 49.0 * 19.0, 10.0 + 49.0);
        let expected = Shares {
            goodput: Some(100.0 * done / 1010.0),
            throttled: 100.0 * refused / (done + refused),
            others_refused: None,
        };
        assert_eq!(measured.at_length, expected);
        let yaml = format!("{BUCKET}\nbenchmark: {{ duration: 4s }}");
        let whole = Measured::read(&case(&yaml, 4), Duration::ZERO, &books);
        assert_eq!(whole.at_length, whole.shares, "nothing is left to be added");
    }

    #[test]
    fn a_rate_is_reached_when_it_is_held() {
        let books = books(&[
            (0, 0),
            (3, 0),
            (12, 0),
            (9, 0),
            (10, 0),
            (10, 0),
            (10, 0),
            (10, 0),
        ]);
        let yaml = format!("{BUCKET}\nbenchmark: {{ judged_over: 3s }}");
        let measured = Measured::read(&case(&yaml, 8), Duration::ZERO, &books);
        assert_eq!(measured.reached_95_s, Some(2));
        let none = Measured::read(&case(&yaml, 8), Duration::ZERO, &LedgerSnapshot::default());
        assert_eq!(none.reached_95_s, None);
    }

    #[test]
    fn without_a_bound_there_is_no_share_of_the_best() {
        let measured = Measured::read(&case("seed: 1", 2), Duration::ZERO, &books(&[(9, 0)]));
        assert_eq!(measured.shares.goodput, None);
        assert_eq!(measured.at_length, measured.shares);
    }

    #[test]
    fn shares_are_fair_where_processes_wrote_alike_in_the_second_half() {
        let yaml = format!("{BUCKET}\nbenchmark: {{ processes: [0s, 0s] }}");
        let write = |at_ms, id: &str| Write {
            at_ms,
            id: id.to_owned(),
            body_hash: String::new(),
            body: None,
        };
        let mut books = books(&[]);
        books.writes = vec![
            write(100, "p0-1"),
            write(5100, "p0-2"),
            write(5200, "p1-1"),
            write(5300, "p0-3"),
            write(5400, "p1-2"),
            write(10_000, "p0-4"),
        ];
        let measured = Measured::read(&case(&yaml, 10), Duration::ZERO, &books);
        assert_eq!(measured.fairness, Some(1.0));
        assert_eq!(jain([4.0, 0.0].into_iter()), 0.5);
    }
}
