//! The limiter: what a request pays for asking, going and coming back.
//!
//! The clock and the queue of requests under way are the bench's own, and what
//! they cost is measured as well.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use sluice::limit::{
    Controller, Decision, LearnedLimit, LimitKind, LimitSettings, Observation, Permit, Rate,
};

/// As many limits as a large job has endpoints, tenants and clients. And so many
/// requests in a row make one limit's state hot.
const MANY: usize = 1000;
/// From one question to the next.
const BETWEEN_POLLS: Duration = Duration::from_micros(20);
const ROUND_TRIP: Duration = Duration::from_millis(2);

/// A controller with the requests that are under way.
struct Traffic {
    controller: Controller,
    now: Instant,
    under_way: VecDeque<Permit>,
}

impl Traffic {
    fn new(settings: LimitSettings) -> Self {
        let now = Instant::now();
        Self {
            controller: Controller::new(settings, now, 1),
            now,
            under_way: VecDeque::new(),
        }
    }

    /// One request in and one out, at the pace that the controller allows.
    fn one_request(&mut self) {
        loop {
            self.now += BETWEEN_POLLS;
            match self.controller.poll(self.now) {
                Decision::Go => {
                    self.under_way.push_back(self.controller.on_send(self.now));
                    break;
                }
                Decision::WaitUntil(until) => self.now = until,
                Decision::WaitForReply => self.take_a_reply(),
            }
        }
        let is_due = |permit: &Permit| self.now >= permit.sent_at() + ROUND_TRIP;
        if self.under_way.front().is_some_and(is_due) {
            self.take_a_reply();
        }
    }

    fn take_a_reply(&mut self) {
        let permit = self.under_way.pop_front().expect("some are under way");
        self.now = self.now.max(permit.sent_at() + ROUND_TRIP);
        let accepted = Observation::Accepted { hint: None };
        black_box(self.controller.on_reply(self.now, permit, &accepted));
        black_box(self.controller.take_events());
    }
}

/// The same clock and queue, and nobody to ask.
struct Unlimited {
    now: Instant,
    under_way: VecDeque<Instant>,
    between_requests: Duration,
}

impl Unlimited {
    fn new(pace_per_s: f64) -> Self {
        Self {
            now: Instant::now(),
            under_way: VecDeque::new(),
            between_requests: Duration::from_secs_f64(1.0 / pace_per_s),
        }
    }

    fn one_request(&mut self) {
        self.now += self.between_requests;
        self.under_way.push_back(black_box(self.now));
        let is_due = |sent_at: &Instant| self.now >= *sent_at + ROUND_TRIP;
        if self.under_way.front().is_some_and(is_due) {
            black_box(self.under_way.pop_front());
        }
    }
}

/// A pace at which a few requests are under way at once: a long queue of the
/// bench's own would fill the caches instead of the limits.
const PACE_PER_S: f64 = 1_000.0;

/// Starts from a sure pace, which holds back each request.
fn paced() -> Traffic {
    let learned = LearnedLimit {
        rate_per_s: PACE_PER_S,
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
    let mut traffic = Traffic::new(settings);
    for _ in 0..100 {
        traffic.one_request();
    }
    traffic
}

/// Each in its turn, with so many requests in a row.
fn by_turns<T>(
    many: &mut [T],
    in_a_row: usize,
    mut one_request: impl FnMut(&mut T),
) -> impl FnMut() {
    let (mut turn, mut left) = (0, in_a_row);
    move || {
        one_request(&mut many[turn]);
        left -= 1;
        if left == 0 {
            (turn, left) = ((turn + 1) % many.len(), in_a_row);
        }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("limit");
    group.throughput(Throughput::Elements(1));

    group.bench_function("a_request_without_a_limit", |bencher| {
        let mut traffic = Traffic::new(LimitSettings::default());
        bencher.iter(|| traffic.one_request());
    });

    group.bench_function("a_request_below_a_ceiling", |bencher| {
        let settings = LimitSettings {
            max_rate: Rate::per_second(5_000.0),
            ..LimitSettings::default()
        };
        let mut traffic = Traffic::new(settings);
        bencher.iter(|| traffic.one_request());
    });

    // A quota that was learnt: ramp, token bucket and counting of the window, and
    // each request is held back once. The same limits and the same requests in
    // two orders, so that what the caches miss is the whole difference.
    let mut limits: Vec<Traffic> = (0..MANY).map(|_| paced()).collect();
    let mut clocks: Vec<_> = (0..MANY).map(|_| Unlimited::new(PACE_PER_S)).collect();
    for (order, in_a_row) in [("in_a_row", MANY), ("by_turns_of_1000_limits", 1)] {
        group.bench_function(format!("a_request_at_a_learnt_pace_{order}"), |bencher| {
            bencher.iter(by_turns(&mut limits, in_a_row, Traffic::one_request));
        });
        group.bench_function(format!("the_bench_itself_{order}"), |bencher| {
            bencher.iter(by_turns(&mut clocks, in_a_row, Unlimited::one_request));
        });
    }

    group.bench_function("asking_at_a_closed_gate", |bencher| {
        let mut traffic = Traffic::new(LimitSettings::default());
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
