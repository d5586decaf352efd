//! The limit of a whole client, above those of its endpoints.
//!
//! Many tenants count twice: a route has its bucket, and the client has one
//! over all routes. While no reply has shown such a limit there is nothing to
//! ask: a lane looks at one flag and passes. The reply that shows it makes the
//! controller, from what the endpoints have counted so far; from then on a
//! request needs both permits.
//!
//! Which limit a refusal belongs to, the reply says where it can (it names the
//! bucket, or its rate-limit headers tell the same quota at every endpoint).
//! Where it doesn't, it is the endpoint's, and the client's too where two
//! endpoints are refused within a second: one tenant's two limits seldom end
//! together by chance. A wrong guess is cheap, since either limit learns its
//! own pace anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::limit::{
    Controller, GateState, Hint, LearnedLimit, LimitSettings, Observation, Permit, Reaction,
};

use super::shared_limit::{Decisions, LimitLevel, SharedLimit, of_level};
use super::told_quota::ToldQuota;

/// Refusals of two endpoints within this time are of one limit. Longer, and
/// limits that have nothing to do with each other are taken for one.
const TOGETHER: Duration = Duration::from_secs(1);
/// Requests from before the limit was met that are counted into its first
/// cycle, at most: telling them to the controller takes some 0.1 µs each.
const MOST_COUNTED: u64 = 200_000;

/// The client's limit; see the [module](self) for the idea.
#[derive(Debug)]
pub struct ClientLimit {
    settings: LimitSettings,
    started: Instant,
    seed: u64,
    /// Whether `met` holds a controller: all that a lane looks at before.
    is_met: AtomicBool,
    met: Mutex<Option<Met>>,
    endpoints: Mutex<Vec<Endpoint>>,
    told: Mutex<ToldQuota>,
    place_free: Notify,
}

/// What there is once the limit was met.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) controller: Controller,
    /// Permits of requests that were under way when it was met; each of their
    /// replies takes one.
    late: Vec<Permit>,
}

/// The limit while it is locked.
pub(super) type MetGuard<'limit> = MappedMutexGuard<'limit, Met>;

/// What is remembered of one endpoint.
#[derive(Debug)]
struct Endpoint {
    limit: Weak<SharedLimit>,
    refused_at: Option<Instant>,
    /// Requests a window, as its headers told last.
    told: Option<f64>,
}

impl ClientLimit {
    /// The limit of a client that starts now. With a starting point it is
    /// known to be there, and kept to from the first request.
    #[must_use]
    pub fn new(settings: LimitSettings, now: Instant, seed: u64) -> Arc<Self> {
        let is_known = settings.starting_point.is_some() || !settings.closed_for.is_zero();
        let known = is_known.then(|| Met {
            controller: Controller::new(settings.clone(), now, seed),
            late: Vec::new(),
        });
        Arc::new(Self {
            settings,
            started: now,
            seed,
            is_met: AtomicBool::new(known.is_some()),
            met: Mutex::new(known),
            endpoints: Mutex::default(),
            told: Mutex::default(),
            place_free: Notify::new(),
        })
    }

    /// One more endpoint; gives its number.
    pub(super) fn enrol(&self, limit: Weak<SharedLimit>) -> usize {
        let mut endpoints = self.endpoints.lock();
        endpoints.push(Endpoint {
            limit,
            refused_at: None,
            told: None,
        });
        endpoints.len() - 1
    }

    /// The limit, if it was met.
    pub(super) fn lock_if_met(&self) -> Option<MetGuard<'_>> {
        if !self.is_met.load(Ordering::Acquire) {
            return None;
        }
        MutexGuard::try_map(self.met.lock(), Option::as_mut).ok()
    }

    /// What is known of it; nothing while it wasn't met.
    #[must_use]
    pub fn learned(&self, now: Instant) -> Option<LearnedLimit> {
        let learned = self.lock_if_met()?.controller.snapshot(now).learned_limit;
        self.told.lock().correct(learned)
    }

    /// Whether it has shown itself.
    #[cfg(test)]
    pub(super) fn is_met(&self) -> bool {
        self.is_met.load(Ordering::Acquire)
    }

    /// Permits that were not given back yet.
    #[cfg(test)]
    pub(super) fn permits_out(&self) -> u32 {
        self.lock_if_met()
            .map_or(0, |met| met.controller.snapshot(self.started).in_flight)
    }

    /// Whether it lets anything through; `None` while it wasn't met.
    pub(crate) fn gate(&self, now: Instant) -> Option<GateState> {
        Some(self.lock_if_met()?.controller.snapshot(now).gate)
    }

    /// Rings for one lane that waits for this limit.
    pub(super) fn ring(&self) {
        if self.is_met.load(Ordering::Relaxed) {
            self.place_free.notify_one();
        }
    }

    /// Waits for the bell.
    pub(super) async fn heard(&self) {
        self.place_free.notified().await;
    }

    /// Whose quota a reply's headers tell of: the client's where two endpoints
    /// are told the same one.
    pub(super) fn note_hint(&self, endpoint: usize, hint: Option<Hint>) -> LimitLevel {
        let Some((hint, told)) = hint.and_then(|hint| Some((hint, hint.limit?))) else {
            return LimitLevel::Endpoint;
        };
        let mut endpoints = self.endpoints.lock();
        if endpoints.len() < 2 {
            return LimitLevel::Endpoint;
        }
        endpoints[endpoint].told = Some(told);
        let mut others = endpoints
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != endpoint)
            .filter_map(|(_, other)| other.told)
            .peekable();
        let is_shared = others.peek().is_some() && others.all(|other| (other - told).abs() < 0.5);
        drop(endpoints);
        if !is_shared {
            return LimitLevel::Endpoint;
        }
        self.told.lock().note(hint);
        self.meet(0);
        LimitLevel::Client
    }

    /// Notes that an endpoint was refused by a limit that the reply doesn't
    /// name; whether it looks like the client's.
    pub(super) fn note_refusal(&self, endpoint: usize, now: Instant) -> bool {
        let mut endpoints = self.endpoints.lock();
        endpoints[endpoint].refused_at = Some(now);
        endpoints.iter().enumerate().any(|(number, other)| {
            number != endpoint
                && other
                    .refused_at
                    .is_some_and(|at| now.saturating_duration_since(at) <= TOGETHER)
        })
    }

    /// A request was refused by this limit.
    pub(super) fn refused(
        &self,
        now: Instant,
        permit: Option<Permit>,
        observation: &Observation,
    ) -> (Reaction, Decisions) {
        // The reply that shows the limit brings no permit of its own.
        self.meet(1);
        let again = (Reaction::RetryWhenGateOpens, Vec::new());
        let Some(mut met) = self.lock_if_met() else {
            return again;
        };
        let Some(permit) = permit.or_else(|| met.late.pop()) else {
            return again;
        };
        let reaction = met.controller.on_reply(now, permit, observation);
        let events = met.controller.take_events();
        drop(met);
        self.ring();
        (reaction, of_level(LimitLevel::Client, events))
    }

    /// A request passed this limit, whatever became of it.
    pub(super) fn admitted(
        &self,
        now: Instant,
        permit: Option<Permit>,
        hint: Option<Hint>,
    ) -> Decisions {
        self.give_back(permit, |controller, permit| {
            controller.on_reply(now, permit, &Observation::Accepted { hint });
        })
    }

    /// A request of which this limit learns nothing.
    pub(super) fn unconcerned(&self, now: Instant, permit: Option<Permit>) -> Decisions {
        self.give_back(permit, |controller, permit| {
            controller.abandon(now, permit);
        })
    }

    fn give_back(
        &self,
        permit: Option<Permit>,
        how: impl FnOnce(&mut Controller, Permit),
    ) -> Decisions {
        let Some(mut met) = self.lock_if_met() else {
            return Vec::new();
        };
        let Some(permit) = permit.or_else(|| met.late.pop()) else {
            return Vec::new();
        };
        how(&mut met.controller, permit);
        let events = met.controller.take_events();
        drop(met);
        self.ring();
        of_level(LimitLevel::Client, events)
    }

    /// Makes the controller, if there is none yet, as if it had watched from
    /// the start. `unlisted` requests are under way although their endpoints
    /// have booked them already. No limit may be locked by the caller.
    fn meet(&self, unlisted: u32) {
        if self.is_met.load(Ordering::Acquire) {
            return;
        }
        let endpoints = self.endpoints.lock();
        if self.is_met.load(Ordering::Acquire) {
            return;
        }
        let limits: Vec<Arc<SharedLimit>> = endpoints
            .iter()
            .filter_map(|endpoint| endpoint.limit.upgrade())
            .collect();
        // All at once: whoever sends next holds one of these locks, and then
        // sees that the limit was met.
        let controllers: Vec<_> = limits.iter().map(|limit| limit.lock()).collect();
        let (mut accepted, mut under_way) = (0_u64, unlisted);
        for controller in &controllers {
            let snapshot = controller.snapshot(self.started);
            accepted += snapshot.accepted;
            under_way += snapshot.in_flight;
        }
        let mut controller = Controller::new(self.settings.clone(), self.started, self.seed);
        for _ in 0..accepted.min(MOST_COUNTED) {
            let permit = controller.on_send(self.started);
            let admitted = Observation::Accepted { hint: None };
            controller.on_reply(self.started, permit, &admitted);
        }
        let late = (0..under_way).map(|_| controller.on_send(self.started));
        let late = late.collect();
        // What it decided while it was told the past is no news.
        controller.take_events();
        *self.met.lock() = Some(Met { controller, late });
        self.is_met.store(true, Ordering::Release);
    }
}
