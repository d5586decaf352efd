//! Sets of HTTP statuses, as a connector file writes them.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A set of statuses: `404`, `5xx`, or a list of such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatusSet {
    ranges: Vec<RangeInclusive<u16>>,
}

impl StatusSet {
    /// The set of that one status.
    pub(crate) fn one(status: u16) -> Self {
        Self {
            ranges: vec![status..=status],
        }
    }

    /// The statuses that say that a request was taken.
    pub(crate) fn successes() -> Self {
        Self {
            ranges: vec![200..=299],
        }
    }

    /// Whether all of them say that a request was taken.
    pub(crate) fn is_success(&self) -> bool {
        Self::successes().covers(self)
    }

    /// Whether the status is in the set.
    pub(crate) fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status))
    }

    /// Whether every status of the other set is in this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other
            .ranges
            .iter()
            .all(|range| range.clone().all(|status| self.contains(status)))
    }
}

struct StatusVisitor;

impl StatusVisitor {
    fn range<Failure: de::Error>(text: &str) -> Result<RangeInclusive<u16>, Failure> {
        if let [hundreds @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] = text.as_bytes() {
            let first = u16::from(hundreds - b'0') * 100;
            return Ok(first..=first + 99);
        }
        match text.parse::<u16>() {
            Ok(status @ 100..=599) => Ok(status..=status),
            _ => Err(Failure::custom(format!(
                "{:?} is no HTTP status; write one from 100 to 599, or a family such as 5xx",
                text.chars().take(20).collect::<String>()
            ))),
        }
    }
}

impl<'de> Visitor<'de> for StatusVisitor {
    type Value = StatusSet;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an HTTP status, a family such as 5xx, or a list of such")
    }

    fn visit_u64<Failure: de::Error>(self, status: u64) -> Result<StatusSet, Failure> {
        self.visit_str(&status.to_string())
    }

    fn visit_i64<Failure: de::Error>(self, status: i64) -> Result<StatusSet, Failure> {
        self.visit_str(&status.to_string())
    }

    fn visit_str<Failure: de::Error>(self, text: &str) -> Result<StatusSet, Failure> {
        Ok(StatusSet {
            ranges: vec![Self::range(text)?],
        })
    }

    fn visit_seq<Access: SeqAccess<'de>>(
        self,
        mut access: Access,
    ) -> Result<StatusSet, Access::Error> {
        let mut ranges = Vec::new();
        while let Some(set) = access.next_element::<StatusSet>()? {
            ranges.extend(set.ranges);
        }
        if ranges.is_empty() {
            return Err(de::Error::custom("the list of statuses is empty"));
        }
        Ok(StatusSet { ranges })
    }
}

impl<'de> Deserialize<'de> for StatusSet {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(StatusVisitor)
    }
}

impl JsonSchema for StatusSet {
    fn schema_name() -> Cow<'static, str> {
        "StatusSet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^([1-5][xX][xX]|[1-5][0-9][0-9])$"},
            ],
        });
        json_schema!({
            "description": "an HTTP status, a family such as 5xx, or a list of such",
            "anyOf": [one, {"type": "array", "items": one, "minItems": 1}],
        })
    }
}
