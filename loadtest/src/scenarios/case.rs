//! One tenant to be measured against: its scenario, for how long, and what the best client could get of it.

use std::time::Duration;

use crate::benchmark::{Benchmark, best_possible, sustained};
use crate::tenant::{LedgerDetail, LimitKind, Scenario};

use super::arguments::ScenariosArguments;

/// The rate that is planned for where the tenant sets none: what the loader and the tenant reach together on two cores.
const UNLIMITED_PER_S: f64 = 30_000.0;
/// Above this rate the processor's share of a run shows in others' latencies.
const FAST_PER_S: f64 = 300.0;

/// A tenant to be measured against.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) scenario: Scenario,
    pub(super) benchmark: Benchmark,
    /// How long it is measured, from the tenant's first request on.
    pub(super) lasts: Duration,
}

impl Case {
    /// The cases that were asked for; all that have a length over sockets where none were.
    ///
    /// # Errors
    /// In words, for a scenario that can't be had or has no length.
    pub(super) fn chosen(arguments: &ScenariosArguments) -> Result<Vec<Self>, String> {
        let duration = arguments.duration;
        if arguments.only.is_empty() {
            let all =
                Scenario::names().map(|name| Case::read(name, |own| own.and(duration.or(own))));
            let cases: Result<Vec<_>, String> = all.collect();
            return Ok(cases?.into_iter().flatten().collect());
        }
        let one = |name: &String| {
            Case::read(name, |own| duration.or(own))?.ok_or_else(|| {
                format!("{name} has no benchmark.live_duration; say how long with --duration")
            })
        };
        arguments.only.iter().map(one).collect()
    }

    /// A scenario as a case; `length` makes its own length over sockets into the one that counts, or none.
    fn read(
        name: &str,
        length: impl Fn(Option<Duration>) -> Option<Duration>,
    ) -> Result<Option<Self>, String> {
        let mut scenario = Scenario::find(name).map_err(|error| error.to_string())?;
        let benchmark = scenario.benchmark.clone();
        let own = benchmark
            .as_ref()
            .and_then(|benchmark| benchmark.live_duration);
        let Some(lasts) = length(own) else {
            return Ok(None);
        };
        let benchmark = benchmark.unwrap_or_default();
        // Which process wrote what, and when, is in the writes; where there is one process, counts are enough.
        scenario.ledger = if benchmark.processes.len() > 1 {
            LedgerDetail::Writes
        } else {
            LedgerDetail::Counts
        };
        Ok(Some(Case {
            name: file_stem(name).to_owned(),
            scenario,
            benchmark,
            lasts,
        }))
    }

    /// The most that any client could have got done by a time, if the tenant's clock was at `clock_at_zero` at its start.
    pub(super) fn best_by(&self, clock_at_zero: Duration, at: Duration) -> f64 {
        best_possible(&self.scenario, clock_at_zero, Duration::ZERO, at)
    }

    /// Requests a second that its best client sends, bursts spread over the whole time.
    pub(super) fn rate(&self) -> f64 {
        let best = self.best_by(Duration::ZERO, self.lasts);
        (best / self.lasts.as_secs_f64()).min(UNLIMITED_PER_S)
    }

    /// The rate that can be held in each second, bursts and full windows aside.
    pub(super) fn rate_by_second(&self) -> Vec<f64> {
        let second = Duration::from_secs(1);
        let seconds = 0..self.lasts.as_secs().max(1) as u32;
        let rate = |number: u32| sustained(&self.scenario, second * number, second * (number + 1));
        seconds.map(rate).collect()
    }

    /// Rows that a process needs so that its input doesn't end before the time does, with room for what it takes from
    /// other clients.
    pub(super) fn rows(&self, until: Duration) -> u64 {
        let others: f64 = self
            .scenario
            .limits
            .iter()
            .map(|limit| limit.other_traffic)
            .sum();
        let seconds = until.as_secs_f64();
        let best = self
            .best_by(Duration::ZERO, until)
            .min(UNLIMITED_PER_S * seconds);
        // A window may turn over once more than planned.
        (best * 1.3 + others * seconds) as u64 + 2_000
    }

    /// Whether other runs at the same time would change its figures.
    pub(super) fn needs_quiet(&self) -> bool {
        let has_cap = self
            .scenario
            .limits
            .iter()
            .any(|limit| matches!(limit.kind, LimitKind::Concurrency { .. }));
        has_cap || self.scenario.latency.knee.is_some() || self.rate() > FAST_PER_S
    }
}

/// A scenario's name, also where it was given by its path.
fn file_stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.strip_suffix(".yaml").unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_allows_its_rate_in_every_second() {
        let yaml = "limits: [{ kind: fixed_window, requests: 300, window: 60s }]";
        let scenario = Scenario::from_yaml(yaml, "a test").expect("a scenario");
        let case = Case {
            name: "a test".to_owned(),
            benchmark: Benchmark::default(),
            scenario,
            lasts: Duration::from_secs(3),
        };
        assert_eq!(case.rate_by_second(), [5.0, 5.0, 5.0]);
        assert!(case.rows(case.lasts) > 300);
    }

    #[test]
    fn a_scenario_is_called_by_its_files_name() {
        assert_eq!(file_stem("a/b/slow.yaml"), "slow");
        assert_eq!(file_stem("slow"), "slow");
    }
}
