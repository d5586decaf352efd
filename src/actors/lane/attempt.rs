//! A row on its way through attempts.

use std::cmp::Ordering;
use std::sync::Arc;

use tokio::time::Instant;

use crate::limit::Reaction;
use crate::record::Item;
use crate::transport::{Reply, SendError};

use super::run::LaneGauge;
use super::shared_limit::{Decisions, LimitAnswer, Permits, SharedLimit};

/// A row that is to be sent, or sent again.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) item: Item,
    /// How often the row was sent.
    pub(super) sent: u32,
    /// Failures that count against the row.
    pub(super) failures: u32,
    /// How often a token was refused for the row.
    pub(super) token_refusals: u32,
    /// How often the tenant said "too many requests" to the row.
    pub(super) throttles: u32,
    /// How often it did although it had let others through since the last time.
    pub(super) throttles_amid_others: i32,
    /// Requests that the lane had got through when it last said so.
    pub(super) accepted_at_last: u64,
    /// Requests that the lane had got through when it first said so, and those
    /// that had been throttled.
    pub(super) accepted_before: u64,
    pub(super) throttled_before: u64,
}

impl Pending {
    pub(super) fn new(item: Item) -> Self {
        Self {
            item,
            sent: 0,
            failures: 0,
            token_refusals: 0,
            throttles: 0,
            throttles_amid_others: 0,
            accepted_at_last: 0,
            accepted_before: 0,
            throttled_before: 0,
        }
    }
}

/// A row that waits for its backoff. Ordered so that a max-heap gives the
/// earliest first, and equal times in the order they were put in.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) due: Instant,
    pub(super) order: u64,
    pub(super) pending: Pending,
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

/// Permits that come back to their controllers whatever happens to the
/// request: a lane that panics must not keep its places in the window for ever.
pub(super) struct HeldPermit {
    controller: Arc<SharedLimit>,
    gauge: Arc<LaneGauge>,
    permits: Option<Permits>,
}

impl HeldPermit {
    pub(super) fn new(
        controller: &Arc<SharedLimit>,
        gauge: &Arc<LaneGauge>,
        permits: Permits,
    ) -> Self {
        gauge.note_sent();
        Self {
            controller: Arc::clone(controller),
            gauge: Arc::clone(gauge),
            permits: Some(permits),
        }
    }

    /// Gives the permits back with what came of the request: what becomes of
    /// the record, and what else the limiters decided.
    pub(super) fn give_back(mut self, now: Instant, answer: &LimitAnswer) -> (Reaction, Decisions) {
        let permits = self.permits.take().expect("they are given back only once");
        self.controller.settle(now.into_std(), permits, answer)
    }

    /// When the request was granted.
    pub(super) fn sent_at(&self) -> std::time::Instant {
        let permits = self.permits.as_ref();
        let permits = permits.expect("they are held until they are given back");
        permits.own.sent_at()
    }
}

impl Drop for HeldPermit {
    fn drop(&mut self) {
        self.gauge.note_ended();
        if let Some(permits) = self.permits.take() {
            self.controller.abandon(Instant::now().into_std(), permits);
        }
    }
}

/// A request that came to its end, one way or the other.
pub(super) struct Answered {
    pub(super) pending: Pending,
    pub(super) permit: HeldPermit,
    pub(super) generation: u64,
    pub(super) request_number: u64,
    pub(super) sent_at_ms: u64,
    pub(super) result: Result<Reply, SendError>,
}
