//! The rules for failures: what is trouble, and what is a limit after all.

use std::time::{Duration, Instant};

use crate::limit::{
    Controller, Decision, GateState, LimitEvent, LimitSettings, Observation, Permit, Reaction,
};

const DONE: Observation = Observation::Accepted { hint: None };
const BROKEN: Observation = Observation::Unreached { failures: 1 };

fn unavailable(wait_s: Option<u64>) -> Observation {
    Observation::Unavailable {
        retry_after: wait_s.map(Duration::from_secs),
        failures: 1,
    }
}

/// A controller and its clock.
struct Bench {
    controller: Controller,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let mut controller = Controller::new(LimitSettings::default(), now, 1);
        controller.pace.skip_approach();
        Self { controller, now }
    }

    fn send(&mut self) -> Option<Permit> {
        let goes = self.controller.poll(self.now) == Decision::Go;
        goes.then(|| self.controller.on_send(self.now))
    }

    /// Sends and answers, a millisecond each, until the gate closes; at most
    /// `count` times. Returns the last reaction.
    fn answer(&mut self, count: usize, reply: Observation) -> Option<Reaction> {
        let mut last = None;
        for _ in 0..count {
            let Some(permit) = self.send() else { break };
            self.now += Duration::from_millis(1);
            last = Some(self.controller.on_reply(self.now, permit, &reply));
        }
        last
    }

    fn closed_until(&self) -> Option<Instant> {
        match self.controller.snapshot(self.now).gate {
            GateState::Open => None,
            GateState::Closed { until, .. } => Some(until),
        }
    }

    /// Waits for the gate to open.
    fn wait(&mut self) {
        self.now = self.closed_until().unwrap_or(self.now);
    }

    /// `lead` admitted, then nothing but 503s until the gate closes; then the
    /// wait for it to open.
    fn opening(&mut self, lead: usize, wait_s: Option<u64>) -> Option<Reaction> {
        self.answer(lead, DONE);
        let last = self.answer(100, unavailable(wait_s));
        assert!(self.closed_until().is_some());
        self.wait();
        last
    }

    fn happened(&mut self, event: LimitEvent) -> bool {
        self.controller.take_events().contains(&event)
    }

    fn window(&self) -> u32 {
        self.controller.snapshot(self.now).window
    }
}

fn counts(reaction: Option<Reaction>) -> bool {
    matches!(
        reaction,
        Some(Reaction::RetryAfter {
            counts_as_attempt: true,
            ..
        })
    )
}

#[test]
fn openings_that_begin_well_and_end_soon_are_a_limit() {
    let mut bench = Bench::new();
    assert!(counts(bench.opening(25, None)));
    assert!(!counts(bench.opening(25, None)));
    assert!(bench.happened(LimitEvent::UnavailableIsLimit));
    // As after a 429: the cycle has taught a pace.
    bench.answer(1, DONE);
    assert!(bench.controller.snapshot(bench.now).pace_per_s.is_some());
}

#[test]
fn openings_with_nothing_admitted_are_an_outage() {
    let mut bench = Bench::new();
    bench.answer(25, DONE);
    for _ in 0..20 {
        assert!(counts(bench.opening(0, None)));
    }
    assert!(!bench.happened(LimitEvent::UnavailableIsLimit));
    assert_eq!(bench.controller.snapshot(bench.now).pace_per_s, None);
}

#[test]
fn openings_that_end_late_are_trouble() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.answer(25, DONE);
        bench.now += Duration::from_secs(6);
        bench.opening(0, None);
    }
    assert!(!bench.happened(LimitEvent::UnavailableIsLimit));
}

#[test]
fn where_a_little_gets_through_all_the_time_it_is_a_limit() {
    let mut bench = Bench::new();
    for opening in 0..8 {
        bench.answer(opening % 2, DONE);
        bench.answer(100, unavailable(None));
        bench.wait();
    }
    assert!(bench.happened(LimitEvent::UnavailableIsLimit));
}

#[test]
fn where_most_gets_through_in_between_it_is_trouble() {
    let mut bench = Bench::new();
    for _ in 0..12 {
        for _ in 0..12 {
            bench.answer(1, DONE);
            bench.answer(1, unavailable(None));
        }
        bench.opening(0, None);
    }
    assert!(!bench.happened(LimitEvent::UnavailableIsLimit));
}

#[test]
fn other_failures_are_never_a_limit() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.answer(25, DONE);
        bench.answer(100, Observation::Transient { failures: 1 });
        bench.wait();
    }
    assert!(!bench.happened(LimitEvent::UnavailableIsLimit));
}

#[test]
fn waits_named_after_a_like_number_each_time_are_a_limit() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        assert!(counts(bench.opening(20, Some(1))));
    }
    assert_eq!(
        bench.opening(20, Some(1)),
        Some(Reaction::RetryWhenGateOpens)
    );
    assert!(bench.happened(LimitEvent::UnavailableIsLimit));
}

#[test]
fn waits_named_at_random_are_trouble() {
    let mut bench = Bench::new();
    for lead in [20, 3, 41, 12, 30, 7, 22, 1, 16, 50] {
        assert!(counts(bench.opening(lead, Some(1))));
    }
    assert!(!bench.happened(LimitEvent::UnavailableIsLimit));
}

#[test]
fn an_outage_ends_the_limit_and_leaves_the_pace_as_it_was() {
    let mut bench = Bench::new();
    bench.opening(25, None);
    bench.opening(25, None);
    assert!(bench.happened(LimitEvent::UnavailableIsLimit));
    for _ in 0..5 {
        bench.opening(0, None);
    }
    assert!(bench.happened(LimitEvent::UnavailableIsTrouble));
    assert!(counts(bench.opening(0, None)));
    assert_eq!(bench.controller.snapshot(bench.now).pace_per_s, None);
}

#[test]
fn a_limit_is_forgotten_after_ten_calm_minutes() {
    let mut bench = Bench::new();
    bench.opening(25, None);
    bench.opening(25, None);
    bench.answer(1, DONE);
    bench.now += Duration::from_secs(601);
    assert!(counts(bench.answer(1, unavailable(None))));
}

/// Sixteen connections work and are answered after 10 ms; more are broken at
/// once. Returns how many broke.
fn sixteen_connections(bench: &mut Bench, milliseconds: u32) -> u32 {
    let mut served: Vec<Permit> = Vec::new();
    let mut broke = 0;
    for millisecond in 0..milliseconds {
        bench.now += Duration::from_millis(1);
        if millisecond % 10 == 0 {
            for permit in std::mem::take(&mut served) {
                bench.controller.on_reply(bench.now, permit, &DONE);
            }
        }
        while let Some(permit) = bench.send() {
            if served.len() < 16 {
                served.push(permit);
            } else {
                bench.controller.on_reply(bench.now, permit, &BROKEN);
                broke += 1;
            }
        }
    }
    for permit in served {
        bench.controller.on_reply(bench.now, permit, &DONE);
    }
    broke
}

#[test]
fn broken_connections_take_places_away_and_the_others_go_on() {
    let mut bench = Bench::new();
    let broke = sixteen_connections(&mut bench, 9_000);
    // Slow start asks for twice as many, once.
    assert!((1..=20).contains(&broke), "{broke} connections broke");
    assert!((14..=16).contains(&bench.window()), "{}", bench.window());
    assert_eq!(bench.controller.snapshot(bench.now).closings, 0);
}

#[test]
fn more_connections_are_tried_less_and_less_often() {
    let mut bench = Bench::new();
    let first = sixteen_connections(&mut bench, 60_000);
    let later = sixteen_connections(&mut bench, 60_000);
    assert!(later < first, "{first} broke, then {later}");
    assert!((14..=17).contains(&bench.window()), "{}", bench.window());
}

#[test]
fn where_no_connection_works_the_breaker_opens_and_the_size_comes_back() {
    let mut bench = Bench::new();
    let permits: Vec<Permit> = (0..4).filter_map(|_| bench.send()).collect();
    bench.now += Duration::from_millis(10);
    for permit in permits {
        bench.controller.on_reply(bench.now, permit, &DONE);
    }
    sixteen_connections(&mut bench, 100);
    let before = bench.window();
    for _ in 0..100 {
        let permits: Vec<Permit> = std::iter::from_fn(|| bench.send()).collect();
        bench.now += Duration::from_millis(1);
        for permit in permits {
            bench.controller.on_reply(bench.now, permit, &BROKEN);
        }
    }
    assert!(bench.happened(LimitEvent::BreakerOpened {
        failures_in_a_row: before + 1
    }));
    bench.wait();
    sixteen_connections(&mut bench, 200);
    assert!(bench.window() >= before, "{} of {before}", bench.window());
}
