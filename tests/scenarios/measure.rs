//! A run's figures, as the scenario's benchmark means them.

use std::time::Duration;

use loadtest::baseline::MakeRule;
use loadtest::benchmark::{Benchmark, best_possible, sustained};
use loadtest::tenant::{self, Limit, Scenario};
use sluice::limit::{LearnedLimit, LimitKind, LimitSettings, Share};

use super::client::Client;
use super::others::Other;
use super::product::Product;
use super::world::{CLOCK_AT_ZERO, Outcome, World};

/// The figures of one run.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Percent of the best possible.
    pub goodput: f64,
    /// Percent of the answers.
    pub throttled: f64,
    /// Other failures: percent of the answers.
    pub failed: f64,
    /// Failures held against one row, at most.
    pub failures_of_a_row: u32,
    /// Whether failures were taken for a limit at the end.
    pub taken_for_limit: bool,
    /// Seconds from the start until 95 % of the rate.
    pub reach_95_s: f64,
    /// The same from a change of a limit, the longest of them; zero if there is none.
    pub recover_95_s: f64,
    pub undercuts: u64,
    pub lost: u64,
    /// Percent of the other clients' requests.
    pub others_refused: f64,
    /// Jain's index.
    pub fairness: f64,
    pub most_in_flight: u32,
}

/// A tenant and how it is measured here.
pub struct Case {
    pub name: &'static str,
    pub scenario: Scenario,
    pub benchmark: Benchmark,
    pub duration: Duration,
}

impl Case {
    /// Every scenario that is measured, in the order of its list.
    pub fn all() -> Vec<Case> {
        let case = |name| {
            let scenario = Scenario::named(name).unwrap_or_else(|error| panic!("{error}"));
            let benchmark = scenario.benchmark.clone()?;
            Some(Case {
                name,
                duration: benchmark.duration,
                scenario,
                benchmark,
            })
        };
        Scenario::names().filter_map(case).collect()
    }

    /// Measures the product.
    pub fn product(&self, seed: u64, trace_every: Option<Duration>) -> Figures {
        let settings = LimitSettings {
            share: Share::try_new(self.benchmark.share).expect("a share"),
            starting_point: self.benchmark.known_limit.as_ref().map(as_learnt),
            ..LimitSettings::default()
        };
        self.run(seed, trace_every, |starts, seed| {
            Product::new(settings.clone(), starts, seed)
        })
    }

    /// Measures another rule.
    pub fn other(&self, make: MakeRule, seed: u64) -> Figures {
        self.run(seed, None, |_, seed| Other::new(make, seed))
    }

    fn run<C: Client>(
        &self,
        seed: u64,
        trace_every: Option<Duration>,
        client: impl Fn(Duration, u64) -> C,
    ) -> Figures {
        let mut world = World::new(&self.scenario, self.duration, seed);
        world.trace_every = trace_every;
        for (index, starts) in self.benchmark.processes.iter().enumerate() {
            let process_seed = seed * 1000 + index as u64;
            world.add(client(*starts, process_seed), *starts, u64::MAX);
        }
        self.figures(&world.run())
    }

    fn figures(&self, outcome: &Outcome) -> Figures {
        let tallies = &outcome.tallies;
        let sum = |value: &dyn Fn(&super::tally::Tally) -> u64| -> f64 {
            tallies.iter().map(value).sum::<u64>() as f64
        };
        let (done, refused) = (sum(&|one| one.done), sum(&|one| one.refused));
        let failed = sum(&|one| one.failed);
        let percent_of_answers = 100.0 / (done + refused + failed).max(1.0);
        let best = best_possible(&self.scenario, CLOCK_AT_ZERO, Duration::ZERO, self.duration);
        let last_s = self.duration.as_secs() as usize;
        let late = |one: &super::tally::Tally| one.done_between(last_s / 2, last_s);
        let squares: f64 = tallies.iter().map(|one| (late(one) as f64).powi(2)).sum();
        let (others_accepted, others_refused) = outcome.others;
        let others = (others_accepted + others_refused).max(1) as f64;
        let per_second: Vec<f64> = (0..last_s)
            .map(|second| sum(&|one| one.done_between(second, second + 1)))
            .collect();
        Figures {
            goodput: 100.0 * done / best,
            throttled: refused * percent_of_answers,
            failed: failed * percent_of_answers,
            failures_of_a_row: tallies
                .iter()
                .map(|one| one.most_failures)
                .max()
                .unwrap_or(0),
            taken_for_limit: tallies.iter().any(|one| one.taken_for_limit),
            reach_95_s: self.time_to_95(&per_second, 0),
            recover_95_s: self
                .changes()
                .map(|at_s| self.time_to_95(&per_second, at_s))
                .fold(0.0, f64::max),
            undercuts: sum(&|one| one.undercuts) as u64,
            lost: sum(&|one| one.lost) as u64,
            others_refused: 100.0 * others_refused as f64 / others,
            fairness: sum(&late).powi(2) / (tallies.len() as f64 * squares).max(1.0),
            most_in_flight: tallies
                .iter()
                .map(|one| one.most_in_flight)
                .max()
                .unwrap_or(0),
        }
    }

    /// When a limit changes, in whole seconds.
    fn changes(&self) -> impl Iterator<Item = usize> {
        let phases = self.scenario.limits.iter().flat_map(|limit| &limit.phases);
        phases.map(|phase| phase.at.as_secs() as usize)
    }

    /// Seconds from a time until the goodput of the time judged over is 95 % of what can be held then; infinite if
    /// that never comes.
    fn time_to_95(&self, per_second: &[f64], from_s: usize) -> f64 {
        let judged_s = self.benchmark.judged_over.as_secs() as usize;
        let mut done: f64 = per_second.iter().skip(from_s).take(judged_s).sum();
        for start_s in from_s..per_second.len().saturating_sub(judged_s) {
            let [from, to] =
                [start_s, start_s + judged_s].map(|at_s| Duration::from_secs(at_s as u64));
            if done >= 0.95 * sustained(&self.scenario, from, to) {
                return (start_s - from_s) as f64;
            }
            done += per_second[start_s + judged_s] - per_second[start_s];
        }
        f64::INFINITY
    }
}

/// A limit as a probe would have found it.
fn as_learnt(limit: &Limit) -> LearnedLimit {
    let quota = |requests: u64, window: Duration, kind| LearnedLimit {
        rate_per_s: requests as f64 / window.as_secs_f64(),
        burst: Some(requests as f64),
        window_s: Some(window.as_secs_f64()),
        window_starts: None,
        longest_wait_s: window.as_secs_f64(),
        concurrency_cap: None,
        kind,
        sure: true,
    };
    match limit.kind {
        tenant::LimitKind::FixedWindow {
            requests, window, ..
        } => quota(requests, window, LimitKind::FixedWindow),
        tenant::LimitKind::SlidingLog {
            requests, window, ..
        } => quota(requests, window, LimitKind::SlidingWindow),
        tenant::LimitKind::TokenBucket { rate, burst, .. } => LearnedLimit {
            rate_per_s: rate,
            burst: Some(burst),
            window_s: None,
            longest_wait_s: 1.0,
            ..quota(0, Duration::MAX, LimitKind::TokenBucket)
        },
        tenant::LimitKind::Concurrency { cap } => LearnedLimit {
            // A cap bounds no rate, so a probe tells none that counts.
            burst: None,
            window_s: None,
            longest_wait_s: 1.0,
            concurrency_cap: u32::try_from(cap).ok(),
            ..quota(1, Duration::from_secs(1), LimitKind::ConcurrencyCap)
        },
    }
}
