//! Places in JSON, as a connector file writes them: one pointer, or a few of
//! which the first that finds something wins.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// JSON pointers (RFC 6901), at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) pointers: Vec<String>,
}

struct PlacesVisitor;

impl<'de> Visitor<'de> for PlacesVisitor {
    type Value = Places;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON pointer, or a list of such")
    }

    fn visit_str<Failure: de::Error>(self, pointer: &str) -> Result<Places, Failure> {
        Ok(Places {
            pointers: vec![pointer.to_owned()],
        })
    }

    fn visit_seq<Access: SeqAccess<'de>>(
        self,
        mut access: Access,
    ) -> Result<Places, Access::Error> {
        let mut pointers = Vec::new();
        while let Some(pointer) = access.next_element::<String>()? {
            pointers.push(pointer);
        }
        if pointers.is_empty() {
            return Err(de::Error::custom("the list of JSON pointers is empty"));
        }
        Ok(Places { pointers })
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_any(PlacesVisitor)
    }
}

impl JsonSchema for Places {
    fn schema_name() -> Cow<'static, str> {
        "Places".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a JSON pointer (RFC 6901), or a list of such, the first that finds something wins",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ],
        })
    }
}
