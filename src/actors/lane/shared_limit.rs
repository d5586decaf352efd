//! One limit that several lanes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::connector::BucketScope;
use crate::limit::{Controller, Hint, LearnedLimit, LimitEvent, Observation, Permit, Reaction};

use super::client_limit::{ClientLimit, MetGuard};
use super::told_quota::ToldQuota;

/// A limit's controller behind a short lock, and a bell that rings when a
/// place in the window is free: a lane without a request under way would not
/// hear of it otherwise. Above it may stand the client's own limit, which its
/// requests pass too.
#[derive(Debug)]
pub struct SharedLimit {
    controller: Mutex<Controller>,
    place_free: Notify,
    lanes: AtomicUsize,
    above: Option<Membership>,
    told: Mutex<ToldQuota>,
}

/// An endpoint's place below its client's limit.
#[derive(Debug)]
struct Membership {
    client: Arc<ClientLimit>,
    number: usize,
}

/// Whose decision it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitLevel {
    /// The endpoint's own limit.
    Endpoint,
    /// The whole client's.
    Client,
}

/// The permits of one request: the endpoint's, and the client's where it has
/// shown a limit.
#[derive(Debug)]
pub(super) struct Permits {
    pub(super) own: Permit,
    pub(super) above: Option<Permit>,
}

/// An answer as the limits see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitAnswer {
    pub(super) observation: Observation,
    /// The bucket that the reply names, where it names one.
    pub(super) bucket: Option<BucketScope>,
    /// Whether the request may have got as far as the tenant's limits.
    pub(super) has_left: bool,
}

/// Decisions, and whose they were.
pub(super) type Decisions = Vec<(LimitLevel, LimitEvent)>;

impl SharedLimit {
    /// A limit that nobody waits for yet, with none above it.
    #[must_use]
    pub fn new(controller: Controller) -> Self {
        Self {
            controller: Mutex::new(controller),
            place_free: Notify::new(),
            lanes: AtomicUsize::new(0),
            above: None,
            told: Mutex::default(),
        }
    }

    /// A limit below that of the whole client.
    #[must_use]
    pub fn below(client: &Arc<ClientLimit>, controller: Controller) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            above: Some(Membership {
                client: Arc::clone(client),
                number: client.enrol(this.clone()),
            }),
            ..Self::new(controller)
        })
    }

    /// The controller, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Controller> {
        self.controller.lock()
    }

    /// The client's limit, if it has shown one. Ask while holding the lock of
    /// this one: then a request either has both permits or is known to have
    /// been under way when the client's limit was met.
    pub(super) fn lock_above(&self) -> Option<MetGuard<'_>> {
        self.above.as_ref()?.client.lock_if_met()
    }

    /// One more lane shares the limit.
    pub(super) fn join(&self) {
        self.lanes.fetch_add(1, Ordering::Relaxed);
    }

    /// Rings the bell for one lane that waits. A ring that nobody hears is
    /// kept for the next one who listens; a lane that is alone needs none.
    pub(super) fn ring(&self) {
        if self.lanes.load(Ordering::Relaxed) > 1 {
            self.place_free.notify_one();
        }
    }

    /// Rings for one lane, of whichever endpoint, that waits for the client's
    /// limit.
    pub(super) fn ring_above(&self) {
        if let Some(above) = &self.above {
            above.client.ring();
        }
    }

    /// Waits for the bell.
    pub(super) async fn heard(&self) {
        self.place_free.notified().await;
    }

    /// Waits for the client's bell.
    pub(super) async fn heard_above(&self) {
        match &self.above {
            Some(above) => above.client.heard().await,
            // There is no such limit, so nobody waits for it.
            None => std::future::pending().await,
        }
    }

    /// What is known of the limit, with the headers' word on the quota where
    /// only they tell of one: the pace that follows from what is left of a
    /// window isn't the limit itself.
    pub(crate) fn learned(&self, now: Instant) -> Option<LearnedLimit> {
        let learned = self.lock().snapshot(now).learned_limit;
        self.told.lock().correct(learned)
    }

    /// Gives a request's permits back with what came of it: what becomes of
    /// the record, and what else the limiters decided.
    pub(super) fn settle(
        &self,
        now: Instant,
        permits: Permits,
        answer: &LimitAnswer,
    ) -> (Reaction, Decisions) {
        let Permits { own, above } = permits;
        let Some(membership) = &self.above else {
            self.note_told(&answer.observation);
            return self.settle_own(now, own, &answer.observation);
        };
        let (client, number) = (&membership.client, membership.number);
        let whose_hint = client.note_hint(number, hint_of(&answer.observation));
        if whose_hint == LimitLevel::Endpoint {
            self.note_told(&answer.observation);
        }
        let for_own = without_hint_unless(whose_hint == LimitLevel::Endpoint, answer.observation);
        let for_client = without_hint_unless(whose_hint == LimitLevel::Client, answer.observation);
        let is_refusal = matches!(answer.observation, Observation::Throttled { .. });
        let named = match (answer.bucket, whose_hint) {
            (Some(BucketScope::Client), _) | (None, LimitLevel::Client) => LimitLevel::Client,
            _ => LimitLevel::Endpoint,
        };
        if is_refusal && named == LimitLevel::Client {
            let mut controller = self.lock();
            controller.abandon(now, own);
            drop(controller);
            self.ring();
            return client.refused(now, above, &for_client);
        }
        let (reaction, mut decisions) = self.settle_own(now, own, &for_own);
        if is_refusal {
            let is_shared = answer.bucket.is_none() && client.note_refusal(number, now);
            let more = match is_shared {
                true => client.refused(now, above, &for_client).1,
                false => client.unconcerned(now, above),
            };
            decisions.extend(more);
        } else {
            decisions.extend(match answer.has_left {
                true => client.admitted(now, above, hint_of(&for_client)),
                false => client.unconcerned(now, above),
            });
        }
        (reaction, decisions)
    }

    /// Whether a request with these permits may still be sent.
    pub(super) fn honours(&self, permits: &Permits) -> bool {
        self.lock().honours(&permits.own)
            && self.lock_above().is_none_or(|above| {
                // Without one of its own it was under way before that limit was met.
                let permit = permits.above.as_ref();
                permit.map_or(above.controller.is_open(), |permit| {
                    above.controller.honours(permit)
                })
            })
    }

    /// The request never left, or nobody will say what came of it.
    pub(super) fn abandon(&self, now: Instant, permits: Permits) {
        self.lock().abandon(now, permits.own);
        self.ring();
        if let Some(membership) = &self.above {
            membership.client.unconcerned(now, permits.above);
        }
    }

    fn settle_own(
        &self,
        now: Instant,
        permit: Permit,
        observation: &Observation,
    ) -> (Reaction, Decisions) {
        let mut controller = self.lock();
        let reaction = controller.on_reply(now, permit, observation);
        let events = controller.take_events();
        drop(controller);
        self.ring();
        (reaction, of_level(LimitLevel::Endpoint, events))
    }

    fn note_told(&self, observation: &Observation) {
        if let Some(hint) = hint_of(observation) {
            self.told.lock().note(hint);
        }
    }
}

/// Decisions with whose they were.
pub(super) fn of_level(level: LimitLevel, events: Vec<LimitEvent>) -> Decisions {
    events.into_iter().map(|event| (level, event)).collect()
}

/// What the reply's headers say, where they say anything.
pub(super) fn hint_of(observation: &Observation) -> Option<Hint> {
    match *observation {
        Observation::Accepted { hint }
        | Observation::Throttled { hint, .. }
        | Observation::Neutral { hint } => hint,
        Observation::Unavailable { .. }
        | Observation::Transient { .. }
        | Observation::Unreached { .. } => None,
    }
}

/// The observation for a limit that the headers do or don't speak of.
fn without_hint_unless(is_meant: bool, observation: Observation) -> Observation {
    if is_meant {
        return observation;
    }
    match observation {
        Observation::Accepted { .. } => Observation::Accepted { hint: None },
        Observation::Throttled { retry_after, .. } => Observation::Throttled {
            retry_after,
            hint: None,
        },
        Observation::Neutral { .. } => Observation::Neutral { hint: None },
        other => other,
    }
}
