//! The fields of an operation, as they stand on disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::{Located, NameMap};
use crate::mapping::{EmptyCells, FieldKind};

use super::template::Template;

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
    /// Where it stands in the record, as a JSON pointer such as
    /// /emailAddresses/0/value; a step of digits is an entry of a list. Default:
    /// a member of the field's name.
    pub(crate) at: Option<Located<String>>,
    /// What is written where the field has a value, and only there: place to
    /// value, as under `constants`.
    #[serde(default)]
    pub(crate) beside: NameMap<Located<FixedValue>>,
    /// What its values are. Default: string.
    #[serde(default)]
    pub(crate) kind: FieldKind,
    /// The values that a field of the kind `enum` takes.
    pub(crate) values: Option<Vec<Located<String>>>,
    /// A regular expression that a whole value must match. Default: none.
    pub(crate) pattern: Option<Located<String>>,
    /// The smallest number. Default: no bound.
    pub(crate) min: Option<f64>,
    /// The largest number. Default: no bound.
    pub(crate) max: Option<f64>,
    /// Whether the field takes a list of values: `true`, or `{item: /value}`
    /// where each value stands in an object. Default: no.
    #[serde(default)]
    pub(crate) list: ListSection,
    /// The longest length in characters. Default: no bound.
    pub(crate) max_length: Option<usize>,
    /// Whether a row without a value is refused. Default: no.
    #[serde(default)]
    pub(crate) required: bool,
    /// Whether line breaks, tabs and the like are refused. Default: no.
    #[serde(default)]
    pub(crate) forbid_control_characters: bool,
}

/// Fields that the file doesn't name: each customer's own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtherFieldsSection {
    /// Where a value stands in the record, as a JSON pointer in which `*` stands
    /// for the field's name and `-` for the next place of a list: `/data/*`.
    pub(crate) at: Located<String>,
    /// Where the field's name stands, if it isn't part of `at`: `/-/ident`.
    pub(crate) name_at: Option<Located<String>>,
    /// The longest length in characters. Default: no bound.
    pub(crate) max_length: Option<usize>,
}

/// Whether a field takes a list, and where a value stands in its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListSection {
    /// One value.
    #[default]
    No,
    /// A list of values.
    Values,
    /// A list of objects with a value each, at this place.
    Objects(Located<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemPlace {
    item: Located<String>,
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = ListSection;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true, false or {item: /pointer}")
    }

    fn visit_bool<Failure: de::Error>(self, is_list: bool) -> Result<ListSection, Failure> {
        Ok(match is_list {
            true => ListSection::Values,
            false => ListSection::No,
        })
    }

    fn visit_map<Access: MapAccess<'de>>(
        self,
        access: Access,
    ) -> Result<ListSection, Access::Error> {
        let place = ItemPlace::deserialize(MapAccessDeserializer::new(access))?;
        Ok(ListSection::Objects(place.item))
    }
}

impl<'de> Deserialize<'de> for ListSection {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(ListVisitor)
    }
}

impl JsonSchema for ListSection {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "List".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "properties": {
                        "item": {
                            "type": "string",
                            "description": "where the value stands in its entry, as a JSON pointer",
                        },
                    },
                    "required": ["item"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// A value that is the same for all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FixedValue {
    /// A text, perhaps with names of variables in it.
    Text(Template),
    /// A number or a truth value, in JSON's spelling.
    Bare(String),
}

impl FixedValue {
    /// The value as JSON; the error is the name of a variable without a value.
    pub(crate) fn json(&self, values: &BTreeMap<String, String>) -> Result<String, String> {
        Ok(match self {
            Self::Text(template) => serde_json::Value::from(template.fill(values)?).to_string(),
            Self::Bare(json) => json.clone(),
        })
    }
}

struct FixedVisitor;

impl Visitor<'_> for FixedVisitor {
    type Value = FixedValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number, true or false")
    }

    fn visit_str<Failure: de::Error>(self, text: &str) -> Result<FixedValue, Failure> {
        let template = Template::parse(text).map_err(Failure::custom)?;
        Ok(FixedValue::Text(template))
    }

    fn visit_bool<Failure: de::Error>(self, value: bool) -> Result<FixedValue, Failure> {
        Ok(FixedValue::Bare(value.to_string()))
    }

    fn visit_u64<Failure: de::Error>(self, number: u64) -> Result<FixedValue, Failure> {
        Ok(FixedValue::Bare(number.to_string()))
    }

    fn visit_i64<Failure: de::Error>(self, number: i64) -> Result<FixedValue, Failure> {
        Ok(FixedValue::Bare(number.to_string()))
    }

    fn visit_f64<Failure: de::Error>(self, number: f64) -> Result<FixedValue, Failure> {
        match serde_json::Number::from_f64(number) {
            Some(number) => Ok(FixedValue::Bare(number.to_string())),
            None => Err(Failure::custom("JSON has no such number")),
        }
    }
}

impl<'de> Deserialize<'de> for FixedValue {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(FixedVisitor)
    }
}

impl JsonSchema for FixedValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FixedValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}
