//! Permits of a request that is under way.

use std::sync::Arc;

use tokio::time::Instant;

use crate::limit::Reaction;

use super::gauge::LaneGauge;
use super::shared_limit::{Decisions, LimitAnswer, Permits, SharedLimit};

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

    /// Whether the request may still be sent: no gate has closed since.
    pub(super) fn holds(&self) -> bool {
        let permits = self.permits.as_ref();
        permits.is_some_and(|permits| self.controller.honours(permits))
    }

    /// Gives the permits back with what came of the request: what becomes of
    /// the record, and what else the limiters decided.
    pub(super) fn give_back(mut self, now: Instant, answer: &LimitAnswer) -> (Reaction, Decisions) {
        let permits = self.permits.take().expect("they are given back only once");
        self.controller.settle(now.into_std(), permits, answer)
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
