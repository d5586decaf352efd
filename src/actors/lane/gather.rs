//! Puts rows together into requests, where the operation takes several at
//! once, or several are looked up at once.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::transport::Transport;

use super::attempt::{Doubt, Pending, Step};
use super::call::Call;
use super::endpoint::key_of;
use super::run::{Lane, LaneControl};

/// How long rows wait for others to fill their request. Longer delays the last
/// rows of a slow source, shorter sends requests that are half empty.
const GATHER: Duration = Duration::from_millis(20);
/// How long they wait while others are under way that may join them, or that
/// rows of the source wait behind: requests are what the tenant counts, and a
/// full one is as cheap as one of a single row.
const GATHER_AMID_OTHERS: Duration = Duration::from_secs(2);

/// How long a record that wasn't there is taken for absent before it is made,
/// while look-ups go on. Longer, and more records that others make meanwhile
/// are made a second time; shorter, and at a slow pace requests are half empty.
const ABSENCE_HOLDS: Duration = Duration::from_secs(3);

/// Rows that wait to be sent, each kind for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Rows that are sent as they come: `ready`.
    Ready,
    /// Rows that were looked up, whose records are to be made: `to_make`.
    ToMake,
}

/// Whether there is a request to be sent.
pub(super) enum Readiness {
    NoRows,
    /// Its rows wait for others.
    Gathering(Instant),
    Call(Queue),
    /// A job is to be asked about.
    Job,
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
            true => {
                let since = &mut self.gathers_since[Queue::ToMake as usize];
                since.get_or_insert_with(Instant::now);
                &mut self.to_make
            }
            false => &mut self.ready,
        }
    }

    fn rows_of(&self, queue: Queue) -> &VecDeque<Pending> {
        match queue {
            Queue::Ready => &self.ready,
            Queue::ToMake => &self.to_make,
        }
    }

    /// Whether the next request is complete. Rows to be made hold nobody else
    /// up: they go first only where they fill a request, or have waited so long
    /// that somebody else may have made their records.
    pub(super) fn readiness(&mut self, now: Instant) -> Readiness {
        if self.jobs.is_due(now) {
            return Readiness::Job;
        }
        if self.is_full(Queue::ToMake) || self.absence_is_old(now) {
            return Readiness::Call(Queue::ToMake);
        }
        let mut wakes_at = None;
        for queue in [Queue::Ready, Queue::ToMake] {
            if self.rows_of(queue).is_empty() {
                continue;
            }
            let Some(patience) = self.patience(queue) else {
                return Readiness::Call(queue);
            };
            let since = &mut self.gathers_since[queue as usize];
            let until = *since.get_or_insert(now) + patience;
            if now >= until {
                return Readiness::Call(queue);
            }
            wakes_at = Some(wakes_at.map_or(until, |earlier: Instant| earlier.min(until)));
        }
        wakes_at.map_or(Readiness::NoRows, Readiness::Gathering)
    }

    /// The rows of the queue's next request: the first, and those behind it that
    /// may go with it. Two rows of one key are never ready at once.
    pub(super) fn next_call(&mut self, queue: Queue) -> Option<Call> {
        let most = self.most_with(self.rows_of(queue).front()?);
        let rows = match queue {
            Queue::Ready => &mut self.ready,
            Queue::ToMake => &mut self.to_make,
        };
        let lead = rows.pop_front()?;
        let operation = &self.setup.endpoint.operation;
        let mut room = lead.is_to_look_up().then(|| operation.key_room());
        let mut has_room = |pending: &Pending| match &mut room {
            Some(room) => room.take(key_of(pending)),
            None => true,
        };
        let mut others = Vec::new();
        if most > 1 && has_room(&lead) {
            while others.len() + 1 < most
                && rows
                    .front()
                    .is_some_and(|next| goes_with(next, &lead) && has_room(next))
            {
                others.extend(rows.pop_front());
            }
        }
        // Of rows to be made that are left, one may have waited from the start.
        if queue == Queue::Ready || rows.is_empty() {
            self.gathers_since[queue as usize] = None;
        }
        Some(Call { lead, others })
    }

    /// Whether a row to be made was looked up so long ago that it waits for
    /// others no longer.
    fn absence_is_old(&self, now: Instant) -> bool {
        let since = self.gathers_since[Queue::ToMake as usize];
        !self.to_make.is_empty() && since.is_some_and(|since| now >= since + ABSENCE_HOLDS)
    }

    /// The most rows of a request that this one leads.
    fn most_with(&self, lead: &Pending) -> usize {
        match lead.step {
            Step::Change(_) | Step::AskJob(_) => 1,
            // Its answer is to prove something, and a single one proves more.
            Step::LookUp if lead.doubt != Doubt::None => 1,
            Step::LookUp => self.look_up_cap.min(lead.asked_together),
            Step::Write => self.batch_cap.min(lead.most_together),
        }
    }

    /// Whether the queue has the rows of a whole request.
    fn is_full(&self, queue: Queue) -> bool {
        let rows = self.rows_of(queue);
        let lead = rows.front();
        lead.is_some_and(|lead| rows.len() >= self.most_with(lead))
    }

    /// How long the queue's first row waits for others; `None` where it goes
    /// with what is there.
    fn patience(&self, queue: Queue) -> Option<Duration> {
        let lead = self.rows_of(queue).front()?;
        // A row that was sent before goes with what is there.
        if self.is_full(queue) || lead.sent > 0 {
            return None;
        }
        let may_be_joined = match (queue, &lead.step) {
            // A tenant that has nothing else to do isn't kept waiting.
            (Queue::Ready, Step::LookUp) => !self.in_flight.is_empty(),
            // A job takes far longer than its rows wait, and many small ones
            // would each have to be asked about.
            (Queue::Ready, _) => self.setup.endpoint.operation.has_job(),
            (Queue::ToMake, _) => {
                let first = self.ready.front();
                self.look_ups_under_way > 0 || first.is_some_and(Pending::is_to_look_up)
            }
        };
        match (may_be_joined, self.source_ended) {
            (true, true) if queue == Queue::ToMake => Some(GATHER_AMID_OTHERS),
            (_, true) => None,
            (true, false) => Some(GATHER_AMID_OTHERS),
            (false, false) => Some(GATHER),
        }
    }
}

/// Rows that were halved keep to their halves, so that a bad one is soon alone.
fn goes_with(next: &Pending, lead: &Pending) -> bool {
    match (&next.step, &lead.step) {
        (Step::Write, Step::Write) => next.most_together == lead.most_together,
        (Step::LookUp, Step::LookUp) => {
            next.asked_together == lead.asked_together && next.doubt == Doubt::None
        }
        _ => false,
    }
}
