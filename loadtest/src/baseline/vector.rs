//! Vector's adaptive concurrency, as its description has it: every attempt is measured.
//!
//! The limit starts at 1 and stays at most 200. Once in each mean round trip it grows by one, if it was reached, nothing
//! pushed back and the last interval's mean is no slower than the average before; it shrinks by a tenth after push-back
//! or a round trip of 2.5 deviations above that average (weighted by 0.4). A `Retry-After` is not read: a row comes again
//! after 1, 2, 3, 5, … s, at most 30 s, with full jitter. In Vector's shipped order of layers the controller sees
//! retries as one slow success; this is the order that its documentation means, which does better.

use std::time::Duration;

use super::rows_under_way::RowsUnderWay;
use super::{Answer, Ask, Attempt, Next, Rule};
use crate::tenant::dice::Dice;

const MOST: usize = 200;
const DECREASE: f64 = 0.9;
const WEIGHT: f64 = 0.4;
const DEVIATIONS: f64 = 2.5;
const LONGEST_RETRY_S: u32 = 30;
/// Rows begun and not done; as many as the other rules have.
const MOST_ROWS: usize = 200;

/// A weighted mean and variance of round trips, in seconds.
#[derive(Clone, Copy, Debug)]
struct Past {
    mean_s: f64,
    variance: f64,
}

/// Vector's rule.
#[derive(Debug)]
pub struct VectorArc {
    limit: usize,
    rows: RowsUnderWay,
    reached: bool,
    pushed_back: bool,
    /// Sum and count of the interval's round trips.
    current: (f64, u32),
    past: Option<Past>,
    next_update: Duration,
    dice: Dice,
}

impl VectorArc {
    /// The seed is that of the retries' jitter.
    pub fn new(seed: u64) -> Self {
        VectorArc {
            limit: 1,
            rows: RowsUnderWay::new(MOST_ROWS),
            reached: false,
            pushed_back: false,
            current: (0.0, 0),
            past: None,
            next_update: Duration::ZERO,
            dice: Dice::new(seed),
        }
    }

    fn measure(&mut self, now: Duration, round_trip: Duration) {
        self.current.0 += round_trip.as_secs_f64();
        self.current.1 += 1;
        let mean_s = self.current.0 / f64::from(self.current.1);
        let Some(past) = &mut self.past else {
            self.past = Some(Past {
                mean_s,
                variance: 0.0,
            });
            self.next_update = now + Duration::from_secs_f64(mean_s);
            return;
        };
        if now < self.next_update {
            return;
        }
        let too_slow = mean_s >= past.mean_s + DEVIATIONS * past.variance.sqrt();
        let no_slower = mean_s <= past.mean_s;
        if self.reached && !self.pushed_back && no_slower {
            self.limit = (self.limit + 1).min(MOST);
        } else if self.pushed_back || too_slow {
            self.limit = ((self.limit as f64 * DECREASE) as usize).max(1);
        }
        let change = WEIGHT * (mean_s - past.mean_s);
        past.variance = (1.0 - WEIGHT) * (past.variance + (mean_s - past.mean_s) * change);
        past.mean_s += change;
        self.next_update = now + Duration::from_secs_f64(past.mean_s);
        (self.reached, self.pushed_back) = (false, false);
        self.current = (0.0, 0);
    }

    /// The row's retry as a Fibonacci number of seconds, any part of it.
    fn retry(&mut self, attempt: u32) -> Duration {
        let (mut this, mut next) = (1_u32, 2_u32);
        for _ in 1..attempt {
            (this, next) = (next, this.saturating_add(next));
        }
        let most_s = f64::from(this.min(LONGEST_RETRY_S));
        Duration::from_secs_f64(most_s * self.dice.share())
    }
}

impl Rule for VectorArc {
    fn poll(&mut self, now: Duration) -> Ask {
        if self.rows.in_flight < self.limit {
            return self.rows.ask(now);
        }
        self.reached = true;
        Ask::WaitForReply
    }

    fn on_send(&mut self, attempt: Attempt) {
        self.rows.sent(attempt.number);
    }

    fn on_reply(&mut self, now: Duration, attempt: Attempt, answer: Answer<'_>) -> Next {
        self.rows.answered();
        self.pushed_back |= answer != Answer::Done;
        self.measure(now, now.saturating_sub(attempt.sent_at));
        if answer == Answer::Done {
            Next::Done
        } else {
            let due = now + self.retry(attempt.number);
            self.rows.sleeps_until(due);
            Next::RetryAt(due)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Full rounds of one length; eighths of a second add up exactly, so that equal means are equal.
    fn rounds(
        rule: &mut VectorArc,
        now: &mut Duration,
        count: u32,
        millis: u64,
        answer: Answer<'_>,
    ) {
        for _ in 0..count {
            let attempt = Attempt {
                sent_at: *now,
                number: 1,
            };
            while rule.poll(*now) == Ask::Send {
                rule.on_send(attempt);
            }
            *now += Duration::from_millis(millis);
            while rule.rows.in_flight > 0 {
                rule.on_reply(*now, attempt, answer);
            }
        }
    }

    #[test]
    fn steady_round_trips_grow_the_limit_by_one_each_and_push_back_shrinks_it() {
        let mut rule = VectorArc::new(1);
        let mut now = Duration::ZERO;
        rounds(&mut rule, &mut now, 30, 125, Answer::Done);
        let grown = rule.limit;
        assert!((20..=31).contains(&grown), "{grown}");
        rounds(&mut rule, &mut now, 1, 125, Answer::Failed);
        assert_eq!(rule.limit, grown * 9 / 10);
    }

    #[test]
    fn a_slower_tenant_shrinks_the_limit() {
        let mut rule = VectorArc::new(1);
        let mut now = Duration::ZERO;
        rounds(&mut rule, &mut now, 30, 125, Answer::Done);
        let grown = rule.limit;
        rounds(&mut rule, &mut now, 1, 500, Answer::Done);
        assert!(rule.limit < grown, "{} of {grown}", rule.limit);
    }

    #[test]
    fn retries_follow_fibonacci_up_to_half_a_minute() {
        let mut rule = VectorArc::new(1);
        for (attempt, most_s) in [
            (1, 1.0),
            (2, 2.0),
            (3, 3.0),
            (4, 5.0),
            (9, 30.0),
            (90, 30.0),
        ] {
            let waits: Vec<f64> = (0..200)
                .map(|_| rule.retry(attempt).as_secs_f64())
                .collect();
            assert!(waits.iter().all(|wait_s| *wait_s <= most_s), "{attempt}");
            assert!(
                waits.iter().any(|wait_s| *wait_s > 0.8 * most_s),
                "{attempt}"
            );
        }
    }
}
