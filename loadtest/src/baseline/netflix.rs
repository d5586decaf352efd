//! The AIMD limit of Netflix's concurrency-limits with its defaults, under a pool of workers that obey `Retry-After`.
//!
//! The limit starts at 20 and stays between 20 and 200: one more for each success while at least half of it is in use,
//! a tenth less for each drop, which is a refusal, a failure or a reply slower than 5 s. The library bounds requests and
//! leaves retries to its caller: here, each of 200 workers sleeps for its own row.

use std::time::Duration;

use super::retry::{doubling, whole_seconds};
use super::rows_under_way::RowsUnderWay;
use super::{Answer, Ask, Attempt, Next, Rule};
use crate::tenant::dice::Dice;

const LEAST: f64 = 20.0;
const MOST: f64 = 200.0;
const BACKOFF: f64 = 0.9;
const TOO_SLOW: Duration = Duration::from_secs(5);
const WORKERS: usize = 200;

/// Netflix's rule.
#[derive(Debug)]
pub struct NetflixAimd {
    limit: f64,
    rows: RowsUnderWay,
    dice: Dice,
}

impl NetflixAimd {
    /// The seed is that of the backoff's jitter.
    pub fn new(seed: u64) -> Self {
        NetflixAimd {
            limit: LEAST,
            rows: RowsUnderWay::new(WORKERS),
            dice: Dice::new(seed),
        }
    }
}

impl Rule for NetflixAimd {
    fn poll(&mut self, now: Duration) -> Ask {
        if self.rows.in_flight >= self.limit as usize {
            return Ask::WaitForReply;
        }
        self.rows.ask(now)
    }

    fn on_send(&mut self, attempt: Attempt) {
        self.rows.sent(attempt.number);
    }

    fn on_reply(&mut self, now: Duration, attempt: Attempt, answer: Answer<'_>) -> Next {
        let half_used = self.rows.in_flight as f64 * 2.0 >= self.limit;
        self.rows.answered();
        let slow = now.saturating_sub(attempt.sent_at) > TOO_SLOW;
        if answer != Answer::Done || slow {
            self.limit = (self.limit * BACKOFF).max(LEAST);
        } else if half_used {
            self.limit = (self.limit + 1.0).min(MOST);
        }
        let told = match answer {
            Answer::Done => return Next::Done,
            Answer::Refused { retry_after } => whole_seconds(retry_after),
            Answer::Failed => None,
        };
        let awake_at = now + told.unwrap_or_else(|| doubling(attempt.number, &mut self.dice));
        self.rows.sleeps_until(awake_at);
        Next::RetryAt(awake_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_grows_with_use_and_never_falls_below_twenty() {
        let mut rule = NetflixAimd::new(1);
        let mut now = Duration::ZERO;
        for _ in 0..100 {
            let attempt = Attempt {
                sent_at: now,
                number: 1,
            };
            while rule.poll(now) == Ask::Send {
                rule.on_send(attempt);
            }
            now += Duration::from_millis(80);
            assert_eq!(rule.on_reply(now, attempt, Answer::Done), Next::Done);
        }
        assert_eq!(rule.limit, 120.0);
        let attempt = Attempt {
            sent_at: now,
            number: 1,
        };
        for _ in 0..30 {
            rule.on_reply(now, attempt, Answer::Failed);
        }
        assert_eq!(rule.limit, LEAST);
    }

    #[test]
    fn when_every_worker_sleeps_nothing_is_sent() {
        let mut rule = NetflixAimd::new(1);
        let first = Attempt {
            sent_at: Duration::ZERO,
            number: 1,
        };
        let refused = Answer::Refused {
            retry_after: Some("60"),
        };
        for _ in 0..WORKERS {
            assert_eq!(rule.poll(Duration::ZERO), Ask::Send);
            rule.on_send(first);
            rule.on_reply(Duration::ZERO, first, refused);
        }
        let minute = Duration::from_secs(60);
        assert_eq!(rule.poll(Duration::ZERO), Ask::WaitUntil(minute));
        assert_eq!(rule.poll(minute), Ask::Send);
    }
}
