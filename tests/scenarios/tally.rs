//! What one process of a client did.

use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub sent: u64,
    pub done: u64,
    pub refused: u64,
    pub failed: u64,
    /// Failures that the client held against one row, at most.
    pub most_failures: u32,
    /// Whether the client ended by taking failures for a limit.
    pub taken_for_limit: bool,
    /// Rows given up.
    pub lost: u64,
    /// Requests sent before a stated wait was over.
    pub undercuts: u64,
    pub in_flight: u32,
    pub most_in_flight: u32,
    /// Refusals of requests sent after the first one had been obeyed.
    pub refused_after_first: u64,
    /// When the last row was done.
    pub finished: Duration,
    /// Rows done in each second.
    pub done_in_second: Vec<u32>,
    forbidden_until: Duration,
    first_refusal_over: Option<Duration>,
}

impl Tally {
    pub fn note_sent(&mut self, now: Duration) {
        self.sent += 1;
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        self.undercuts += u64::from(now < self.forbidden_until);
    }

    pub fn note_done(&mut self, now: Duration) {
        self.done += 1;
        self.finished = now;
        let second = now.as_secs() as usize;
        if self.done_in_second.len() <= second {
            self.done_in_second.resize(second + 1, 0);
        }
        self.done_in_second[second] += 1;
    }

    /// A wait was asked for, from now.
    pub fn note_wait(&mut self, now: Duration, wait: Duration) {
        self.forbidden_until = self.forbidden_until.max(now + wait);
    }

    pub fn note_refused(&mut self, sent_at: Duration, now: Duration, wait: Duration) {
        self.refused += 1;
        let over = *self.first_refusal_over.get_or_insert(now + wait);
        self.refused_after_first += u64::from(sent_at >= over);
    }

    /// Rows done from one second to another.
    pub fn done_between(&self, from_s: usize, to_s: usize) -> u64 {
        let seconds = self.done_in_second.iter().skip(from_s);
        let span = seconds.take(to_s.saturating_sub(from_s));
        span.map(|count| u64::from(*count)).sum()
    }
}
