//! A run cut into stretches in which neither the limit nor the faults change.

use std::time::Duration;

use crate::tenant::{Fault, FaultTarget, Limit, Scenario};

/// A stretch of time in which nothing changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// Its start, in seconds after the scenario's.
    pub(super) start_s: f64,
    pub(super) seconds: f64,
    /// The limit, as a multiple of the limit as written.
    pub(super) factor: f64,
    /// Share of the admitted requests that no fault strikes.
    pub(super) success: f64,
}

impl Stretch {
    pub(super) fn end_s(&self) -> f64 {
        self.start_s + self.seconds
    }

    /// Refills at whole periods inside; the one at the scenario's start is the full bucket itself.
    pub(super) fn refills(&self, period: Duration) -> f64 {
        let before = |end_s: f64| ((end_s / period.as_secs_f64()).ceil() - 1.0).max(0.0);
        before(self.end_s()) - before(self.start_s)
    }
}

/// The stretches between two times, in order.
pub(super) fn stretches(
    scenario: &Scenario,
    limit: Option<&Limit>,
    from: Duration,
    to: Duration,
) -> Vec<Stretch> {
    let phases = limit.map_or(&[][..], |limit| limit.phases.as_slice());
    let mut cuts: Vec<Duration> = phases.iter().map(|phase| phase.at).collect();
    for fault in struck_writes(scenario) {
        cuts.extend(edges(fault, to));
    }
    cuts.extend([from, to]);
    cuts.retain(|cut| (from..=to).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    let stretch = |pair: &[Duration]| {
        let (start, end) = (pair[0], pair[1]);
        let in_force = phases.iter().rfind(|phase| phase.at <= start);
        Stretch {
            start_s: start.as_secs_f64(),
            seconds: (end - start).as_secs_f64(),
            factor: in_force.map_or(1.0, |phase| phase.factor),
            success: struck_writes(scenario)
                .filter(|fault| fault.is_on(start))
                .map(|fault| 1.0 - share(fault))
                .product(),
        }
    };
    cuts.windows(2).map(stretch).collect()
}

fn struck_writes(scenario: &Scenario) -> impl Iterator<Item = &Fault> {
    let faults = scenario.faults.iter();
    faults.filter(|fault| fault.on == FaultTarget::Contacts)
}

/// Share of the requests that a fault strikes while it is on, its bursts included.
fn share(fault: &Fault) -> f64 {
    let burst = f64::from(fault.burst);
    fault.ratio * burst / (1.0 + fault.ratio * (burst - 1.0))
}

/// When a fault begins and ends, up to a time.
fn edges(fault: &Fault, to: Duration) -> Vec<Duration> {
    let once = [Some(fault.from), fault.until];
    let period = fault.every.filter(|period| !period.is_zero());
    let Some(period) = period else {
        return once.into_iter().flatten().collect();
    };
    let mut edges = Vec::new();
    let mut start = Duration::ZERO;
    while start <= to {
        edges.push(start);
        edges.extend(once.iter().flatten().map(|edge| start + *edge));
        start += period;
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_cut_where_a_limit_or_a_fault_changes() {
        let scenario = Scenario::from_yaml(
            "limits: [{ kind: token_bucket, rate: 5, burst: 5, phases: [{ at: 70s, factor: 2 }] }]\n\
             faults: [{ kind: close_before, ratio: 0.25, from: 60s, until: 90s, every: 120s }]",
            "a test",
        )
        .expect("a scenario");
        let limit = scenario.limits.first();
        let found: Vec<(f64, f64, f64)> =
            stretches(&scenario, limit, Duration::ZERO, Duration::from_secs(200))
                .iter()
                .map(|stretch| (stretch.start_s, stretch.factor, stretch.success))
                .collect();
        assert_eq!(
            found,
            [
                (0.0, 1.0, 1.0),
                (60.0, 1.0, 0.75),
                (70.0, 2.0, 0.75),
                (90.0, 2.0, 1.0),
                (120.0, 2.0, 1.0),
                (180.0, 2.0, 0.75)
            ]
        );
    }

    #[test]
    fn refills_are_counted_between_the_ends() {
        let stretch = |start_s, seconds| Stretch {
            start_s,
            seconds,
            factor: 1.0,
            success: 1.0,
        };
        let minute = Duration::from_secs(60);
        assert_eq!(stretch(0.0, 2400.0).refills(minute), 39.0);
        assert_eq!(stretch(0.0, 60.0).refills(minute), 0.0);
        assert_eq!(stretch(60.0, 60.0).refills(minute), 1.0);
    }
}
