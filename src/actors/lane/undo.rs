//! Records that a run has changed or made: put back as they were, or deleted,
//! where nobody else has been at them since.

use std::time::Duration;

use crate::connector::{FoundRecord, PreImage, UndoError, WayBack};
use crate::record::{OutcomeKind, Refusal};
use crate::transport::Transport;

use super::attempt::{FoundChange, Pending, Step};
use super::endpoint::key_of;
use super::run::{Lane, LaneControl};
use super::upsert::{places, told};
use super::verdict::Verdict;

impl Pending {
    /// Whether a record's deletion is what was sent.
    pub(super) fn deletes(&self) -> bool {
        matches!(&self.step, Step::Change(found) if found.deletes)
    }

    /// How it ends where nothing is left to do.
    fn is_back(&self) -> OutcomeKind {
        match self.was_changed {
            true => OutcomeKind::Updated,
            false => OutcomeKind::Unchanged,
        }
    }
}

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// What is done about a record that is there.
    pub(super) fn undo(&mut self, pending: &mut Pending, found: &FoundRecord) -> Verdict {
        let Some(way_back) = self.setup.endpoint.way_back() else {
            return barred(UndoError::Failed, "this isn't a way back");
        };
        let Some(image) = self.image_of(pending) else {
            return barred(UndoError::Failed, "the pre-image can't be read");
        };
        let different = match image.way_back(&found.record) {
            _ if image.id.is_none() => {
                return barred(
                    UndoError::NotSure,
                    "a record of this key is there, and it isn't known whether the run made it",
                );
            }
            _ if image.id.as_ref() != Some(&found.id) => {
                return barred(
                    UndoError::ChangedSince,
                    "the tenant has another record of this key now",
                );
            }
            WayBack::IsBack => return Verdict::Done(pending.is_back(), Some(found.id.clone())),
            WayBack::Barred(different) => different,
            WayBack::Open => Vec::new(),
        };
        if !different.is_empty() {
            let why = Refusal {
                error: UndoError::ChangedSince.name().to_owned(),
                field: places(&different),
                message: told(&different, "the run"),
                ..Refusal::default()
            };
            return Verdict::Ended(OutcomeKind::Rejected, Box::new(why));
        }
        let key = key_of(pending);
        let change = match (&way_back.delete, image.made) {
            (None, true) => {
                let told = format!(
                    "the run made the record {}, and the connector names no operation that \
                     deletes it; delete it on the platform itself, or let it stay",
                    found.id
                );
                return barred(UndoError::CantDelete, &told);
            }
            (_, made) if way_back.only_plans => {
                return match made {
                    true => barred(UndoError::ToDelete, "would be deleted"),
                    false => barred(UndoError::ToPutBack, "would be put back"),
                };
            }
            (Some(delete), true) => delete.operation.delete(key, found),
            (_, false) => way_back.put_back.operation.put_back(key, found, &image),
        };
        pending.was_changed = true;
        pending.step = Step::Change(Box::new(FoundChange {
            id: found.id.clone(),
            change,
            deletes: image.made,
            image: None,
            after: None,
        }));
        Verdict::Again
    }

    /// What is done about a record that isn't there.
    pub(super) fn gone(&self, pending: &mut Pending) -> Verdict {
        let Some(image) = self.image_of(pending) else {
            return barred(UndoError::Failed, "the pre-image can't be read");
        };
        if !image.made {
            return barred(UndoError::ChangedSince, "the record isn't there any more");
        }
        if !pending.was_changed && pending.found_absent == 0 {
            // It may have been made a moment ago, and not be known yet.
            pending.found_absent += 1;
            let look_up = self.setup.endpoint.operation.look_up(key_of(pending));
            let wait = look_up.map_or(Duration::ZERO, |look_up| look_up.believed_after);
            return Verdict::Later(wait);
        }
        Verdict::Done(pending.is_back(), None)
    }

    fn image_of(&self, pending: &Pending) -> Option<PreImage> {
        let row = self
            .setup
            .endpoint
            .operation
            .record_of(&pending.item.body)?;
        PreImage::of_row(&row)
    }
}

fn barred(error: UndoError, message: &str) -> Verdict {
    let why = Refusal {
        error: error.name().to_owned(),
        message: message.to_owned(),
        ..Refusal::default()
    };
    Verdict::Ended(OutcomeKind::Rejected, Box::new(why))
}
