//! The product's own controller as a client, with its own header parsers.

use std::time::{Duration, Instant};

use loadtest::tenant::Heard;
use sluice::limit::{
    Controller, Decision, LimitEvent, LimitSettings, Observation, Permit, Reaction,
    rate_limit_hint, retry_after, retry_after_in_body,
};

use super::client::{Ask, Client, Next, Row, Verdict};

/// One process of the product.
pub struct Product {
    start: Instant,
    controller: Controller,
    /// Its decisions since they were last shown.
    unshown: Vec<LimitEvent>,
    takes_503_for_limit: bool,
}

impl Product {
    pub fn new(settings: LimitSettings, starts: Duration, seed: u64) -> Self {
        let start = Instant::now();
        Self {
            start,
            controller: Controller::new(settings, start + starts, seed),
            unshown: Vec::new(),
            takes_503_for_limit: false,
        }
    }

    fn note_decisions(&mut self) {
        for event in self.controller.take_events() {
            match event {
                LimitEvent::UnavailableIsLimit => self.takes_503_for_limit = true,
                LimitEvent::UnavailableIsTrouble => self.takes_503_for_limit = false,
                _ => {}
            }
            self.unshown.push(event);
        }
    }
}

/// The wait that an answer asks for, as the product reads it.
pub fn asked_wait(heard: &Heard) -> Option<Duration> {
    let lookup = |name: &str| header(heard, name);
    retry_after(&lookup).or_else(|| retry_after_in_body(&heard.body))
}

fn header<'heard>(heard: &'heard Heard, name: &str) -> Option<&'heard str> {
    let found = heard.headers.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

fn observe(heard: &Heard, row: Row) -> Observation {
    let hint = || {
        let told = !heard.headers.is_empty();
        told.then(|| rate_limit_hint(&|name| header(heard, name)))
            .flatten()
    };
    let failures = row.failures + 1;
    match (Verdict::of(heard), heard.status) {
        (Verdict::Done, _) => Observation::Accepted { hint: hint() },
        (Verdict::Refused, _) => Observation::Throttled {
            retry_after: asked_wait(heard),
            hint: hint(),
        },
        (Verdict::Failed, Some(503)) => Observation::Unavailable {
            retry_after: asked_wait(heard),
            failures,
        },
        (Verdict::Failed, None) => Observation::Unreached { failures },
        (Verdict::Failed, Some(_)) => Observation::Transient { failures },
    }
}

impl Client for Product {
    type Ticket = Permit;

    fn poll(&mut self, now: Duration) -> Ask {
        match self.controller.poll(self.start + now) {
            Decision::Go => Ask::Send,
            Decision::WaitUntil(until) => Ask::WaitUntil(until.duration_since(self.start)),
            Decision::WaitForReply => Ask::WaitForReply,
        }
    }

    fn send(&mut self, now: Duration, _row: Row) -> Permit {
        self.controller.on_send(self.start + now)
    }

    fn reply(&mut self, now: Duration, permit: Permit, row: &mut Row, heard: &Heard) -> Next {
        let observation = observe(heard, *row);
        let reaction = self
            .controller
            .on_reply(self.start + now, permit, &observation);
        self.note_decisions();
        match reaction {
            Reaction::Done => Next::Done,
            Reaction::RetryWhenGateOpens => Next::RetryAt(now),
            Reaction::RetryAfter {
                delay,
                counts_as_attempt,
            } => {
                row.failures += u32::from(counts_as_attempt);
                Next::RetryAt(now + delay)
            }
        }
    }

    fn takes_failures_for_limit(&self) -> bool {
        self.takes_503_for_limit
    }

    fn state(&mut self, now: Duration) -> String {
        self.note_decisions();
        let seen = self.controller.snapshot(self.start + now);
        let events = std::mem::take(&mut self.unshown);
        let pace = seen.pace_per_s.unwrap_or(f64::INFINITY);
        format!(
            "window {} in flight {} pace {pace:.2} done {} refused {} {events:?}",
            seen.window, seen.in_flight, seen.accepted, seen.throttled
        )
    }
}
