//! What becomes of a row: it ends, or waits for its next step.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::connector::{FoundRecord, InDoubt};
use crate::record::{Item, Outcome, OutcomeKind, Refusal, TargetId};
use crate::store::Intent;
use crate::transport::Transport;

use super::attempt::{Delayed, Doubt, Pending, Step};
use super::run::{Lane, LaneControl};

/// What an answer means for its row.
pub(super) enum Verdict {
    /// It ended well, maybe with the tenant's own id of the record.
    Done(OutcomeKind, Option<String>),
    /// It ended otherwise.
    Ended(OutcomeKind, Box<Refusal>),
    /// Sent again at once or when the gate opens; nobody's failure.
    Again,
    /// Sent again after the backoff.
    Later(Duration),
    /// Waits for another token.
    AwaitToken,
    /// The run ends; the row goes to the next leg.
    Abandoned,
}

impl Pending {
    /// Whether the row may go by what this one of the same key has left.
    fn may_follow(&self, before: &Item) -> bool {
        self.is_to_look_up() && self.doubt == Doubt::None && self.item.key == before.key
    }
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// What is to be done first about a row; `None` where that isn't to send
    /// something now.
    pub(super) fn first_step(&mut self, item: Item) -> Option<Pending> {
        if !self.setup.suspects.is_empty() {
            return self.first_step_amid_suspects(item);
        }
        Some(self.fresh(item))
    }

    fn fresh(&self, item: Item) -> Pending {
        let mut pending = Pending::new(item);
        if self.setup.endpoint.looks_up_first() {
            pending.step = Step::LookUp;
        }
        pending
    }

    /// Of a row that an earlier leg was about to send, nobody knows whether it
    /// was applied.
    fn first_step_amid_suspects(&mut self, item: Item) -> Option<Pending> {
        let mut pending = self.fresh(item);
        let suspects = Arc::clone(&self.setup.suspects);
        let Some(suspect) = suspects.get(&pending.item.row) else {
            return Some(pending);
        };
        if suspect.intent == Intent::Change {
            // It is looked up again, and what is there tells the rest.
            pending.is_change_noted = true;
            pending.was_changed = true;
            return Some(pending);
        }
        pending.is_intended = true;
        if let Some(job) = suspect
            .job
            .as_ref()
            .filter(|_| self.setup.endpoint.operation.has_job())
        {
            self.join_job(pending, job, Instant::now());
            return None;
        }
        match self.setup.endpoint.operation.in_doubt() {
            InDoubt::Repeat => {
                pending.doubt = Doubt::MayBeApplied;
                return Some(pending);
            }
            InDoubt::LookUp => {
                let now = Instant::now();
                // The journal has the time at which it was to be sent, but of a
                // clock that may have been set since. Only what this leg has
                // lasted has surely passed.
                let verdict = self.look_up_after(&mut pending, self.clock.runs_for(now));
                self.carry_out(pending, verdict, now);
            }
            InDoubt::Keep => {
                let why = Refusal {
                    error: "interrupted".to_owned(),
                    message: "the load was interrupted while the row was sent; \
                              the tenant may or may not have applied it"
                        .to_owned(),
                    ..Refusal::default()
                };
                let verdict = Verdict::Ended(OutcomeKind::Unknown, Box::new(why));
                self.carry_out(pending, verdict, Instant::now());
            }
        }
        None
    }

    pub(super) fn carry_out(&mut self, mut pending: Pending, verdict: Verdict, now: Instant) {
        let has_ended = matches!(verdict, Verdict::Done(..) | Verdict::Ended(..));
        let may_repeat = self.setup.endpoint.operation.repeatable;
        if !has_ended && !may_repeat && pending.is_intended && pending.doubt == Doubt::None {
            // It surely wasn't applied: it is no longer about to be sent.
            pending.is_intended = false;
            if let Some(intents) = &self.setup.intents {
                intents.withdraw(pending.item.row);
            }
        }
        match verdict {
            Verdict::Done(kind, id) => {
                if kind == OutcomeKind::Created && self.setup.endpoint.looks_up_first() {
                    self.just_made.note(pending.item.key_hash, now);
                }
                if self.keys.is_awaited(pending.item.key_hash) {
                    self.note_what_it_leaves(&mut pending, id.as_deref());
                }
                if let Some(id) = id {
                    self.batch.target_ids.push(TargetId {
                        row: pending.item.row,
                        key: pending.item.key.clone(),
                        id,
                    });
                }
                self.end(pending.item, kind, None, pending.leaves);
            }
            Verdict::Ended(kind, why) => self.end(pending.item, kind, Some(why), None),
            Verdict::Abandoned => self.begin_drain(),
            // A drain forgets what was not done; the next leg sends it.
            _ if self.draining => {}
            // A row that was refused before lets another one try the door, or
            // nobody would ever know whether it is closed for that row alone.
            Verdict::Again if pending.throttles > 1 => self.put_second(pending),
            Verdict::Again | Verdict::AwaitToken => self.put_first(pending),
            Verdict::Later(delay) => {
                self.next_order += 1;
                self.delayed.push(Delayed {
                    due: now + delay,
                    order: self.next_order,
                    pending,
                });
            }
        }
    }

    /// Notes how a row that is done has left its record, where that can be told.
    fn note_what_it_leaves(&self, pending: &mut Pending, id: Option<&str>) {
        let endpoint = &self.setup.endpoint;
        let made = |pending: &Pending| {
            let record = endpoint.operation.record_of(&pending.item.body)?;
            Some(FoundRecord::new(id?.to_owned(), record))
        };
        match &mut pending.step {
            Step::Change(found) => pending.leaves = found.after.take(),
            Step::Write if endpoint.hands_on_written() => pending.leaves = made(pending),
            Step::Write | Step::LookUp | Step::AskJob(_) => {}
        }
    }

    /// Rows that follow another of their key at once: what that has left is what
    /// they would find. They aren't looked up, since searches may be late to
    /// show what was just written.
    pub(super) fn follow_on(&mut self, now: Instant) {
        while let Some((mut pending, record)) = self.handed_on.pop() {
            let verdict = self.found(&mut pending, record);
            self.carry_out(pending, verdict, now);
        }
    }

    /// A row has ended, and left the record so, if that is known.
    fn end(
        &mut self,
        item: Item,
        kind: OutcomeKind,
        refusal: Option<Box<Refusal>>,
        leaves: Option<FoundRecord>,
    ) {
        if let Some(next) = self.keys.release(item.key_hash)
            && let Some(next) = self.first_step(next)
        {
            match leaves {
                Some(record) if next.may_follow(&item) => {
                    self.handed_on.push((next, record));
                }
                _ => self.ready.push_front(next),
            }
        }
        self.batch.outcomes.push(Outcome {
            row: item.row,
            position: item.position,
            kind,
            refusal,
            raw: item.raw,
            credit: item.credit,
        });
    }
}
