//! A discrete-event world in virtual time: clients with their controllers
//! against one tenant. A run is a pure function of its seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sluice::limit::{
    Controller, Decision, Hint, LimitEvent, LimitSettings, Observation, Permit, Reaction,
    rate_limit_hint, retry_after,
};

use super::tenant::{Answer, Refusing, Tenant, Wait};

/// Nanoseconds since the start.
type Nanos = u64;

/// A row on its way, by number, with its failures so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    failures: u32,
}

#[derive(Debug)]
enum Sender {
    Client(usize, Row, Permit),
    /// Live traffic of others: no controller, no retry.
    Other,
}

#[derive(Debug)]
enum Event {
    Wake(usize),
    OtherSends,
    Arrives(Sender),
    LeavesService(Sender, Observation),
    Replies(Sender, Observation),
}

struct Scheduled {
    at: Nanos,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// What one client did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub sent: u64,
    pub done: u64,
    pub done_late: u64,
    pub refused: u64,
    pub failed: u64,
    /// Failures that count against one row, at most.
    pub most_failures: u32,
    /// The limiter's decisions, where they are kept.
    pub decisions: Vec<LimitEvent>,
    /// Sends before a `Retry-After` had run out.
    pub undercut: u64,
    pub most_in_flight: u32,
    /// 429 replies to requests sent after the first one had been obeyed.
    pub refused_after_first: u64,
    /// When the last row was done.
    pub finished_s: f64,
}

struct Client {
    controller: Controller,
    tally: Tally,
    retries: BinaryHeap<Reverse<(Nanos, Row)>>,
    rows_left: u64,
    wake_at: Nanos,
    forbidden_until: Nanos,
    first_refusal_over: Nanos,
}

pub struct World {
    start: Instant,
    now: Nanos,
    end: Nanos,
    tenant: Tenant,
    events: BinaryHeap<Scheduled>,
    order: u64,
    in_service: usize,
    clients: Vec<Client>,
    random: SmallRng,
    other_rate_per_s: f64,
    pub other_sent: u64,
    pub other_refused: u64,
    pub trace_every_s: Option<f64>,
}

fn nanos(seconds: f64) -> Nanos {
    (seconds * 1e9) as Nanos
}

impl World {
    pub fn new(tenant: Tenant, horizon_s: f64, seed: u64) -> Self {
        Self {
            start: Instant::now(),
            now: 0,
            end: nanos(horizon_s),
            tenant,
            events: BinaryHeap::new(),
            order: 0,
            in_service: 0,
            clients: Vec::new(),
            random: SmallRng::seed_from_u64(seed),
            other_rate_per_s: 0.0,
            other_sent: 0,
            other_refused: 0,
            trace_every_s: None,
        }
    }

    /// `rows`: how many there are; `u64::MAX` never ends.
    pub fn add_client(&mut self, settings: LimitSettings, starts_s: f64, rows: u64, seed: u64) {
        let index = self.clients.len();
        let starts = nanos(starts_s);
        let controller = Controller::new(settings, self.start + Duration::from_nanos(starts), seed);
        self.clients.push(Client {
            controller,
            tally: Tally::default(),
            retries: BinaryHeap::new(),
            rows_left: rows,
            wake_at: starts,
            forbidden_until: 0,
            first_refusal_over: Nanos::MAX,
        });
        self.schedule(starts, Event::Wake(index));
    }

    pub fn add_live_traffic(&mut self, rate_per_s: f64) {
        self.other_rate_per_s = rate_per_s;
        self.schedule(0, Event::OtherSends);
    }

    fn schedule(&mut self, at: Nanos, event: Event) {
        self.order += 1;
        self.events.push(Scheduled {
            at,
            order: self.order,
            event,
        });
    }

    fn seconds(&self) -> f64 {
        self.now as f64 / 1e9
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_nanos(self.now)
    }

    /// Median times a lognormal factor.
    fn vary(&mut self, median_s: f64) -> f64 {
        let (one, two): (f64, f64) = (self.random.random(), self.random.random());
        let normal = (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * two).cos();
        median_s * (self.tenant.sigma * normal).exp()
    }

    fn network_s(&mut self) -> f64 {
        self.vary(self.tenant.round_trip_s * self.tenant.network_share / 2.0)
    }

    pub fn run(mut self) -> (Vec<Tally>, u64, u64) {
        let mut next_trace = 0.0;
        while let Some(Scheduled { at, event, .. }) = self.events.pop() {
            if at > self.end {
                break;
            }
            self.now = at;
            if let Some(every_s) = self.trace_every_s
                && self.seconds() >= next_trace
            {
                next_trace = self.seconds() + every_s;
                let now = self.instant();
                let seen = self.clients[0].controller.snapshot(now);
                let pace = seen.pace_per_s.unwrap_or(f64::INFINITY);
                let at_s = self.seconds();
                println!(
                    "{at_s:8.2} window {} in flight {} pace {pace:.2} done {} 429 {}",
                    seen.window, seen.in_flight, seen.accepted, seen.throttled
                );
                let events = self.clients[0].controller.take_events();
                for event in &events {
                    println!("         {event:?}");
                }
                self.clients[0].tally.decisions.extend(events);
            }
            match event {
                Event::Wake(index) => {
                    if self.clients[index].wake_at <= self.now {
                        self.clients[index].wake_at = Nanos::MAX;
                        self.pump(index);
                    }
                }
                Event::OtherSends => self.other_sends(),
                Event::Arrives(sender) => self.arrives(sender),
                Event::LeavesService(sender, reply) => {
                    self.in_service -= 1;
                    let at = self.now
                        + nanos(
                            self.vary(self.tenant.round_trip_s * self.tenant.network_share / 2.0),
                        );
                    self.schedule(at, Event::Replies(sender, reply));
                }
                Event::Replies(sender, reply) => self.replies(sender, reply),
            }
        }
        let tallies = self
            .clients
            .into_iter()
            .map(|mut client| {
                let events = client.controller.take_events();
                client.tally.decisions.extend(events);
                client.tally
            })
            .collect();
        (tallies, self.other_sent, self.other_refused)
    }

    fn other_sends(&mut self) {
        self.other_sent += 1;
        let network = nanos(self.network_s());
        self.schedule(self.now + network, Event::Arrives(Sender::Other));
        let next = self.now + nanos(1.0 / self.other_rate_per_s);
        self.schedule(next, Event::OtherSends);
    }

    fn arrives(&mut self, sender: Sender) {
        let now_s = self.seconds();
        let dice = self.random.random();
        let answer = self.tenant.answer(now_s, self.in_service, dice);
        let hint = self
            .tenant
            .headers(now_s)
            .and_then(|(remaining, reset_s)| genesys_hint(remaining, reset_s));
        let reply = match answer {
            Answer::Done => Observation::Accepted { hint },
            Answer::Failed => Observation::Unavailable {
                retry_after: self.tenant.storm_wait,
                failures: 0,
            },
            Answer::Refused(wait) => {
                let retry_after = wait.and_then(parse);
                let reply = match self.tenant.refusing {
                    Refusing::TooMany => Observation::Throttled { retry_after, hint },
                    Refusing::Unavailable => Observation::Unavailable {
                        retry_after,
                        failures: 0,
                    },
                    Refusing::Reset => Observation::Unreached { failures: 0 },
                };
                let at = self.now + nanos(self.network_s());
                self.schedule(at, Event::Replies(sender, reply));
                return;
            }
        };
        self.in_service += 1;
        let service_s = self.vary(self.tenant.round_trip_s * (1.0 - self.tenant.network_share))
            * self.tenant.slowdown(self.in_service);
        self.schedule(
            self.now + nanos(service_s),
            Event::LeavesService(sender, reply),
        );
    }

    fn replies(&mut self, sender: Sender, mut reply: Observation) {
        let refused = matches!(reply, Observation::Throttled { .. });
        let Sender::Client(index, mut row, permit) = sender else {
            self.other_refused += u64::from(refused);
            return;
        };
        let (now, now_s, late) = (self.instant(), self.seconds(), self.now > self.end / 2);
        let client = &mut self.clients[index];
        let sent = permit.sent_at().duration_since(self.start).as_nanos() as Nanos;
        match &mut reply {
            Observation::Accepted { .. } => {
                client.tally.done += 1;
                client.tally.done_late += u64::from(late);
                client.tally.finished_s = now_s;
            }
            Observation::Throttled { retry_after, .. } => {
                client.tally.refused += 1;
                let wait = retry_after.unwrap_or_default().as_nanos() as Nanos;
                if client.first_refusal_over == Nanos::MAX {
                    client.first_refusal_over = self.now + wait;
                }
                client.tally.refused_after_first += u64::from(sent >= client.first_refusal_over);
                client.forbidden_until = client.forbidden_until.max(self.now + wait);
            }
            Observation::Transient { failures } | Observation::Unreached { failures } => {
                client.tally.failed += 1;
                *failures = row.failures + 1;
            }
            Observation::Unavailable {
                failures,
                retry_after,
            } => {
                client.tally.failed += 1;
                *failures = row.failures + 1;
                let wait = retry_after.unwrap_or_default().as_nanos() as Nanos;
                client.forbidden_until = client.forbidden_until.max(self.now + wait);
            }
            Observation::Neutral { .. } => {}
        }
        let reaction = client.controller.on_reply(now, permit, &reply);
        if let Reaction::RetryAfter {
            counts_as_attempt: true,
            ..
        } = reaction
        {
            row.failures += 1;
            client.tally.most_failures = client.tally.most_failures.max(row.failures);
        }
        match reaction {
            Reaction::Done => {}
            Reaction::RetryWhenGateOpens => client.retries.push(Reverse((self.now, row))),
            Reaction::RetryAfter { delay, .. } => {
                client
                    .retries
                    .push(Reverse((self.now + delay.as_nanos() as Nanos, row)));
            }
        }
        self.pump(index);
    }

    fn pump(&mut self, index: usize) {
        loop {
            let now = self.instant();
            let client = &mut self.clients[index];
            let due = client
                .retries
                .peek()
                .is_some_and(|retry| retry.0.0 <= self.now);
            if !due && client.rows_left == 0 {
                let next = client.retries.peek().map(|retry| retry.0.0);
                return self.wake(index, next);
            }
            match client.controller.poll(now) {
                Decision::WaitForReply => return,
                Decision::WaitUntil(until) => {
                    let until = until.duration_since(self.start).as_nanos() as Nanos;
                    assert!(until > self.now, "a wait that is over");
                    return self.wake(index, Some(until));
                }
                Decision::Go => {}
            }
            let row = if due {
                client.retries.pop().map(|retry| retry.0.1)
            } else {
                None
            };
            let row = row.unwrap_or_else(|| {
                client.rows_left -= 1;
                Row { failures: 0 }
            });
            let permit = client.controller.on_send(now);
            client.tally.sent += 1;
            client.tally.undercut += u64::from(self.now < client.forbidden_until);
            let in_flight = client.controller.snapshot(now).in_flight;
            client.tally.most_in_flight = client.tally.most_in_flight.max(in_flight);
            let at = self.now + nanos(self.network_s());
            self.schedule(at, Event::Arrives(Sender::Client(index, row, permit)));
        }
    }

    fn wake(&mut self, index: usize, at: Option<Nanos>) {
        let Some(at) = at else { return };
        if at < self.clients[index].wake_at {
            self.clients[index].wake_at = at;
            self.schedule(at, Event::Wake(index));
        }
    }
}

/// Through the product's own parsers, so that they are part of what is tested.
fn genesys_hint(remaining: f64, reset_s: u64) -> Option<Hint> {
    let (count, reset) = (format!("{}", 1000.0 - remaining), reset_s.to_string());
    rate_limit_hint(&|name| match name {
        "inin-ratelimit-allowed" => Some("1000"),
        "inin-ratelimit-count" => Some(&count),
        "inin-ratelimit-reset" => Some(&reset),
        _ => None,
    })
}

fn parse(wait: Wait) -> Option<Duration> {
    match wait {
        Wait::Seconds(seconds) => {
            let text = seconds.to_string();
            retry_after(&|name| (name == "retry-after").then_some(text.as_str()))
        }
        Wait::Date { until, date } => {
            let [until, date] = [until, date].map(|epoch_s| {
                httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(epoch_s))
            });
            retry_after(&|name| match name {
                "retry-after" => Some(until.as_str()),
                "date" => Some(date.as_str()),
                _ => None,
            })
        }
    }
}
