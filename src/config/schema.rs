//! The published JSON Schema of the job file, for editors that complete and
//! check while one types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::JobFile;

/// JSON Schema (draft 2020-12) of the job file.
#[must_use]
pub fn job_schema() -> Schema {
    schema_of::<JobFile>("Sluice job file")
}

/// JSON Schema (draft 2020-12) of a file's shape, under the given title.
#[must_use]
pub fn schema_of<Shape: JsonSchema>(title: &str) -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<Shape>();
    schema.insert("title".to_owned(), title.into());
    schema
}

/// A schema as text, indented, with a line break at its end.
#[must_use]
pub fn schema_text(schema: &Schema) -> String {
    format!("{:#}\n", schema.as_value())
}
