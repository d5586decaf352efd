//! Additive increase, multiplicative decrease on the requests in flight, and nothing else.
//!
//! One more a round trip while the window is full; half after a 429, once a round trip. A refused row waits out its own
//! `Retry-After`; the others go on meanwhile, since nothing holds the client as a whole back.

use std::time::Duration;

use super::retry::{doubling, whole_seconds};
use super::rows_under_way::RowsUnderWay;
use super::{Answer, Ask, Attempt, Next, Rule};
use crate::tenant::dice::Dice;

/// Larger windows than any tenant here serves.
const MOST: f64 = 1000.0;
/// Rows begun and not done; without a bound, new rows would be refused without end while the old ones wait.
const MOST_ROWS: usize = 200;

/// The textbook's window.
#[derive(Debug)]
pub struct PlainAimd {
    window: f64,
    rows: RowsUnderWay,
    /// Requests sent before the last cut say nothing about the window since.
    cut_at: Option<Duration>,
    dice: Dice,
}

impl PlainAimd {
    /// The seed is that of the backoff's jitter.
    pub fn new(seed: u64) -> Self {
        PlainAimd {
            window: 1.0,
            rows: RowsUnderWay::new(MOST_ROWS),
            cut_at: None,
            dice: Dice::new(seed),
        }
    }

    fn retry_at(&mut self, due: Duration) -> Next {
        self.rows.sleeps_until(due);
        Next::RetryAt(due)
    }
}

impl Rule for PlainAimd {
    fn poll(&mut self, now: Duration) -> Ask {
        if self.rows.in_flight >= self.window as usize {
            return Ask::WaitForReply;
        }
        self.rows.ask(now)
    }

    fn on_send(&mut self, attempt: Attempt) {
        self.rows.sent(attempt.number);
    }

    fn on_reply(&mut self, now: Duration, attempt: Attempt, answer: Answer<'_>) -> Next {
        let was_full = self.rows.in_flight >= self.window as usize;
        self.rows.answered();
        match answer {
            Answer::Done => {
                if was_full {
                    self.window = (self.window + 1.0 / self.window).min(MOST);
                }
                Next::Done
            }
            Answer::Refused { retry_after } => {
                if self.cut_at.is_none_or(|cut_at| attempt.sent_at >= cut_at) {
                    self.window = (self.window / 2.0).max(1.0);
                    self.cut_at = Some(now);
                }
                let told = whole_seconds(retry_after);
                let wait = told.unwrap_or_else(|| doubling(attempt.number, &mut self.dice));
                self.retry_at(now + wait)
            }
            Answer::Failed => {
                let wait = doubling(attempt.number, &mut self.dice);
                self.retry_at(now + wait)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn attempt(sent_at: Duration) -> Attempt {
        Attempt { sent_at, number: 1 }
    }

    #[test]
    fn the_window_grows_by_one_a_round_trip() {
        let mut rule = PlainAimd::new(1);
        let round_trip = Duration::from_millis(80);
        let mut under_way = VecDeque::new();
        let mut now = Duration::ZERO;
        while now < round_trip * 11 {
            while rule.poll(now) == Ask::Send {
                rule.on_send(attempt(now));
                under_way.push_back(now);
            }
            let sent_at = under_way.pop_front().expect("a request under way");
            now = sent_at + round_trip;
            assert_eq!(
                rule.on_reply(now, attempt(sent_at), Answer::Done),
                Next::Done
            );
        }
        assert!((9.0..=11.0).contains(&rule.window), "{}", rule.window);
    }

    #[test]
    fn refusals_of_one_round_trip_halve_the_window_once() {
        let mut rule = PlainAimd::new(1);
        rule.window = 12.0;
        let refused = Answer::Refused {
            retry_after: Some("2"),
        };
        for _ in 0..4 {
            rule.on_send(attempt(Duration::ZERO));
        }
        let now = Duration::from_millis(80);
        for _ in 0..4 {
            let next = rule.on_reply(now, attempt(Duration::ZERO), refused);
            assert_eq!(next, Next::RetryAt(now + Duration::from_secs(2)));
        }
        assert_eq!(rule.window, 6.0);
    }
}
