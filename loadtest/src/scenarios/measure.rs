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
use super::shares::{Shares, Sums, at_length};

/// The share of the tenant's rate that counts as having reached it.
const REACHED: f64 = 0.95;

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
