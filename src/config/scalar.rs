//! Small shapes that YAML values come in: a text or a number, and a mapping
//! whose keys are the user's own names.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Located, did_you_mean};

/// Reads a text or a number as the text that the parser of a unit takes.
pub(super) struct TextOrNumber {
    /// What the value should be, for the message.
    pub(super) expected: &'static str,
}

impl Visitor<'_> for TextOrNumber {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<Failure: de::Error>(self, text: &str) -> Result<String, Failure> {
        Ok(text.to_owned())
    }

    fn visit_u64<Failure: de::Error>(self, number: u64) -> Result<String, Failure> {
        Ok(number.to_string())
    }

    fn visit_i64<Failure: de::Error>(self, number: i64) -> Result<String, Failure> {
        Ok(number.to_string())
    }

    fn visit_f64<Failure: de::Error>(self, number: f64) -> Result<String, Failure> {
        Ok(number.to_string())
    }
}

/// In the schema: a text that may be written without quotes where it reads as a
/// number or a truth value, since it is taken as it is spelled.
pub(super) struct SpelledText;

impl JsonSchema for SpelledText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SpelledText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

/// One entry of a [`NameMap`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMapEntry<Value> {
    /// The name, with its place.
    pub name: Located<String>,
    /// What stands under it.
    pub value: Value,
}

/// A mapping whose keys are names of the user's choice, in the file's order
/// and with their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMap<Value> {
    /// The entries in the file's order; no name stands twice.
    pub entries: Vec<NameMapEntry<Value>>,
}

impl<Value> Default for NameMap<Value> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<Value> NameMap<Value> {
    /// What stands under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find(|entry| entry.name.value == name)
            .map(|entry| &entry.value)
    }

    /// The names in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> + '_ {
        self.entries.iter().map(|entry| entry.name.value.as_str())
    }

    /// The end of a message about a name that isn't here.
    #[must_use]
    pub fn did_you_mean(&self, wanted: &str) -> String {
        did_you_mean(wanted, self.names())
    }
}

impl<'de, Value: Deserialize<'de>> Deserialize<'de> for NameMap<Value> {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source.deserialize_map(NameMapVisitor(PhantomData))
    }
}

struct NameMapVisitor<Value>(PhantomData<Value>);

impl<'de, Value: Deserialize<'de>> Visitor<'de> for NameMapVisitor<Value> {
    type Value = NameMap<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping of names")
    }

    fn visit_map<Access: MapAccess<'de>>(
        self,
        mut access: Access,
    ) -> Result<Self::Value, Access::Error> {
        let mut entries: Vec<NameMapEntry<Value>> = Vec::new();
        let mut seen = HashSet::new();
        while let Some((name, value)) = access.next_entry::<Located<String>, Value>()? {
            // To YAML `1` and `"1"` are two keys; here they are one name.
            if !seen.insert(name.value.clone()) {
                let name = &name.value;
                return Err(de::Error::custom(format!("`{name}` stands twice")));
            }
            entries.push(NameMapEntry { name, value });
        }
        Ok(NameMap { entries })
    }
}

impl<Value: JsonSchema> JsonSchema for NameMap<Value> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("NamesOf{}", Value::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<Value>(),
        })
    }
}
