//! Finding a connector: inside the binary, or in a file.

use std::path::Path;

use schemars::Schema;

use crate::config::{Located, did_you_mean, read_yaml, schema_of};

use super::builtin::BUILTINS;
use super::check::examine;
use super::error::ConnectorError;
use super::file::ConnectorFile;

/// A connector file that was read and found right. Its variables are still
/// open; [`Connector::bind`] fills them in.
#[derive(Clone, Debug)]
pub struct Connector {
    pub(super) file: ConnectorFile,
    source_text: String,
}

/// The names of the built-in connectors, in their order.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, _)| *name)
}

/// The file of the built-in connector of that name, to be shown or copied.
#[must_use]
pub fn source_text(name: &str) -> Option<&'static str> {
    BUILTINS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// JSON Schema (draft 2020-12) of the connector file.
#[must_use]
pub fn connector_schema() -> Schema {
    schema_of::<ConnectorFile>("Sluice connector file")
}

impl Connector {
    /// Reads a built-in connector by its name, or a file by its path. What
    /// holds a `/` or ends with `.yaml` or `.yml` is a path.
    ///
    /// # Errors
    /// An unknown name, a file that can't be read, and a file with mistakes.
    pub fn load(name_or_path: &str) -> Result<Self, ConnectorError> {
        let is_path = name_or_path.contains(['/', '\\'])
            || name_or_path.ends_with(".yaml")
            || name_or_path.ends_with(".yml");
        if is_path {
            let text = crate::config::read_config_text(Path::new(name_or_path))?;
            return Self::parse(name_or_path, &text);
        }
        match source_text(name_or_path) {
            Some(text) => Self::parse(&format!("{name_or_path}.yaml"), text),
            None => Err(ConnectorError::UnknownName {
                name: name_or_path.to_owned(),
                suggestion: did_you_mean(name_or_path, builtin_names()),
            }),
        }
    }

    /// Reads a connector from its text; `file` is the name for messages.
    ///
    /// # Errors
    /// A text that isn't of a connector's shape, or has mistakes.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConnectorError> {
        let model: ConnectorFile = read_yaml(file, text)?;
        let mut findings = examine(&model);
        if findings.is_empty() {
            return Ok(Self {
                file: model,
                source_text: text.to_owned(),
            });
        }
        Err(ConnectorError::Invalid {
            file: file.to_owned(),
            others: findings.len() - 1,
            first: findings.swap_remove(0),
        })
    }

    /// The connector's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.file.name.value
    }

    /// One line about it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.file.title
    }

    /// What it loads, and what one should know; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.file.description
    }

    /// The file's text, for the run's manifest to hash.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source_text
    }

    /// What the user fills in: name and description of each variable.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &super::VariableSection)> + '_ {
        self.file
            .variables
            .entries
            .iter()
            .map(|entry| (entry.name.value.as_str(), &entry.value.value))
    }

    /// The name of the operation, or upsert, that a load uses.
    #[must_use]
    pub fn default_operation(&self) -> &str {
        let named: Option<&Located<String>> = self.file.default_operation.as_ref();
        match named {
            Some(name) => &name.value,
            // `examine` has made sure that there is one, and only one.
            None => self.file.operations.names().next().unwrap_or_default(),
        }
    }
}
