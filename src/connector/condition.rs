//! What a reply, or one item of a batch's reply, has to look like for a rule to
//! be about it.

use serde_json::Value;

use super::message::scalar_text;
use super::rule_file::Conditions;
use super::status::StatusSet;

/// Something that rules look at.
pub(super) trait Subject {
    /// Whether the text stands in it, ASCII letters in whatever case.
    fn contains(&self, text: &str) -> bool;
    /// It as JSON; `None` where it is none.
    fn tree(&mut self) -> Option<&Value>;
}

/// The conditions of one rule, all of which must hold.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    status: Option<StatusSet>,
    body_contains: Option<String>,
    body_at: Option<(String, String)>,
    body_has: Option<String>,
    body_lacks: Option<Missing>,
}

/// A place that must be empty, and the place around it, which must be there: a
/// reply of another shape altogether proves nothing.
#[derive(Clone, Debug)]
struct Missing {
    around: String,
    pointer: String,
}

impl Condition {
    pub(super) fn new(conditions: &Conditions<'_>) -> Self {
        Self {
            status: conditions.status.cloned(),
            body_contains: conditions.body_contains.cloned(),
            body_at: conditions
                .body_at
                .map(|place| (place.pointer.value.clone(), place.equals.clone())),
            body_has: conditions.body_has.map(|place| place.value.clone()),
            body_lacks: conditions.body_lacks.map(|place| {
                let pointer = place.value.clone();
                let around = pointer.rsplit_once('/').map_or("", |(around, _)| around);
                Missing {
                    around: around.to_owned(),
                    pointer,
                }
            }),
        }
    }

    /// A condition on the status alone.
    pub(super) fn of_status(status: u16) -> Self {
        Self {
            status: Some(StatusSet::one(status)),
            body_contains: None,
            body_at: None,
            body_has: None,
            body_lacks: None,
        }
    }

    /// Whether more than the status is looked at.
    pub(super) fn looks_inside(&self) -> bool {
        self.body_contains.is_some()
            || self.body_at.is_some()
            || self.body_has.is_some()
            || self.body_lacks.is_some()
    }

    /// Whether the subject is as the rule wants it.
    pub(super) fn holds(&self, status: Option<u16>, subject: &mut impl Subject) -> bool {
        let status_fits = match (&self.status, status) {
            (None, _) => true,
            (Some(wanted), Some(status)) => wanted.contains(status),
            (Some(_), None) => false,
        };
        status_fits
            && self
                .body_contains
                .as_ref()
                .is_none_or(|text| subject.contains(text))
            && self
                .body_at
                .as_ref()
                .is_none_or(|(pointer, wanted)| stands_at(subject.tree(), pointer, wanted))
            && self
                .body_has
                .as_ref()
                .is_none_or(|pointer| is_there(subject.tree(), pointer))
            && self.body_lacks.as_ref().is_none_or(|missing| {
                let around = subject
                    .tree()
                    .and_then(|tree| tree.pointer(&missing.around));
                matches!(around, Some(Value::Array(_) | Value::Object(_)))
                    && !is_there(subject.tree(), &missing.pointer)
            })
    }
}

/// Whether that text, number or boolean stands at the place.
pub(super) fn stands_at(tree: Option<&Value>, pointer: &str, wanted: &str) -> bool {
    tree.and_then(|tree| scalar_text(tree.pointer(pointer)?))
        .is_some_and(|found| found == wanted)
}

fn is_there(tree: Option<&Value>, pointer: &str) -> bool {
    tree.and_then(|tree| tree.pointer(pointer))
        .is_some_and(|value| !value.is_null())
}
