//! The `benchmark` section of a scenario.

use std::time::Duration;

use serde::Deserialize;

use crate::tenant::{Limit, units};

/// How a client is measured against a tenant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Benchmark {
    /// Short name in tables. Default: none.
    pub label: String,
    /// Length of the run in virtual time. Default: 20 min.
    #[serde(deserialize_with = "units::duration")]
    pub duration: Duration,
    /// Length of the run over real sockets. Default: not run over sockets.
    #[serde(deserialize_with = "units::some_duration")]
    pub live_duration: Option<Duration>,
    /// When each process of the client starts. Default: one, at once.
    #[serde(deserialize_with = "units::durations")]
    pub processes: Vec<Duration>,
    /// The share of the limit that the client is told to take, above 0 to 1. Default: 1.
    #[serde(deserialize_with = "units::ratio")]
    pub share: f64,
    /// What the client is told of a limit before it starts, right or wrong; in simulation only. Default: nothing.
    pub known_limit: Option<Limit>,
    /// Requests that the best client has in flight where the tenant sets no bound. Default: 512, the product's own.
    pub most_in_flight: u32,
    /// Goodput is compared with the tenant's rate over this time, to see when 95 % are reached. Default: 30 s.
    #[serde(deserialize_with = "units::duration")]
    pub judged_over: Duration,
    /// What is expected.
    pub expect: Expectation,
}

impl Default for Benchmark {
    fn default() -> Self {
        Benchmark {
            label: String::new(),
            duration: Duration::from_secs(1200),
            live_duration: None,
            processes: vec![Duration::ZERO],
            share: 1.0,
            known_limit: None,
            most_in_flight: 512,
            judged_over: Duration::from_secs(30),
            expect: Expectation::default(),
        }
    }
}

/// What is expected of a client.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// Goodput: percent of the best possible, at least. Default: 0.
    #[serde(deserialize_with = "units::not_negative")]
    pub goodput: f64,
    /// Refusals: percent of all answers, at most. Default: 100.
    #[serde(deserialize_with = "units::not_negative")]
    pub throttled: f64,
    /// Failures, which are no 429: percent of all answers, at most; in simulation only. Default: 100.
    #[serde(deserialize_with = "units::not_negative")]
    pub failed: f64,
    /// Failures that are held against one row, at most; in simulation only. Default: any number.
    pub failures_of_a_row: u32,
    /// Whether failures are taken for a limit at the end; in simulation only. Default: either.
    pub taken_for_limit: Option<bool>,
    /// Time from the start until 95 % of the tenant's rate are reached, at most. Default: nothing is expected.
    #[serde(deserialize_with = "units::some_duration")]
    pub reach_95_within: Option<Duration>,
    /// The same from each change of a limit. Default: nothing is expected.
    #[serde(deserialize_with = "units::some_duration")]
    pub recover_95_within: Option<Duration>,
    /// Requests sent before a stated wait was over, at most. Default: 0.
    pub undercuts: u64,
    /// Refused requests of the tenant's other clients: percent of theirs, at most. Default: 100.
    #[serde(deserialize_with = "units::not_negative")]
    pub others_refused: f64,
    /// Jain's index of the processes' goodput in the second half of the run, at least: 1 is equal shares. Default: 0.
    #[serde(deserialize_with = "units::ratio")]
    pub fairness: f64,
}

impl Default for Expectation {
    fn default() -> Self {
        Expectation {
            goodput: 0.0,
            throttled: 100.0,
            failed: 100.0,
            failures_of_a_row: u32::MAX,
            taken_for_limit: None,
            reach_95_within: None,
            recover_95_within: None,
            undercuts: 0,
            others_refused: 100.0,
            fairness: 0.0,
        }
    }
}
