//! `sluice schema`: prints the JSON Schema of job or connector files.

use crate::config::{job_schema, schema_text};
use crate::connector::connector_schema;
use crate::error::{ExitStatus, FatalError};

use super::arguments::{SchemaArguments, SchemaOf};
use super::print;

/// `sluice schema`.
pub(super) fn schema(arguments: &SchemaArguments) -> Result<ExitStatus, FatalError> {
    let schema = match arguments.of {
        SchemaOf::Job => job_schema(),
        SchemaOf::Connector => connector_schema(),
    };
    print::result(&schema_text(&schema))?;
    Ok(ExitStatus::Done)
}
