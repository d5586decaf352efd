//! The controller of one limit key: asks gate, window and pace in that order.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::backoff::Backoff;
use super::breaker::Breaker;
use super::bucket::TokenBucket;
use super::cap::{CapWatch, Verdict};
use super::event::{CloseReason, LimitEvent};
use super::gate::Gate;
use super::learned::{LearnedLimit, LimitKind};
use super::measure::Measured;
use super::observation::{Decision, Permit};
use super::pace::Pace;
use super::retry_budget::RetryBudget;
use super::settings::LimitSettings;
use super::snapshot::{GateState, Snapshot};
use super::trouble::{Ending, TroubleWatch};
use super::window::Window;

/// Events nobody takes are dropped beyond this.
const MOST_EVENTS: usize = 1024;

/// State of one limit key. See the [module](super) for the idea.
///
/// Sans-IO: every call gets the time. Times may come slightly out of order
/// (lanes that raced for the lock); they never make anything earlier.
// Laid out as it is used, here and in its parts: what a request that is admitted
// touches lies together, so that the limits of a large job, which take turns,
// stay in the processor's cache (decision 009 has the figures).
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Controller {
    /// With what the trouble needs at refusals only, this fills a cache line.
    pub(super) first_refused_sent_s: f64,
    pub(super) trouble: TroubleWatch,
    pub(super) started_at: Instant,
    pub(super) in_flight: u32,
    /// Closings in a row that opened to nothing.
    pub(super) strikes: u32,
    pub(super) refused_in_a_row: u32,
    pub(super) breaker: Breaker,
    pub(super) retry_budget: RetryBudget,
    events: Vec<LimitEvent>,
    pub(super) gate: Gate,
    ceiling: Option<(f64, TokenBucket)>,
    pub(super) counters: Counters,
    pub(super) window: Window,
    pub(super) pace: Pace,
    // From here on what only refusals and waits need.
    pub(super) cap: CapWatch,
    pub(super) backoff: Backoff,
    pub(super) random: SmallRng,
}

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Counters {
    pub(super) granted: u64,
    pub(super) accepted: u64,
    pub(super) throttled: u64,
    pub(super) failed: u64,
    pub(super) closings: u64,
}

impl Controller {
    /// A controller that starts now. `seed` decides its jitter and nothing else.
    #[must_use]
    pub fn new(settings: LimitSettings, now: Instant, seed: u64) -> Self {
        let start = settings.starting_point;
        let cap = start
            .filter(|start| start.sure)
            .and_then(|start| start.concurrency_cap);
        let mut gate = Gate::new(now);
        if !settings.closed_for.is_zero() {
            // Nothing is learnt from a wait of which the beginning is unknown.
            gate.close(now, settings.closed_for, CloseReason::Unavailable);
        }
        Self {
            started_at: now,
            random: SmallRng::seed_from_u64(seed),
            gate,
            window: Window::starting_at(0.0, settings.concurrency, settings.max_in_flight, cap),
            pace: Pace::new(0.0, settings.share, start.as_ref()),
            cap: CapWatch::default(),
            ceiling: settings
                .max_rate
                .map(|rate| (rate.requests_per_second(), TokenBucket::new(0.0))),
            backoff: Backoff::default(),
            retry_budget: RetryBudget::default(),
            in_flight: 0,
            strikes: 0,
            refused_in_a_row: 0,
            first_refused_sent_s: 0.0,
            breaker: Breaker::default(),
            trouble: TroubleWatch::default(),
            counters: Counters::default(),
            events: Vec::new(),
        }
    }

    /// May one more request be sent? Follow a [`Decision::Go`] by
    /// [`on_send`](Self::on_send) at the same time, under the same lock.
    pub fn poll(&mut self, now: Instant) -> Decision {
        if let Some(closing) = self.gate.closing() {
            if now < closing.until {
                return Decision::WaitUntil(closing.until);
            }
            self.reopen(now);
        }
        if self.in_flight >= self.window.places() {
            self.window.note_window_bound();
            return Decision::WaitForReply;
        }
        let now_s = self.seconds(now);
        let mut wait_s = self.pace.wait_s(now_s);
        if wait_s > 0.0 && self.pace.is_known(now_s) {
            self.window.note_pace_bound();
        }
        if let Some((rate_per_s, bucket)) = &mut self.ceiling {
            bucket.refill(now_s, *rate_per_s);
            wait_s = wait_s.max(bucket.wait_s(*rate_per_s));
        }
        if wait_s > 0.0 {
            return Decision::WaitUntil(after(now, wait_s));
        }
        Decision::Go
    }

    /// A request leaves: takes a place in the window and a token of the pace.
    pub fn on_send(&mut self, now: Instant) -> Permit {
        debug_assert!(
            self.gate.is_open(),
            "a request was sent while the gate is closed"
        );
        self.in_flight += 1;
        self.counters.granted += 1;
        if self.pace.is_untried() {
            self.pace.begin(self.seconds(now));
        }
        self.pace.take();
        self.retry_budget.deposit();
        if let Some((_, bucket)) = &mut self.ceiling {
            bucket.take();
        }
        Permit {
            sent_at: now,
            number: self.counters.granted,
        }
    }

    /// Whether a request that was granted some time ago may still be sent: the
    /// gate hasn't closed since.
    #[must_use]
    pub fn honours(&self, permit: &Permit) -> bool {
        self.is_open() && permit.sent_at >= self.gate.reopened_at
    }

    /// Whether the gate is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// The request never left: place and token go back, nothing is learnt.
    pub fn abandon(&mut self, now: Instant, permit: Permit) {
        self.release();
        self.counters.granted = self.counters.granted.saturating_sub(1);
        if self.gate.is_open() && permit.sent_at >= self.gate.reopened_at && now >= permit.sent_at {
            self.pace.give_back();
            if let Some((_, bucket)) = &mut self.ceiling {
                bucket.give_back();
            }
        }
    }

    /// What is worth showing, as of `now`.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let gate = self
            .gate
            .closing()
            .map_or(GateState::Open, |closing| GateState::Closed {
                until: closing.until,
                reason: closing.reason,
            });
        Snapshot {
            window: self.window.places(),
            in_flight: self.in_flight,
            gate,
            pace_per_s: self.pace.rate_per_s(self.seconds(now)),
            learned_limit: self.learned_limit(now),
            granted: self.counters.granted,
            accepted: self.counters.accepted,
            throttled: self.counters.throttled,
            failed: self.counters.failed,
            closings: self.counters.closings,
            breaker_open: self.breaker.is_open,
        }
    }

    fn learned_limit(&self, now: Instant) -> Option<LearnedLimit> {
        let cycles = &self.pace.measure.cycles;
        let now_s = self.seconds(now);
        let cap = self.cap.cap();
        let told = self.pace.told(now_s);
        let (rate_per_s, sure, kind) = match (self.pace.learnt(), told, cap) {
            (Some((rate_per_s, sure)), _, _) => {
                let long = cycles.name_windows();
                (
                    rate_per_s,
                    sure,
                    if long {
                        LimitKind::Window
                    } else {
                        LimitKind::TokenBucket
                    },
                )
            }
            (None, Some(rate_per_s), _) => (rate_per_s, true, LimitKind::Told),
            (None, None, Some(_)) => {
                let rate_per_s = self.counters.accepted as f64 / now_s.max(1e-3);
                (rate_per_s, true, LimitKind::ConcurrencyCap)
            }
            (None, None, None) => return None,
        };
        Some(LearnedLimit {
            rate_per_s,
            burst: cycles.burst(),
            window_s: None,
            window_starts: None,
            longest_wait_s: cycles.longest_wait_s(),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of places"
            )]
            concurrency_cap: cap.map(|places| places as u32),
            kind,
            sure,
        })
    }

    /// The decisions made since the last call, oldest first. Allocates nothing
    /// when there are none.
    pub fn take_events(&mut self) -> Vec<LimitEvent> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn emit(&mut self, event: LimitEvent) {
        if self.events.len() < MOST_EVENTS {
            self.events.push(event);
        }
    }

    pub(super) fn seconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.started_at).as_secs_f64()
    }

    pub(super) fn release(&mut self) {
        debug_assert!(self.in_flight > 0, "a permit was given back twice");
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn reopen(&mut self, now: Instant) {
        let Some(ended) = self.gate.reopen(now) else {
            return;
        };
        let now_s = self.seconds(now);
        let closed_for = now.saturating_duration_since(ended.since);
        self.emit(LimitEvent::GateReopened { closed_for });
        let ending = match ended.reason {
            CloseReason::Throttled | CloseReason::NothingGetsThrough => Ending::Quota,
            CloseReason::Unavailable => Ending::WaitNamed,
            CloseReason::Failing => Ending::Failing,
        };
        let closed_at_s = self.seconds(ended.since);
        self.breaker.end_run();
        if self.trouble.on_reopen(now_s, closed_at_s, ending) {
            self.take_503_as_limit(now_s);
        }
        if ended.reason.is_quota() {
            let wait_told = ended.reason == CloseReason::Throttled;
            self.learn(now_s, closed_for.as_secs_f64(), wait_told);
            if self.strikes == 0 {
                self.trouble.trust(&self.pace);
            }
        } else {
            // A server that was away: the time says nothing about its quota.
            self.window.restart_slowly(now_s, None);
            self.pace.restart(now_s);
        }
        self.window.on_reopen(now_s);
        self.refused_in_a_row = 0;
    }

    fn learn(&mut self, now_s: f64, wait_s: f64, wait_told: bool) {
        match self.cap.judge() {
            Verdict::Cap { cap, target } => {
                self.window.set_cap(now_s, target);
                self.pace.continue_cycle(now_s, wait_s);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a number of places"
                )]
                let in_flight = cap as u32;
                self.emit(LimitEvent::ConcurrencyCapMet { in_flight });
            }
            Verdict::Quota => {
                self.window.drop_cap();
                let Measured {
                    rate_per_s, sure, ..
                } = self.pace.learn(now_s, wait_s, wait_told);
                self.emit(LimitEvent::PaceLearned { rate_per_s, sure });
            }
        }
    }
}

/// `now` plus seconds, rounded up to the next nanosecond so that a waker at
/// that moment finds the token there.
fn after(now: Instant, seconds: f64) -> Instant {
    let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1));
    now + wait + Duration::from_nanos(1)
}
