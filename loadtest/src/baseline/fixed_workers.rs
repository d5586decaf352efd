//! So many workers, each on its own: the usual first program for such a job.
//!
//! Each takes a row and sends it. After a 429 that worker alone sleeps for the whole seconds of the `Retry-After`, else
//! 2 s doubled with each attempt and up to 2 s on top, and sends the row again: five times at most. Any other error loses
//! the row at once.

use std::time::Duration;

use super::retry::whole_seconds;
use super::{Answer, Ask, Attempt, Next, Rule};
use crate::tenant::dice::Dice;

const MOST_RETRIES: u32 = 5;
const BASE_DELAY_S: f64 = 2.0;

/// Workers that know nothing of each other.
#[derive(Debug)]
pub struct FixedWorkers {
    workers: usize,
    busy: usize,
    dice: Dice,
}

impl FixedWorkers {
    /// So many of them; the seed is that of the jitter.
    pub fn new(workers: usize, seed: u64) -> Self {
        FixedWorkers {
            workers,
            busy: 0,
            dice: Dice::new(seed),
        }
    }

    fn backoff(&mut self, attempt: u32) -> Duration {
        let doubled = BASE_DELAY_S * f64::from(1_u32 << (attempt - 1));
        Duration::from_secs_f64(doubled + BASE_DELAY_S * self.dice.share())
    }
}

impl Rule for FixedWorkers {
    fn poll(&mut self, _now: Duration) -> Ask {
        if self.busy < self.workers {
            Ask::Send
        } else {
            Ask::WaitForReply
        }
    }

    fn on_send(&mut self, attempt: Attempt) {
        // A worker that sleeps with its row stays busy.
        self.busy += usize::from(attempt.number == 1);
    }

    fn on_reply(&mut self, now: Duration, attempt: Attempt, answer: Answer<'_>) -> Next {
        if let Answer::Refused { retry_after } = answer
            && attempt.number <= MOST_RETRIES
        {
            let told = whole_seconds(retry_after);
            return Next::HoldUntil(now + told.unwrap_or_else(|| self.backoff(attempt.number)));
        }
        self.busy -= 1;
        if answer == Answer::Done {
            Next::Done
        } else {
            Next::Lost
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_sleeps_with_its_row_and_gives_up_after_five_retries() {
        let mut rule = FixedWorkers::new(2, 1);
        let attempt = |number| Attempt {
            sent_at: Duration::ZERO,
            number,
        };
        rule.on_send(attempt(1));
        rule.on_send(attempt(1));
        assert_eq!(rule.poll(Duration::ZERO), Ask::WaitForReply);
        let refused = Answer::Refused {
            retry_after: Some("7"),
        };
        let now = Duration::from_secs(1);
        assert_eq!(
            rule.on_reply(now, attempt(5), refused),
            Next::HoldUntil(Duration::from_secs(8))
        );
        assert_eq!(rule.poll(now), Ask::WaitForReply);
        assert_eq!(rule.on_reply(now, attempt(6), refused), Next::Lost);
        assert_eq!(rule.poll(now), Ask::Send);
        assert_eq!(rule.on_reply(now, attempt(1), Answer::Failed), Next::Lost);
    }

    #[test]
    fn a_date_is_not_read() {
        let mut rule = FixedWorkers::new(1, 1);
        let first = Attempt {
            sent_at: Duration::ZERO,
            number: 1,
        };
        rule.on_send(first);
        let refused = Answer::Refused {
            retry_after: Some("Tue, 14 Nov 2023 22:13:23 GMT"),
        };
        let Next::HoldUntil(until) = rule.on_reply(Duration::ZERO, first, refused) else {
            panic!("the worker keeps its row");
        };
        assert!((2.0..=4.0).contains(&until.as_secs_f64()), "{until:?}");
    }
}
