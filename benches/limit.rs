//! The limiter: what a request pays for asking, going and coming back.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use sluice::limit::{
    Controller, Decision, LearnedLimit, LimitKind, LimitSettings, Observation, Permit, Rate,
};

/// A controller with the requests that are under way.
struct Traffic {
    controller: Controller,
    now: Instant,
    under_way: VecDeque<Permit>,
    round_trip: Duration,
}

impl Traffic {
    fn new(settings: LimitSettings, round_trip: Duration) -> Self {
        let now = Instant::now();
        Self {
            controller: Controller::new(settings, now, 1),
            now,
            under_way: VecDeque::new(),
            round_trip,
        }
    }

    /// One request in and one out, at the pace that the controller allows.
    fn one_request(&mut self) {
        loop {
            self.now += Duration::from_micros(20);
            match self.controller.poll(self.now) {
                Decision::Go => {
                    self.under_way.push_back(self.controller.on_send(self.now));
                    break;
                }
                Decision::WaitUntil(until) => self.now = until,
                Decision::WaitForReply => self.take_a_reply(),
            }
        }
        let is_due = |permit: &Permit| self.now >= permit.sent_at() + self.round_trip;
        if self.under_way.front().is_some_and(is_due) {
            self.take_a_reply();
        }
    }

    fn take_a_reply(&mut self) {
        let permit = self.under_way.pop_front().expect("some are under way");
        self.now = self.now.max(permit.sent_at() + self.round_trip);
        let accepted = Observation::Accepted { hint: None };
        black_box(self.controller.on_reply(self.now, permit, &accepted));
        black_box(self.controller.take_events());
    }
}

/// Starts from a sure pace, far above what one thread asks for.
fn paced() -> Traffic {
    let learned = LearnedLimit {
        rate_per_s: 40_000.0,
        burst: Some(1_000.0),
        window_s: None,
        window_starts: None,
        longest_wait_s: 1.0,
        concurrency_cap: None,
        kind: LimitKind::TokenBucket,
        sure: true,
    };
    let settings = LimitSettings {
        starting_point: Some(learned),
        ..LimitSettings::default()
    };
    let mut traffic = Traffic::new(settings, Duration::from_millis(2));
    for _ in 0..1_000 {
        traffic.one_request();
    }
    traffic
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("limit");
    group.throughput(Throughput::Elements(1));

    group.bench_function("a_request_without_a_limit", |bencher| {
        let mut traffic = Traffic::new(LimitSettings::default(), Duration::from_millis(2));
        bencher.iter(|| traffic.one_request());
    });

    group.bench_function("a_request_below_a_ceiling", |bencher| {
        let settings = LimitSettings {
            max_rate: Rate::per_second(5_000.0),
            ..LimitSettings::default()
        };
        let mut traffic = Traffic::new(settings, Duration::from_millis(2));
        bencher.iter(|| traffic.one_request());
    });

    // A quota that was learnt: ramp, token bucket and counting of the window.
    group.bench_function("a_request_at_a_learnt_pace", |bencher| {
        let mut traffic = paced();
        bencher.iter(|| traffic.one_request());
    });

    // As many limits as a large job has endpoints, tenants and clients, asked in
    // turn: what this costs more than one limit is what the caches miss.
    group.bench_function("a_request_at_one_of_1000_learnt_paces", |bencher| {
        let mut limits: Vec<Traffic> = (0..1000).map(|_| paced()).collect();
        let mut next = 0;
        bencher.iter(|| {
            limits[next].one_request();
            next = (next + 1) % limits.len();
        });
    });

    group.bench_function("asking_at_a_closed_gate", |bencher| {
        let mut traffic = Traffic::new(LimitSettings::default(), Duration::from_millis(2));
        traffic.one_request();
        let permit = traffic.under_way.pop_front().expect("one is under way");
        let throttled = Observation::Throttled {
            retry_after: Some(Duration::from_secs(3_600)),
            hint: None,
        };
        traffic.controller.on_reply(traffic.now, permit, &throttled);
        bencher.iter(|| black_box(traffic.controller.poll(black_box(traffic.now))));
    });
    group.finish();
    criterion.final_summary();
}
