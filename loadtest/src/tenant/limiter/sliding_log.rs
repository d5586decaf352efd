//! So many requests in any window of the past: the log of their times slides along.

use std::collections::VecDeque;
use std::time::Duration;

use super::traits::scaled;
use super::{Limiter, Rejection, Standing};

/// A log of the requests of the last window.
#[derive(Clone, Debug)]
pub struct SlidingLog {
    configured: u64,
    requests: usize,
    window: Duration,
    count_rejected: bool,
    log: VecDeque<Duration>,
}

impl SlidingLog {
    /// `requests` (at least 1) in any `window`. With `count_rejected`, refused requests fill the log as well, so a client
    /// that hammers on is never let in.
    pub fn new(requests: u64, window: Duration, count_rejected: bool) -> Self {
        let requests = requests.max(1);
        SlidingLog {
            configured: requests,
            requests: requests as usize,
            window,
            count_rejected,
            log: VecDeque::new(),
        }
    }

    fn expire(&mut self, now: Duration) {
        while self
            .log
            .front()
            .is_some_and(|time| *time + self.window <= now)
        {
            self.log.pop_front();
        }
    }

    /// Time until so much of the log has expired that one more fits.
    fn wait(&self, now: Duration) -> Duration {
        match self.log.len().checked_sub(self.requests) {
            Some(last_in_the_way) => self.log[last_in_the_way] + self.window - now,
            None => Duration::ZERO,
        }
    }
}

impl Limiter for SlidingLog {
    fn check(&mut self, now: Duration) -> Result<(), Rejection> {
        self.expire(now);
        if self.log.len() < self.requests {
            Ok(())
        } else {
            Err(Rejection {
                wait: self.wait(now),
            })
        }
    }

    fn take(&mut self, now: Duration) {
        self.log.push_back(now);
    }

    fn refused(&mut self, now: Duration, rejection: Rejection) -> Rejection {
        if !self.count_rejected {
            return rejection;
        }
        self.log.push_back(now);
        Rejection {
            wait: self.wait(now),
        }
    }

    fn scale(&mut self, _now: Duration, factor: f64) {
        self.requests = scaled(self.configured, factor) as usize;
    }

    fn standing(&mut self, now: Duration) -> Option<Standing> {
        self.expire(now);
        let last = self
            .log
            .back()
            .map_or(Duration::ZERO, |last| *last + self.window - now);
        Some(Standing {
            limit: self.requests as u64,
            remaining: self.requests.saturating_sub(self.log.len()) as u64,
            reset: last,
            window: self.window,
        })
    }

    fn is_idle(&mut self, now: Duration) -> bool {
        self.expire(now);
        self.log.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn no_window_of_the_past_holds_more_than_the_limit() {
        let mut limit = SlidingLog::new(2, at(10), false);
        assert_eq!(limit.admit(at(0)), Ok(()));
        assert_eq!(limit.admit(at(8)), Ok(()));
        assert_eq!(limit.admit(at(9)), Err(Rejection { wait: at(1) }));
        assert_eq!(limit.admit(at(10)), Ok(()));
        assert_eq!(limit.admit(at(11)), Err(Rejection { wait: at(7) }));
        assert_eq!(
            limit.standing(at(11)).map(|standing| standing.reset),
            Some(at(9))
        );
    }

    #[test]
    fn counted_refusals_push_the_time_out() {
        let mut limit = SlidingLog::new(1, at(10), true);
        assert_eq!(limit.admit(at(0)), Ok(()));
        assert_eq!(limit.admit(at(4)), Err(Rejection { wait: at(10) }));
        assert_eq!(limit.admit(at(10)), Err(Rejection { wait: at(10) }));
        assert_eq!(limit.admit(at(20)), Ok(()));
    }

    #[test]
    fn a_flood_gets_exactly_the_limit() {
        let mut limit = SlidingLog::new(30, at(60), false);
        let admitted = (0..60_000)
            .filter(|step| limit.admit(Duration::from_millis(step * 10)).is_ok())
            .count();
        assert_eq!(admitted, 300);
    }

    #[test]
    fn a_halved_log_waits_for_the_surplus_as_well() {
        let mut limit = SlidingLog::new(4, at(10), false);
        for second in 0..4 {
            limit.admit(at(second)).expect("within the limit");
        }
        limit.scale(at(4), 0.5);
        assert_eq!(limit.admit(at(4)), Err(Rejection { wait: at(8) }));
        assert!(!limit.is_idle(at(12)));
        assert!(limit.is_idle(at(13)));
    }
}
