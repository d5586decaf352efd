//! What a failure changes: a `503`, another failure of the server, a broken
//! connection.

use std::time::{Duration, Instant};

use super::controller::Controller;
use super::event::{CloseReason, LimitEvent};
use super::observation::{Permit, Reaction};
use super::reply::{LEAST_WAIT, own_wait_s};

/// First wait when everything fails.
const FAILING_S: f64 = 0.5;

impl Controller {
    /// A `503`, with or without a wait.
    pub(super) fn unavailable(
        &mut self,
        now: Instant,
        permit: &Permit,
        asked: Option<Duration>,
        failures: u32,
    ) -> Reaction {
        self.counters.failed += 1;
        let now_s = self.seconds(now);
        if self.trouble.is_limit(now_s) {
            self.doubt_the_limit(now_s, permit);
        }
        let is_limit = self.trouble.is_limit(now_s);
        if let Some(wait) = asked {
            // What asks from before the last reopening still asks.
            if is_limit && !self.is_stale(permit) {
                return self.throttled(now, permit, wait);
            }
            self.note_failure(now, permit, true);
            let at_least = wait.max(LEAST_WAIT);
            self.close(now, at_least, CloseReason::Unavailable, Some(wait));
            return Reaction::RetryAfter {
                delay: self.retry_delay(now, failures).max(wait),
                counts_as_attempt: !is_limit,
            };
        }
        if is_limit {
            return self.refused(now, permit);
        }
        if !self.note_failure(now, permit, true) || !self.breaker.everything_fails(self.in_flight) {
            return self.failed_reaction(now, failures);
        }
        if self.trouble.ends_like_a_limit(now_s) {
            self.take_503_as_limit(now_s);
            return self.refused(now, permit);
        }
        self.open_breaker(now);
        self.failed_reaction(now, failures)
    }

    /// Another 5xx, or a time-out.
    pub(super) fn failed(&mut self, now: Instant, permit: &Permit, failures: u32) -> Reaction {
        self.counters.failed += 1;
        if self.note_failure(now, permit, false) && self.breaker.everything_fails(self.in_flight) {
            self.open_breaker(now);
        }
        self.failed_reaction(now, failures)
    }

    /// A connection that couldn't be made, or broke before a reply. While
    /// others work, there were too many of them: each takes a place away, and
    /// the gate stays open. Whether others work shows only once every place
    /// has had its answer; until then the loss is provisional.
    pub(super) fn unreached(&mut self, now: Instant, permit: &Permit, failures: u32) -> Reaction {
        self.counters.failed += 1;
        if self.note_failure(now, permit, false) {
            let now_s = self.seconds(now);
            let too_many = self.breaker.note_broken()
                && self.trouble.lets_through()
                && self.window.is_binding();
            let everything_fails = if too_many {
                self.window.lose_connection(now_s);
                self.breaker.no_connection_works()
            } else {
                self.breaker.everything_fails(self.in_flight)
            };
            if everything_fails {
                self.window.grow_back(now_s, self.breaker.size_before());
                self.open_breaker(now);
            }
        }
        self.failed_reaction(now, failures)
    }

    /// Notes it for the breaker. Whether it may open for it.
    fn note_failure(&mut self, now: Instant, permit: &Permit, is_unavailable: bool) -> bool {
        if permit.sent_at < self.gate.reopened_at {
            return false;
        }
        let (now_s, sent_at_s) = (self.seconds(now), self.seconds(permit.sent_at));
        self.trouble.on_failed(now_s, sent_at_s, is_unavailable);
        self.breaker.on_failed(self.window.size());
        self.gate.is_open()
    }

    fn failed_reaction(&mut self, now: Instant, failures: u32) -> Reaction {
        Reaction::RetryAfter {
            delay: self.retry_delay(now, failures),
            counts_as_attempt: true,
        }
    }

    fn open_breaker(&mut self, now: Instant) {
        if !self.breaker.is_open {
            self.breaker.is_open = true;
            self.emit(LimitEvent::BreakerOpened {
                failures_in_a_row: self.breaker.failed_in_a_row(),
            });
        }
        self.strikes += 1;
        let wait = Duration::from_secs_f64(own_wait_s(FAILING_S, self.strikes));
        self.close(now, wait, CloseReason::Failing, None);
    }

    /// From now on a `503` is what a `429` of the same form would be.
    pub(super) fn take_503_as_limit(&mut self, now_s: f64) {
        self.breaker.end_run();
        self.trouble.take_as_limit(now_s, &self.pace);
        self.emit(LimitEvent::UnavailableIsLimit);
    }

    /// Goes back to the pace of before where a `503` turns out to be trouble.
    fn doubt_the_limit(&mut self, now_s: f64, permit: &Permit) {
        if !self.gate.is_open() || self.is_stale(permit) {
            return;
        }
        let sent_at_s = self.seconds(permit.sent_at);
        let pace_binds = self.window.is_pace_binding();
        let pace = (&self.pace, pace_binds);
        let trusted = self.trouble.doubt(now_s, sent_at_s, self.strikes, pace);
        if let Some(pace) = trusted {
            self.pace = pace;
            self.pace.restart(now_s);
            self.emit(LimitEvent::UnavailableIsTrouble);
        }
    }
}
