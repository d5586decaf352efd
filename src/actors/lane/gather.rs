//! Puts rows together into requests, where the operation takes several at
//! once.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::transport::Transport;

use super::attempt::{Pending, Step};
use super::call::Call;
use super::run::{Lane, LaneControl};

/// How long rows wait for others to fill their request. Longer delays the last
/// rows of a slow source, shorter sends requests that are half empty.
const GATHER: Duration = Duration::from_millis(20);
/// How long they wait while others are looked up, which may join them: requests
/// are what the tenant counts, and a full one is as cheap as one of a single row.
const GATHER_LOOKED_UP: Duration = Duration::from_secs(2);

/// Whether there is a request to be sent.
pub(super) enum Readiness {
    NoRows,
    /// Its rows wait for others.
    Gathering(Instant),
    Call,
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// Whether no row is to be sent now.
    pub(super) fn has_no_rows(&self) -> bool {
        self.ready.is_empty() && self.to_make.is_empty()
    }

    /// Puts a row before all others that are sent as it is.
    pub(super) fn put_first(&mut self, pending: Pending) {
        self.rows_like(&pending.step).push_front(pending);
    }

    /// Puts a row behind the first of those that are sent as it is.
    pub(super) fn put_second(&mut self, pending: Pending) {
        let rows = self.rows_like(&pending.step);
        rows.insert(rows.len().min(1), pending);
    }

    fn rows_like(&mut self, step: &Step) -> &mut VecDeque<Pending> {
        let is_to_be_made = matches!(step, Step::Write) && self.setup.endpoint.looks_up_first();
        match is_to_be_made {
            true => &mut self.to_make,
            false => &mut self.ready,
        }
    }

    /// Whether the next request is complete.
    pub(super) fn readiness(&mut self, now: Instant) -> Readiness {
        if self.has_no_rows() {
            return Readiness::NoRows;
        }
        // Where rows are looked up first, those that wait to be made hold nobody
        // else up.
        let (is_short, patience) = match self.ready.is_empty() {
            true if self.setup.endpoint.looks_up_first() => self.is_making_short(),
            _ => (self.is_batch_short(), GATHER),
        };
        if !is_short {
            self.gathers_since = None;
            return Readiness::Call;
        }
        let until = *self.gathers_since.get_or_insert(now) + patience;
        match now < until {
            true => Readiness::Gathering(until),
            false => Readiness::Call,
        }
    }

    /// The rows of the next request: the first that is ready, and those behind
    /// it that may go with it. Two rows of one key are never ready at once.
    pub(super) fn next_call(&mut self) -> Option<Call> {
        let makes = self.ready.is_empty()
            || self
                .to_make
                .front()
                .is_some_and(|first| self.to_make.len() >= self.most_with(first));
        let most = match makes {
            true => self.most_with(self.to_make.front()?),
            false => self.most_with(self.ready.front()?),
        };
        let rows = match makes {
            true => &mut self.to_make,
            false => &mut self.ready,
        };
        let lead = rows.pop_front()?;
        let mut others = Vec::new();
        while others.len() + 1 < most && rows.front().is_some_and(|next| goes_with(next, &lead)) {
            others.extend(rows.pop_front());
        }
        self.gathers_since = None;
        Some(Call { lead, others })
    }

    /// The most rows of a request that this one leads.
    fn most_with(&self, lead: &Pending) -> usize {
        match lead.step {
            Step::LookUp | Step::Change(_) => 1,
            Step::Write => self.batch_cap.min(lead.most_together),
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

    /// The same for rows that were looked up, and how long they wait.
    fn is_making_short(&self) -> (bool, Duration) {
        let is_short = self
            .to_make
            .front()
            .is_some_and(|lead| lead.sent == 0 && self.to_make.len() < self.most_with(lead));
        match self.look_ups_under_way {
            0 => (is_short && !self.source_ended, GATHER),
            _ => (is_short, GATHER_LOOKED_UP),
        }
    }
}

/// Rows that were halved keep to their halves, so that a bad one is soon alone.
fn goes_with(next: &Pending, lead: &Pending) -> bool {
    matches!(next.step, Step::Write) && next.most_together == lead.most_together
}
