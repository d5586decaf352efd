//! Rows whose records are looked up first: what is there decides whether a
//! record is made, changed, or left as it is.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::connector::{Difference, FoundRecord, PreImage, differences};
use crate::record::{OutcomeKind, Refusal, TargetId};
use crate::transport::Transport;

use super::attempt::{Doubt, FoundChange, Pending, Step};
use super::doubt::pause_after;
use super::endpoint::key_of;
use super::run::{Lane, LaneControl};
use super::settle::FAILURES_ALLOWED;
use super::verdict::Verdict;

/// Differences of a record that are told with both values; the others are
/// counted. Their places are all named.
const DIFFERENCES_NAMED: usize = 5;
/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 60;

impl Pending {
    /// The platform's id of the record, where it was found.
    pub(super) fn found_id(&self) -> Option<String> {
        match &self.step {
            Step::Change(found) => Some(found.id.clone()),
            Step::Write | Step::LookUp | Step::AskJob(_) => None,
        }
    }
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// What is done about a row whose record is there.
    pub(super) fn found(&mut self, pending: &mut Pending, record: FoundRecord) -> Verdict {
        let operation = &self.setup.endpoint.operation;
        if self.setup.endpoint.way_back().is_some() {
            return self.undo(pending, &record);
        }
        let Some(wanted) = operation.record_of(&pending.item.body) else {
            let why = Refusal {
                error: "internal".to_owned(),
                message: "the row's record can't be compared".to_owned(),
                attempts: pending.sent,
                ..Refusal::default()
            };
            return Verdict::Ended(OutcomeKind::Rejected, Box::new(why));
        };
        let different = differences(&wanted, &record.record);
        if different.is_empty() {
            let kind = match (pending.may_be_known(), pending.was_changed) {
                (false, _) => OutcomeKind::Unchanged,
                // It is so by our own doing, which was never answered.
                (true, true) => OutcomeKind::Updated,
                (true, false) => operation.effect.outcome(201),
            };
            let id = record.id.clone();
            pending.leaves = Some(record).filter(|_| self.setup.endpoint.hands_on());
            return Verdict::Done(kind, Some(id));
        }
        let Some(update) = self.setup.endpoint.update() else {
            let why = Refusal {
                error: "differs".to_owned(),
                field: places(&different),
                message: told(&different, "the row"),
                attempts: pending.sent,
                ..Refusal::default()
            };
            // Which record it is counts too, though it isn't as it should be.
            self.batch.target_ids.push(TargetId {
                row: pending.item.row,
                key: pending.item.key.clone(),
                id: record.id,
            });
            return Verdict::Ended(OutcomeKind::Rejected, Box::new(why));
        };
        let change = update.operation.change(key_of(pending), &record, &wanted);
        // That it is there was the question; what follows may be repeated.
        pending.doubt = Doubt::None;
        pending.was_changed = true;
        let image = self.setup.endpoint.keeps_pre_images().then(|| {
            let row = pending.item.row.0;
            PreImage::of_change(row, key_of(pending), &record, &wanted).to_line()
        });
        pending.step = Step::Change(Box::new(FoundChange {
            id: record.id.clone(),
            change,
            deletes: false,
            image,
            after: (self.setup.endpoint.hands_on_written()).then(|| record.with(&wanted)),
        }));
        Verdict::Again
    }

    /// How long a record of that key that was just made may still not have been
    /// known to the tenant's search when it was asked; `None` where "it isn't
    /// there" is to be believed. Which records an earlier leg has made the lane
    /// doesn't know, but that they are as old as itself.
    pub(super) fn not_known_yet(
        &mut self,
        pending: &Pending,
        asked_at: Instant,
    ) -> Option<Duration> {
        let look_up = self.setup.endpoint.operation.look_up(key_of(pending))?;
        let known_after = look_up.believed_after;
        let key_hash = pending.item.key_hash;
        let own = self.just_made.unknown_for(key_hash, known_after, asked_at);
        let earlier = (self.setup.made_before)
            .then(|| known_after.saturating_sub(self.clock.runs_for(asked_at)))
            .filter(|wait| !wait.is_zero());
        own.max(earlier)
    }

    /// The record isn't as it was found any more: it is looked up again, unless
    /// that was done often enough.
    pub(super) fn find_again(
        &self,
        pending: &mut Pending,
        ended_as: OutcomeKind,
        why: Refusal,
    ) -> Verdict {
        pending.failures += 1;
        if pending.failures >= FAILURES_ALLOWED {
            return Verdict::Ended(ended_as, Box::new(why));
        }
        pending.step = Step::LookUp;
        // A search that is late has shown it as it was; a single one may not be.
        pending.asked_together = 1;
        Verdict::Later(pause_after(pending.failures))
    }
}

/// How a row ends that was to be compared, and has no record.
pub(super) fn not_there() -> Verdict {
    let why = Refusal {
        error: "not_found".to_owned(),
        message: "the tenant has no such record".to_owned(),
        ..Refusal::default()
    };
    Verdict::Ended(OutcomeKind::Missing, Box::new(why))
}

pub(super) fn places(differences: &[Difference]) -> String {
    let places: Vec<&str> = differences
        .iter()
        .map(|difference| difference.place.as_str())
        .collect();
    places.join(" ")
}

/// What differs, with both values.
pub(super) fn told(differences: &[Difference], wanted_by: &str) -> String {
    let mut text = String::new();
    for difference in differences.iter().take(DIFFERENCES_NAMED) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        let found = match &difference.found {
            Some(found) => shown(found),
            None => "nothing".to_owned(),
        };
        // Writing to a String can't fail.
        let _ = write!(
            text,
            "{}: {wanted_by} has {}, the tenant has {found}",
            difference.place,
            shown(&difference.wanted)
        );
    }
    match differences.len().saturating_sub(DIFFERENCES_NAMED) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
