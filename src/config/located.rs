//! A value together with the line it stands on.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::{ConfigError, Place};

/// A value read from YAML, with its place, so that a mistake found long after
/// the parse can still be pointed at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Located<Value> {
    /// The value.
    pub value: Value,
    /// Its line, counted from 1; 0 for a value that no file holds.
    pub line: u64,
    /// Its column in characters, counted from 1; 0 where it isn't known.
    pub column: u64,
}

impl<Value> Located<Value> {
    /// A value that no file holds.
    #[must_use]
    pub fn nowhere(value: Value) -> Self {
        Self {
            value,
            line: 0,
            column: 0,
        }
    }

    /// Where the value stands in `file`.
    #[must_use]
    pub fn place(&self, file: &str) -> Place {
        Place {
            file: file.to_owned(),
            line: self.line,
            column: self.column,
        }
    }

    /// A mistake of this value.
    #[must_use]
    pub fn error(&self, file: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.place(file), message)
    }
}

impl<'de, Value: Deserialize<'de>> Deserialize<'de> for Located<Value> {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        let spanned = Spanned::<Value>::deserialize(source)?;
        Ok(Self {
            line: spanned.referenced.line(),
            column: spanned.referenced.column(),
            value: spanned.value,
        })
    }
}

/// In the schema the place doesn't show: it is the reader's business.
impl<Value: JsonSchema> JsonSchema for Located<Value> {
    fn inline_schema() -> bool {
        Value::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Value::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Value::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Value::json_schema(generator)
    }
}
