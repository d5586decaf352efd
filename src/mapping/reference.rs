//! References: a field that holds the tenant's id of another entity's record,
//! found by that record's key.
//!
//! The mapping knows the key when it maps a row; the id only the load of the
//! other entity has learnt. Where ids are found is therefore given to a
//! [`Program`](super::Program) from outside.

use std::fmt::Debug;
use std::sync::Arc;

use super::convert::Refused;
use super::problem::quoted;

/// Where references find the tenant's ids. All mapper threads share it.
pub trait TargetIds: Debug + Send + Sync {
    /// The tenant's id of the record of `entity` that has this key. The key is
    /// what that entity's own mapping makes of it.
    fn find(&self, entity: &str, key: &str) -> FoundId;
}

/// What is known of a record's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundId {
    /// The id.
    Known(String),
    /// Only the load will tell it, so a plan shows the key in its place.
    Later,
    /// No record of the entity has the key: what to do about it, as a lower-case
    /// fragment.
    Absent(String),
    /// Several records have it, and nobody could say which is meant.
    Several,
    /// It can't be found out: why.
    Failed(String),
}

/// No ids at all: what a program has that was given none. It refuses rows,
/// since a made-up id must never be sent.
#[derive(Debug)]
struct NoIds;

impl TargetIds for NoIds {
    fn find(&self, entity: &str, _key: &str) -> FoundId {
        FoundId::Failed(format!("the ids of `{entity}` aren't at hand"))
    }
}

/// The rule `reference`, compiled.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) entity: String,
    pub(super) ids: Arc<dyn TargetIds>,
}

impl Reference {
    pub(super) fn new(entity: &str) -> Self {
        Self {
            entity: entity.to_owned(),
            ids: Arc::new(NoIds),
        }
    }

    /// The id; `None` where only the load will tell it.
    pub(super) fn id(&self, key: &str) -> Result<Option<String>, Refused> {
        let entity = &self.entity;
        let message = match self.ids.find(entity, key) {
            FoundId::Known(id) => return Ok(Some(id)),
            FoundId::Later => return Ok(None),
            FoundId::Absent(advice) => {
                format!("`{entity}` has no id for the key {}; {advice}", quoted(key))
            }
            FoundId::Several => format!(
                "`{entity}` has several records of the key {}; keep one of their rows",
                quoted(key)
            ),
            FoundId::Failed(cause) => {
                format!(
                    "the id of {} in `{entity}` can't be found out: {cause}",
                    quoted(key)
                )
            }
        };
        Err(("reference", message))
    }

    /// What a plan shows in the id's place.
    pub(super) fn stand_in(&self, key: &str) -> String {
        format!("→ id of {} “{key}”", self.entity)
    }
}
