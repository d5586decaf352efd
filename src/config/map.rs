//! `map` of a job file: which column, or which fixed text, a target field is
//! filled from.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::scalar::SpelledText;

/// One rule: a target field and what it is filled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRule {
    /// The target field's name.
    pub target: String,
    /// What it is filled from.
    pub source: MapSource,
    /// Whether white space at both ends is cut off. Default: no.
    pub trim: bool,
    /// Whether the value is put in lower case. Default: no.
    pub lowercase: bool,
    /// What stands in for an empty cell. Default: nothing.
    pub default: Option<String>,
    /// Whether a row without a value is rejected. Default: no.
    pub required: bool,
    /// The rule's line in the job file, counted from 1; 0 where no file holds it.
    pub line: u64,
}

/// What a target field is filled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapSource {
    /// A source column's name.
    Column(String),
    /// The same text for every row.
    Constant(String),
}

/// What stands under a target field's name.
#[derive(Clone, Debug)]
pub struct MapEntry {
    from: Option<String>,
    constant: Option<String>,
    trim: bool,
    lowercase: bool,
    default: Option<String>,
    required: bool,
}

impl MapEntry {
    /// Whether the keys go together.
    pub(super) fn check(&self, target: &str) -> Result<(), String> {
        match (&self.from, &self.constant) {
            (Some(_), Some(_)) => Err(format!(
                "`{target}` has both `from` and `constant`; keep one of them"
            )),
            (None, None) => Err(format!(
                "`{target}` has neither `from` nor `constant`; write the source column's name"
            )),
            (None, Some(_))
                if self.trim || self.lowercase || self.required || self.default.is_some() =>
            {
                Err(format!(
                    "`{target}` is a constant, so `trim`, `lowercase`, `default` and `required` have no effect; leave them out"
                ))
            }
            _ => Ok(()),
        }
    }

    /// The rule; `None` where the keys don't go together.
    pub(super) fn rule(&self, target: &str, line: u64) -> Option<MapRule> {
        let source = match (&self.from, &self.constant) {
            (Some(column), None) => MapSource::Column(column.clone()),
            (None, Some(text)) => MapSource::Constant(text.clone()),
            _ => return None,
        };
        Some(MapRule {
            target: target.to_owned(),
            source,
            trim: self.trim,
            lowercase: self.lowercase,
            default: self.default.clone(),
            required: self.required,
            line,
        })
    }
}

/// The long form of an entry.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongEntry {
    /// The source column's name.
    from: Option<String>,
    /// The same text for every row.
    #[schemars(with = "Option<SpelledText>")]
    constant: Option<String>,
    /// Cut white space off at both ends.
    #[serde(default)]
    trim: bool,
    /// Put the value in lower case.
    #[serde(default)]
    lowercase: bool,
    /// What stands in for an empty cell.
    #[schemars(with = "Option<SpelledText>")]
    default: Option<String>,
    /// Reject a row without a value.
    #[serde(default)]
    required: bool,
}

impl<'de> Deserialize<'de> for MapEntry {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl EntryVisitor {
    fn refuse_number<Failure: de::Error>(number: impl fmt::Display) -> Failure {
        // The number's own spelling (007, 1.10) is lost by now.
        Failure::custom(format!(
            "a column's name that reads as a number must stand in quotes, such as \"{number}\""
        ))
    }
}

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = MapEntry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a source column's name, or {from: column, …}, or {constant: text}")
    }

    fn visit_str<Failure: de::Error>(self, text: &str) -> Result<MapEntry, Failure> {
        Ok(MapEntry {
            from: Some(text.to_owned()),
            constant: None,
            trim: false,
            lowercase: false,
            default: None,
            required: false,
        })
    }

    fn visit_u64<Failure: de::Error>(self, number: u64) -> Result<MapEntry, Failure> {
        Err(Self::refuse_number(number))
    }

    fn visit_i64<Failure: de::Error>(self, number: i64) -> Result<MapEntry, Failure> {
        Err(Self::refuse_number(number))
    }

    fn visit_f64<Failure: de::Error>(self, number: f64) -> Result<MapEntry, Failure> {
        Err(Self::refuse_number(number))
    }

    fn visit_map<Access: MapAccess<'de>>(self, access: Access) -> Result<MapEntry, Access::Error> {
        let entry = LongEntry::deserialize(MapAccessDeserializer::new(access))?;
        Ok(MapEntry {
            from: entry.from,
            constant: entry.constant,
            trim: entry.trim,
            lowercase: entry.lowercase,
            default: entry.default,
            required: entry.required,
        })
    }
}

impl JsonSchema for MapEntry {
    fn schema_name() -> Cow<'static, str> {
        "MapEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "the source column's name, or a mapping with `from` or `constant`",
            "anyOf": [{"type": "string"}, generator.subschema_for::<LongEntry>()],
        })
    }
}
