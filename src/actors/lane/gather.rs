//! Puts rows together into requests, where the operation takes several at
//! once.

use std::time::Duration;

use tokio::time::Instant;

use crate::transport::Transport;

use super::attempt::{Doubt, Pending};
use super::call::Call;
use super::run::{Lane, LaneControl};

/// How long rows wait for others to fill their request. Longer delays the last
/// rows of a slow source, shorter sends requests that are half empty.
const GATHER: Duration = Duration::from_millis(20);

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// The rows of the next request: the first that is ready, and those behind
    /// it that may go with it. Two rows of one key are never ready at once.
    pub(super) fn next_call(&mut self) -> Option<Call> {
        let lead = self.ready.pop_front()?;
        let most = self.most_with(&lead);
        let mut others = Vec::new();
        while others.len() + 1 < most
            && self
                .ready
                .front()
                .is_some_and(|next| goes_with(next, &lead))
        {
            others.extend(self.ready.pop_front());
        }
        self.gathers_since = None;
        Some(Call { lead, others })
    }

    /// The most rows of a request that this one leads.
    fn most_with(&self, lead: &Pending) -> usize {
        match lead.doubt {
            Doubt::ToLookUp => 1,
            Doubt::None | Doubt::MayBeApplied => self.batch_cap.min(lead.most_together),
        }
    }

    /// Whether the next request would be half empty, and more rows may come.
    fn is_batch_short(&self) -> bool {
        let Some(lead) = self.ready.front().filter(|_| self.batch_cap > 1) else {
            return false;
        };
        // A row that was sent before goes with what is there.
        !self.source_ended && lead.sent == 0 && self.ready.len() < self.most_with(lead)
    }

    /// Until when the rows that are ready wait for others; `None` where they
    /// are enough, or have waited.
    pub(super) fn gathers_until(&mut self, now: Instant) -> Option<Instant> {
        if !self.is_batch_short() {
            self.gathers_since = None;
            return None;
        }
        let until = *self.gathers_since.get_or_insert(now) + GATHER;
        (now < until).then_some(until)
    }
}

/// Rows that were halved keep to their halves, so that a bad one is soon alone.
fn goes_with(next: &Pending, lead: &Pending) -> bool {
    next.doubt != Doubt::ToLookUp && next.most_together == lead.most_together
}
