//! A controller, its clock, and words to drive both.

use std::time::{Duration, Instant};

use crate::limit::{Controller, Decision, GateState, LimitSettings, Observation, Permit, Reaction};

pub(super) const DONE: Observation = Observation::Accepted { hint: None };
pub(super) const REFUSED: Observation = Observation::Throttled {
    retry_after: None,
    hint: None,
};

pub(super) fn throttled(seconds: f64) -> Observation {
    Observation::Throttled {
        retry_after: Some(Duration::from_secs_f64(seconds)),
        hint: None,
    }
}

/// A controller and its clock.
pub(super) struct Bench {
    pub(super) controller: Controller,
    start: Instant,
    pub(super) now: Instant,
}

impl Bench {
    pub(super) fn new(settings: LimitSettings) -> Self {
        let now = Instant::now();
        let mut controller = Controller::new(settings, now, 1);
        controller.pace.skip_approach();
        Self {
            controller,
            start: now,
            now,
        }
    }

    pub(super) fn at(&mut self, seconds: f64) -> &mut Self {
        self.now = self.start + Duration::from_secs_f64(seconds);
        self
    }

    pub(super) fn seconds(&self) -> f64 {
        self.now.duration_since(self.start).as_secs_f64()
    }

    pub(super) fn poll(&mut self) -> Decision {
        self.controller.poll(self.now)
    }

    pub(super) fn send(&mut self) -> Permit {
        assert_eq!(self.poll(), Decision::Go);
        self.controller.on_send(self.now)
    }

    pub(super) fn reply(&mut self, permit: Permit, reply: Observation) -> Reaction {
        self.controller.on_reply(self.now, permit, &reply)
    }

    /// Sends and answers at once, as often as granted, at most `count` times.
    pub(super) fn flood(&mut self, count: usize, reply: Observation) -> usize {
        let mut granted = 0;
        while granted < count && self.poll() == Decision::Go {
            let permit = self.send();
            self.reply(permit, reply);
            granted += 1;
        }
        granted
    }

    /// Floods once a millisecond; how many were admitted.
    pub(super) fn run(&mut self, from_s: f64, to_s: f64) -> usize {
        let steps = ((to_s - from_s) * 1000.0).round() as usize;
        (0..steps)
            .map(|step| self.at(from_s + step as f64 / 1000.0).flood(1000, DONE))
            .sum()
    }

    pub(super) fn pace(&self) -> Option<f64> {
        self.controller.snapshot(self.now).pace_per_s
    }

    pub(super) fn closed_for(&self) -> f64 {
        match self.controller.snapshot(self.now).gate {
            GateState::Open => 0.0,
            GateState::Closed { until, .. } => until.duration_since(self.now).as_secs_f64(),
        }
    }

    /// Learn a pace: 100 admitted, then a wait until `seconds`.
    pub(super) fn learn_100_in(&mut self, from_s: f64, to_s: f64) {
        self.at(from_s).flood(100, DONE);
        let permit = self.send();
        self.reply(permit, throttled(to_s - from_s));
        let wait = self.closed_for();
        self.at(from_s + wait);
        self.poll();
    }
}

pub(super) fn bench() -> Bench {
    Bench::new(LimitSettings::default())
}
