//! The rules of a connector file: what a reply, or one item of a reply, looks
//! like, and what it means.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::config::Located;

use super::class::ReplyClass;
use super::status::StatusSet;

/// What a reply means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplySection {
    /// The statuses it is about.
    pub(crate) status: StatusSet,
    /// A text that the body holds, in whatever letter case.
    pub(crate) body_contains: Option<String>,
    /// A value that stands at a place of the JSON body.
    pub(crate) body_at: Option<BodyAtSection>,
    /// A place of the JSON body where something stands that isn't null.
    pub(crate) body_has: Option<Located<String>>,
    /// A place of the JSON body where nothing, or null, stands, though the
    /// object or list around it is there.
    pub(crate) body_lacks: Option<Located<String>>,
    /// What it means.
    pub(crate) class: ReplyClass,
}

/// What one item of a batch's reply means. All conditions must hold; without
/// any the rule takes every item that no earlier rule took.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemReplySection {
    /// The statuses of the item that it is about. Default: any, and none too.
    pub(crate) status: Option<StatusSet>,
    /// A text that the item holds, in whatever letter case.
    pub(crate) body_contains: Option<String>,
    /// A value that stands at a place of the item.
    pub(crate) body_at: Option<BodyAtSection>,
    /// A place of the item where something stands that isn't null.
    pub(crate) body_has: Option<Located<String>>,
    /// A place of the item where nothing, or null, stands, though the object or
    /// list around it is there.
    pub(crate) body_lacks: Option<Located<String>>,
    /// What it means. A `retry` that goes by a status of 408, 500, 502 or 504
    /// alone is taken as `unknown` where the operation may not be repeated: such
    /// a status doesn't say that nothing was done. A rule that looks into the
    /// item as well (`body_at: {pointer: /error/retryable, equals: true}`) is
    /// believed.
    pub(crate) class: ReplyClass,
}

/// What a reply looks like. All conditions must hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionSection {
    /// The statuses it is about.
    pub(crate) status: StatusSet,
    /// A text that the body holds, in whatever letter case.
    pub(crate) body_contains: Option<String>,
    /// A value that stands at a place of the JSON body.
    pub(crate) body_at: Option<BodyAtSection>,
    /// A place of the JSON body where something stands that isn't null.
    pub(crate) body_has: Option<Located<String>>,
    /// A place of the JSON body where nothing, or null, stands, though the
    /// object or list around it is there.
    pub(crate) body_lacks: Option<Located<String>>,
}

/// A value that stands at a place of JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyAtSection {
    /// The place, as a JSON pointer (RFC 6901).
    pub(crate) pointer: Located<String>,
    /// The text, number or boolean that stands there.
    #[schemars(schema_with = "scalar_schema")]
    pub(crate) equals: String,
}

/// A scalar is taken as it is spelled, with quotes or without.
fn scalar_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number", "boolean"]})
}

/// Where an error's reason stands in the body, or in an item: JSON pointers
/// (RFC 6901), the first that finds a text wins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorsSection {
    /// Where the field's name stands. Default: the usual places.
    pub(crate) fields: Option<Vec<Located<String>>>,
    /// Where the message stands. Default: the usual places.
    pub(crate) messages: Option<Vec<Located<String>>>,
    /// Where an object stands whose members have the names of fields, each with
    /// its reason: `[/details]` for `{"details": {"email": [{"description":
    /// "isn't valid"}]}}`. It goes before the others; a reply without it is read
    /// as if this weren't here. Default: none.
    #[serde(default)]
    pub(crate) fields_of: Vec<Located<String>>,
}

/// The conditions of a rule, whatever kind of rule it is.
pub(crate) struct Conditions<'rule> {
    pub(crate) status: Option<&'rule StatusSet>,
    pub(crate) body_contains: Option<&'rule String>,
    pub(crate) body_at: Option<&'rule BodyAtSection>,
    pub(crate) body_has: Option<&'rule Located<String>>,
    pub(crate) body_lacks: Option<&'rule Located<String>>,
}

impl Conditions<'_> {
    /// Whether the rule looks at more than the status.
    pub(crate) fn look_inside(&self) -> bool {
        self.body_contains.is_some()
            || self.body_at.is_some()
            || self.body_has.is_some()
            || self.body_lacks.is_some()
    }

    /// The pointers of the conditions.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = &Located<String>> {
        let at = self.body_at.map(|place| &place.pointer);
        at.into_iter().chain(self.body_has).chain(self.body_lacks)
    }

    /// Whether every reply that the other rule is about is this one's too.
    pub(crate) fn cover(&self, other: &Self) -> bool {
        let statuses = match (self.status, other.status) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(others)) => mine.covers(others),
        };
        statuses && !self.look_inside()
    }
}

impl ReplySection {
    pub(crate) fn conditions(&self) -> Conditions<'_> {
        Conditions {
            status: Some(&self.status),
            body_contains: self.body_contains.as_ref(),
            body_at: self.body_at.as_ref(),
            body_has: self.body_has.as_ref(),
            body_lacks: self.body_lacks.as_ref(),
        }
    }
}

impl ItemReplySection {
    pub(crate) fn conditions(&self) -> Conditions<'_> {
        Conditions {
            status: self.status.as_ref(),
            body_contains: self.body_contains.as_ref(),
            body_at: self.body_at.as_ref(),
            body_has: self.body_has.as_ref(),
            body_lacks: self.body_lacks.as_ref(),
        }
    }
}

impl ConditionSection {
    pub(crate) fn conditions(&self) -> Conditions<'_> {
        Conditions {
            status: Some(&self.status),
            body_contains: self.body_contains.as_ref(),
            body_at: self.body_at.as_ref(),
            body_has: self.body_has.as_ref(),
            body_lacks: self.body_lacks.as_ref(),
        }
    }
}
