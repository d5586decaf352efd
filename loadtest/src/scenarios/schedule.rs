//! Which runs go on at the same time.
//!
//! The cores bear so many requests a second before runs disturb each other's latencies. Each run takes its share of that
//! budget; runs that measure latency or are fast take all of it. The same rule is played through in advance, so that the
//! whole time can be told at the start.

use std::time::Duration;

/// Tenants and processes at once, however slow they are: each has threads of its own.
const MOST_AT_ONCE: usize = 24;

/// A run as the schedule sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    pub(super) lasts: Duration,
    /// Requests a second.
    pub(super) rate: f64,
    pub(super) alone: bool,
}

/// What may start next. Runs are numbered as in the list it was made of.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    loads: Vec<Load>,
    waiting: Vec<usize>,
    running: Vec<usize>,
    budget: f64,
}

impl Schedule {
    pub(super) fn new(loads: Vec<Load>, budget: f64) -> Self {
        let mut waiting: Vec<usize> = (0..loads.len()).collect();
        // The long ones first, so that none is left over at the end; those that run alone last, in their order.
        waiting.sort_by_key(|number| {
            let load = loads[*number];
            (load.alone, std::cmp::Reverse(load.lasts))
        });
        Schedule {
            loads,
            waiting,
            running: Vec::new(),
            budget,
        }
    }

    /// The next run that fits beside those that go on.
    pub(super) fn start_next(&mut self) -> Option<usize> {
        if self.running.len() >= MOST_AT_ONCE {
            return None;
        }
        let is_alone = |number: &usize| self.loads[*number].alone;
        if self.running.iter().any(is_alone) {
            return None;
        }
        let taken: f64 = self
            .running
            .iter()
            .map(|number| self.loads[*number].rate)
            .sum();
        let fits = |number: &usize| {
            // The first always fits; none would ever start otherwise.
            self.running.is_empty()
                || (!is_alone(number) && taken + self.loads[*number].rate <= self.budget)
        };
        let place = self.waiting.iter().position(fits)?;
        let number = self.waiting.remove(place);
        self.running.push(number);
        Some(number)
    }

    /// A run has ended.
    pub(super) fn end(&mut self, number: usize) {
        self.running.retain(|running| *running != number);
    }

    /// Nothing more is to start.
    pub(super) fn stop(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// How long all of it will take.
    pub(super) fn forecast(&self) -> Duration {
        let mut play = self.clone();
        let mut ends: Vec<(Duration, usize)> = Vec::new();
        let mut now = Duration::ZERO;
        loop {
            while let Some(number) = play.start_next() {
                ends.push((now + play.loads[number].lasts, number));
            }
            ends.sort_by(|left, right| right.cmp(left));
            let Some((at, number)) = ends.pop() else {
                return now;
            };
            now = at;
            play.end(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(seconds: u64, rate: f64, alone: bool) -> Load {
        Load {
            lasts: Duration::from_secs(seconds),
            rate,
            alone,
        }
    }

    #[test]
    fn slow_runs_go_on_together_and_fast_ones_alone() {
        let loads = vec![
            load(10, 900.0, true),
            load(60, 5.0, false),
            load(30, 50.0, false),
            load(30, 60.0, false),
        ];
        let mut schedule = Schedule::new(loads, 100.0);
        assert_eq!(schedule.start_next(), Some(1), "the longest first");
        assert_eq!(schedule.start_next(), Some(2));
        assert_eq!(schedule.start_next(), None, "60 more are above the budget");
        schedule.end(2);
        assert_eq!(schedule.start_next(), Some(3));
        assert_eq!(schedule.start_next(), None);
        schedule.end(1);
        assert_eq!(schedule.start_next(), None, "one still runs");
        schedule.end(3);
        assert_eq!(schedule.start_next(), Some(0));
        assert_eq!(schedule.start_next(), None);
        schedule.end(0);
        assert!(schedule.is_over());
    }

    #[test]
    fn the_forecast_plays_the_same_rule() {
        let loads = vec![
            load(10, 900.0, true),
            load(60, 5.0, false),
            load(30, 50.0, false),
            load(30, 60.0, false),
        ];
        assert_eq!(
            Schedule::new(loads, 100.0).forecast(),
            Duration::from_secs(70)
        );
        assert_eq!(Schedule::new(Vec::new(), 1.0).forecast(), Duration::ZERO);
    }

    #[test]
    fn more_than_the_budget_runs_when_nothing_else_does() {
        let mut schedule = Schedule::new(vec![load(1, 50.0, false)], 1.0);
        assert_eq!(schedule.start_next(), Some(0));
    }
}
