//! The operations of a connector file, as they stand on disk.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, NameMap, TimeSpan};
use crate::mapping::{EmptyCells, FieldKind};

use super::class::{Effect, ReplyClass};
use super::operation::Method;
use super::status::StatusSet;
use super::template::Template;

/// One thing that can be done to a record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationSection {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The path below the base address. `{name}` stands for the key, encoded
    /// as one segment, or for a variable.
    pub(crate) path: Located<Template>,
    /// The field that names the record.
    pub(crate) key: Located<String>,
    /// The key's longest length in characters. Default: no bound.
    pub(crate) key_max_length: Option<usize>,
    /// What it does to the record.
    pub(crate) effect: Effect,
    /// Whether sending the same request twice does no harm. Default: yes for
    /// PUT, PATCH and DELETE, no for POST.
    pub(crate) repeatable: Option<bool>,
    /// Headers of the request besides the token's and the body's own.
    #[serde(default)]
    pub(crate) headers: NameMap<Located<Template>>,
    /// How the record stands in the body.
    #[serde(default)]
    pub(crate) body: BodySection,
    /// Records per request. Only 1 is supported yet.
    pub(crate) batch: Option<Located<u32>>,
    /// How long a reply is waited for. Default: 60s.
    pub(crate) timeout: Option<TimeSpan>,
    /// What an empty cell means. Default: omit.
    #[serde(default)]
    pub(crate) empty: EmptyRule,
    /// The fields of the record, without the key.
    pub(crate) fields: NameMap<Located<FieldSection>>,
    /// What a reply means; the first match wins. A reply that nothing matches
    /// is classed by its status.
    #[serde(default)]
    pub(crate) replies: Vec<Located<ReplySection>>,
    /// Where an error's reason stands in the body.
    #[serde(default)]
    pub(crate) errors: ErrorsSection,
}

/// How the record stands in the body.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodySection {
    /// The names of the objects around the record, outermost first, with `/`
    /// before each: `/data/contact`. Default: none, the record is the body.
    pub(crate) envelope: Option<Located<String>>,
    /// Whether the key is a member of the record too. Default: no.
    #[serde(default)]
    pub(crate) includes_key: bool,
}

/// What an empty cell means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EmptyRule {
    /// The field is left out of the body, so the record keeps what it has.
    #[default]
    Omit,
    /// The field is sent empty.
    Send,
}

impl From<EmptyRule> for EmptyCells {
    fn from(rule: EmptyRule) -> Self {
        match rule {
            EmptyRule::Omit => Self::Omit,
            EmptyRule::Send => Self::Send,
        }
    }
}

/// One field of the record.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldSection {
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people who open the file")]
    pub(crate) description: String,
    /// What its values are. Default: string.
    #[serde(default)]
    pub(crate) kind: KindName,
    /// The longest length in characters. Default: no bound.
    pub(crate) max_length: Option<usize>,
    /// Whether a row without a value is refused. Default: no.
    #[serde(default)]
    pub(crate) required: bool,
    /// Whether line breaks, tabs and the like are refused. Default: no.
    #[serde(default)]
    pub(crate) forbid_control_characters: bool,
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindName {
    /// Any text.
    #[default]
    String,
    /// A telephone number.
    Phone,
    /// A number, sent without quotes.
    Number,
    /// `true` or `false`, sent without quotes.
    Boolean,
}

impl From<KindName> for FieldKind {
    fn from(kind: KindName) -> Self {
        match kind {
            KindName::String => Self::String,
            KindName::Phone => Self::Phone,
            KindName::Number => Self::Number,
            KindName::Boolean => Self::Boolean,
        }
    }
}

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
    /// What it means.
    pub(crate) class: ReplyClass,
}

/// A value that stands at a place of the JSON body.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyAtSection {
    /// The place, as a JSON pointer (RFC 6901).
    pub(crate) pointer: Located<String>,
    /// The text, number or boolean that stands there.
    pub(crate) equals: String,
}

/// Where an error's reason stands in the body: JSON pointers (RFC 6901), the
/// first that finds a text wins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorsSection {
    /// Where the field's name stands. Default: the usual places.
    pub(crate) fields: Option<Vec<Located<String>>>,
    /// Where the message stands. Default: the usual places.
    pub(crate) messages: Option<Vec<Located<String>>>,
}
