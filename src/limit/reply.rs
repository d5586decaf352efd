//! What a reply changes.

use std::time::{Duration, Instant};

use rand::RngExt;

use super::cap::Suspicion;
use super::controller::Controller;
use super::event::{CloseReason, LimitEvent};
use super::hints::Hint;
use super::observation::{Observation, Permit, Reaction};
use super::told::Word;
use super::window::StepEnd;

/// The server's word, but at least this: "0" would be a busy loop.
pub(super) const LEAST_WAIT: Duration = Duration::from_millis(250);
/// Spread over clients that were told the same moment.
const SPREAD_S: f64 = 0.05;
/// A wait proven too short twice in a row grows by this factor a time.
const LENGTHENING: f64 = 1.5;
const PATIENT_STRIKES: u32 = 2;
const MOST_LENGTHENINGS: u32 = 8;
/// A refusal without a wait, amid successes: this record comes again then.
const REFUSED_RETRY: Duration = Duration::from_millis(50);
/// First wait when nothing gets through.
const NOTHING_GETS_THROUGH_S: f64 = 0.25;
/// A pace that is just above its limit is refused once or twice in a row.
const FEW_TOO_SOON: u32 = 2;
const LONGEST_OWN_WAIT_S: f64 = 30.0;
/// A pause of this length is told to the user.
const LONG_PAUSE: Duration = Duration::from_secs(15 * 60);

impl Controller {
    /// A reply, or its absence. Frees the place and says what becomes of the
    /// record. O(1).
    pub fn on_reply(&mut self, now: Instant, permit: Permit, reply: &Observation) -> Reaction {
        self.release();
        match *reply {
            Observation::Accepted { hint } | Observation::Neutral { hint } => {
                self.heed(now, &permit, hint);
                self.admitted(now, &permit);
                Reaction::Done
            }
            Observation::Throttled { retry_after, hint } => {
                self.heed(now, &permit, hint);
                self.counters.throttled += 1;
                self.breaker.end_run();
                match retry_after {
                    Some(wait) => self.throttled(now, &permit, wait),
                    None => self.refused(now, &permit),
                }
            }
            Observation::Unavailable {
                retry_after,
                failures,
            } => self.unavailable(now, &permit, retry_after, failures),
            Observation::Transient { failures } => self.failed(now, &permit, failures),
            Observation::Unreached { failures } => self.unreached(now, &permit, failures),
        }
    }

    fn heed(&mut self, now: Instant, permit: &Permit, hint: Option<Hint>) {
        if let Some(Hint {
            remaining: Some(remaining),
            resets_in: Some(resets_in),
            ..
        }) = hint
        {
            let now_s = self.seconds(now);
            // What was sent since will be counted there, too.
            let sent = self.counters.granted;
            let uncounted = sent.saturating_sub(permit.number);
            let word = Word {
                left: (remaining - uncounted as f64).max(0.0),
                sent: sent as f64,
                resets_in_s: resets_in.as_secs_f64(),
            };
            self.pace.tell(now_s, word);
        }
    }

    fn admitted(&mut self, now: Instant, permit: &Permit) {
        self.counters.accepted += 1;
        self.refused_in_a_row = 0;
        self.strikes = 0;
        if self.breaker.is_open && permit.sent_at >= self.gate.reopened_at && self.gate.is_open() {
            self.breaker.is_open = false;
            self.emit(LimitEvent::BreakerClosed);
        }
        let (now_s, sent_at_s) = (self.seconds(now), self.seconds(permit.sent_at));
        self.breaker.on_accepted();
        self.trouble.on_accepted(now_s, sent_at_s);
        self.pace.measure.count_accepted(sent_at_s);
        if self.gate.is_open() {
            let end = self.window.on_accepted(now_s, sent_at_s);
            self.end_step(now_s, end);
        } else {
            self.cap.on_reply(sent_at_s, true);
        }
    }

    /// A reply to a request from before the last reopening tells old news.
    pub(super) fn is_stale(&self, permit: &Permit) -> bool {
        self.gate.is_open() && permit.sent_at < self.gate.reopened_at
    }

    pub(super) fn throttled(&mut self, now: Instant, permit: &Permit, asked: Duration) -> Reaction {
        if self.is_stale(permit) {
            // The gate stays open, but this record was asked to wait by name.
            return Reaction::RetryAfter {
                delay: asked,
                counts_as_attempt: false,
            };
        }
        self.note_refusal(now, permit);
        self.count_strike();
        let lengthenings = self
            .strikes
            .saturating_sub(PATIENT_STRIKES)
            .min(MOST_LENGTHENINGS);
        let factor = LENGTHENING.powi(i32::try_from(lengthenings).unwrap_or(0));
        let spread = Duration::from_secs_f64(SPREAD_S * self.random.random::<f64>());
        let wait = if lengthenings == 0 {
            asked.max(LEAST_WAIT)
        } else {
            Duration::try_from_secs_f64(asked.max(LEAST_WAIT).as_secs_f64() * factor)
                .unwrap_or(asked)
        };
        let wait = wait.saturating_add(spread);
        self.close(now, wait, CloseReason::Throttled, Some(asked));
        Reaction::RetryWhenGateOpens
    }

    pub(super) fn refused(&mut self, now: Instant, permit: &Permit) -> Reaction {
        let (now_s, sent_at_s) = (self.seconds(now), self.seconds(permit.sent_at));
        if !self.gate.is_open() {
            self.cap.on_reply(sent_at_s, false);
        } else if !self.is_stale(permit) {
            self.note_refusal(now, permit);
            // While the window binds, each refusal already takes a place away,
            // so nothing more is sent and there is time to see who is right.
            let window_binds = self.window.is_binding();
            let enough = if window_binds {
                self.in_flight
            } else {
                self.in_flight / 2
            };
            let too_soon = self.window.is_pace_binding() && !self.pace.waits_for_windows();
            let enough = if too_soon {
                enough.max(FEW_TOO_SOON)
            } else {
                enough
            };
            if self.refused_in_a_row > enough {
                self.count_strike();
                let wait = own_wait_s(NOTHING_GETS_THROUGH_S, self.strikes);
                let wait = wait * (1.0 + 0.2 * self.random.random::<f64>());
                let wait = Duration::from_secs_f64(wait);
                self.close(now, wait, CloseReason::NothingGetsThrough, None);
            } else {
                if self.window.is_pace_binding() {
                    self.pace.step_down(now_s, self.window.round_trip_s());
                }
                let end = self.window.on_refused(now_s, sent_at_s);
                self.end_step(now_s, end);
            }
        }
        Reaction::RetryAfter {
            delay: REFUSED_RETRY,
            counts_as_attempt: false,
        }
    }

    fn note_refusal(&mut self, now: Instant, permit: &Permit) {
        let sent_at_s = self.seconds(permit.sent_at);
        if !self.gate.is_open() {
            self.cap.on_reply(sent_at_s, false);
            return;
        }
        if self.refused_in_a_row == 0 {
            self.first_refused_sent_s = sent_at_s;
        }
        self.refused_in_a_row += 1;
        let now_s = self.seconds(now);
        self.pace.note_refusal(now_s, self.window.is_pace_binding());
    }

    /// The gate is about to close although nothing was admitted since it opened.
    fn count_strike(&mut self) {
        let had_closed = self.counters.closings > 0;
        if self.gate.is_open() && had_closed && self.pace.measure.accepted_in_cycle() < 0.5 {
            self.strikes += 1;
        }
    }

    pub(super) fn retry_delay(&mut self, now: Instant, failures: u32) -> Duration {
        let now_s = self.seconds(now);
        let extra = self.retry_budget.withdraw(now_s);
        self.backoff.delay(failures, &mut self.random) + extra
    }

    pub(super) fn close(
        &mut self,
        now: Instant,
        wait: Duration,
        reason: CloseReason,
        server_said: Option<Duration>,
    ) {
        let was_open = self.gate.is_open();
        let before = self.gate.closing().map(|closing| closing.until);
        let until = self.gate.close(now, wait, reason);
        self.cap.note_wait(wait.as_secs_f64());
        if was_open {
            self.counters.closings += 1;
            let now_s = self.seconds(now);
            if reason == CloseReason::Throttled {
                self.suspect_cap(now_s, wait.as_secs_f64());
            }
            if reason.is_quota() {
                self.window.on_quota_close(now_s);
            }
        }
        let lengthened = before.is_some_and(|before| until > before + Duration::from_secs(1));
        if was_open || lengthened {
            self.emit(LimitEvent::GateClosed {
                reason,
                until,
                server_said,
            });
            if wait > LONG_PAUSE {
                self.emit(LimitEvent::PausedUntil { until });
            }
        }
    }

    /// A quota or a cap? Only a window that binds, or the first approach, can
    /// have met a cap.
    fn suspect_cap(&mut self, now_s: f64, wait_s: f64) {
        let window_binds = self.window.is_binding();
        let outgrown = window_binds && (self.cap.cap().is_some() || self.window.has_just_grown());
        let may_be = (outgrown || self.counters.closings == 1)
            && !self.window.is_pace_binding()
            && self.pace.measure.accepted_in_cycle() > 0.5;
        if may_be {
            self.cap.suspect(
                now_s,
                Suspicion {
                    first_refused_sent_s: self.first_refused_sent_s,
                    window_binds,
                    just_stepped: self.window.has_just_stepped(),
                    in_flight: self.in_flight.max(1),
                    later_accepted: 0,
                    later_refused: self.refused_in_a_row.saturating_sub(1),
                    wait_s,
                    open_s: now_s - self.seconds(self.gate.reopened_at),
                    accepted: self.pace.measure.accepted_in_cycle(),
                },
            );
        }
    }

    fn end_step(&mut self, now_s: f64, end: StepEnd) {
        match end {
            StepEnd::Nothing => {}
            StepEnd::RateMet(rate_per_s) => {
                // A window so small held the rate down too.
                let sure = false;
                self.pace.adopt(now_s, rate_per_s, sure);
                self.emit(LimitEvent::PaceLearned { rate_per_s, sure });
            }
            StepEnd::PaceTooFast(refused_share) => self.pace.slow_down(now_s, refused_share),
            StepEnd::Cut(from) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a number of places"
                )]
                let from = from as u32;
                self.emit(LimitEvent::WindowCut {
                    from,
                    to: self.window.places(),
                });
            }
        }
    }
}

/// A wait without the server's word: doubles with each strike, to 30 s.
pub(super) fn own_wait_s(first_s: f64, strikes: u32) -> f64 {
    let doublings = i32::try_from(strikes.min(8)).unwrap_or(8);
    (first_s * 2f64.powi(doublings)).min(LONGEST_OWN_WAIT_S)
}
