//! The rules to compare with, as clients.

use std::time::Duration;

use loadtest::baseline::{self, Answer, Attempt};
use loadtest::tenant::Heard;

use super::client::{Ask, Client, Next, Row, Verdict};

/// One process of another program.
pub struct Other {
    rule: Box<dyn baseline::Rule>,
}

impl Other {
    pub fn new(make: baseline::MakeRule, seed: u64) -> Self {
        Self { rule: make(seed) }
    }
}

impl Client for Other {
    type Ticket = Attempt;

    fn poll(&mut self, now: Duration) -> Ask {
        match self.rule.poll(now) {
            baseline::Ask::Send => Ask::Send,
            baseline::Ask::WaitUntil(until) => Ask::WaitUntil(until),
            baseline::Ask::WaitForReply => Ask::WaitForReply,
        }
    }

    fn send(&mut self, now: Duration, row: Row) -> Attempt {
        let attempt = Attempt {
            sent_at: now,
            number: row.sent,
        };
        self.rule.on_send(attempt);
        attempt
    }

    fn reply(&mut self, now: Duration, attempt: Attempt, _row: &mut Row, heard: &Heard) -> Next {
        let retry_after = heard
            .headers
            .iter()
            .find(|(name, _)| *name == "retry-after")
            .map(|(_, value)| value.as_str());
        let answer = match Verdict::of(heard) {
            Verdict::Done => Answer::Done,
            Verdict::Refused => Answer::Refused { retry_after },
            Verdict::Failed => Answer::Failed,
        };
        match self.rule.on_reply(now, attempt, answer) {
            baseline::Next::Done => Next::Done,
            baseline::Next::Lost => Next::Lost,
            baseline::Next::RetryAt(at) => Next::RetryAt(at),
            baseline::Next::HoldUntil(at) => Next::HoldUntil(at),
        }
    }

    fn state(&mut self, _now: Duration) -> String {
        String::new()
    }
}
