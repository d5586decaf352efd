//! Why a connector can't be used.

use crate::config::ConfigError;
use crate::error::FatalError;

use super::check::Finding;
use super::url::UrlError;

/// Why a connector can't be used. The values of variables are never quoted:
/// one may be a secret that was given by mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// No built-in connector has that name.
    #[error("no connector `{name}`{suggestion}")]
    UnknownName {
        /// The name that was given.
        name: String,
        /// `; did you mean …?`, or nothing.
        suggestion: String,
    },
    /// The file can't be read, or isn't of a connector's shape.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// The file has mistakes.
    #[error("{file}{}: {}{}", .first.line.map(|line| format!(":{line}")).unwrap_or_default(), .first.message, more(*.others))]
    Invalid {
        /// The file, as the user named it.
        file: String,
        /// Its first mistake.
        first: Finding,
        /// How many more there are.
        others: usize,
    },
    /// A variable that the connector doesn't have.
    #[error("the connector `{connector}` has no variable `{variable}`{suggestion}")]
    UnknownVariable {
        /// The connector's name.
        connector: String,
        /// The variable's name.
        variable: String,
        /// `; did you mean …?`, or the variables there are.
        suggestion: String,
    },
    /// An operation that the connector doesn't have.
    #[error(
        "the connector `{connector}` has no operation `{operation}` that rows can be loaded with{suggestion}"
    )]
    UnknownOperation {
        /// The connector's name.
        connector: String,
        /// The operation's name.
        operation: String,
        /// `; did you mean …?`, or nothing.
        suggestion: String,
    },
    /// A value that the connector's table doesn't have.
    #[error("`{variable}` is none of the values that the connector knows: {known}{suggestion}")]
    NotInTable {
        /// The variable's name.
        variable: String,
        /// `; did you mean …?`, or nothing.
        suggestion: String,
        /// What may be given.
        known: String,
    },
    /// A secret was given as a variable.
    #[error(
        "`{variable}` looks like a secret, and a variable is no place for one: it stands in job files, in the process list and in the shell's history"
    )]
    SecretVariable {
        /// The variable's name.
        variable: String,
    },
    /// A variable that must be given wasn't.
    #[error("the connector `{connector}` needs `{variable}`: {description}")]
    MissingVariable {
        /// The connector's name.
        connector: String,
        /// The variable's name.
        variable: String,
        /// What it is.
        description: String,
        /// A value to show; may be empty.
        example: String,
    },
    /// A value that doesn't match the variable's pattern.
    #[error("the value of `{variable}` doesn't fit: it has to match {pattern}")]
    BadValue {
        /// The variable's name.
        variable: String,
        /// The pattern.
        pattern: String,
        /// A value to show; may be empty.
        example: String,
    },
    /// A stream that the connector doesn't have.
    #[error("the connector {connector} {}{suggestion}", match stream { Some(name) => format!("has no stream `{name}`"), None => "has no stream that goes without saying".to_owned() })]
    UnknownStream {
        /// The connector's name.
        connector: String,
        /// The name that was given.
        stream: Option<String>,
        /// How a message about it ends.
        suggestion: String,
    },
    /// An address that requests can't go to.
    #[error("the {what} can't be used: {cause}")]
    BadUrl {
        /// Which address.
        what: String,
        /// What is wrong with it.
        cause: UrlError,
    },
    /// An address that the platform told, at a host that the file doesn't name.
    #[error("the platform names {host} as the host of its API, and the connector file doesn't")]
    ForeignHost {
        /// Host and port.
        host: String,
        /// The hosts that the file names.
        known: String,
    },
    /// A header's value that can't stand in a request.
    #[error("the header `{header}` would hold a character that no header may have")]
    BadHeader {
        /// The header's name.
        header: String,
    },
}

/// What the user has said of a connector that a mistake is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtFault<'error> {
    /// Which connector it is.
    Connector,
    /// Its operation.
    Operation,
    /// Its stream.
    Stream,
    /// The variable of that name.
    Variable(&'error str),
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => " (and one more mistake)".to_owned(),
        others => format!(" (and {others} more mistakes)"),
    }
}

impl ConnectorError {
    /// What is at fault of what the user has said; `None` where it is the
    /// connector file itself.
    #[must_use]
    pub fn at_fault(&self) -> Option<AtFault<'_>> {
        Some(match self {
            Self::UnknownName { .. }
            | Self::MissingVariable { .. }
            | Self::UnknownStream { stream: None, .. } => AtFault::Connector,
            // A file as a whole: it isn't there, or can't be one.
            Self::File(error) if error.place.as_ref().is_some_and(|place| place.line == 0) => {
                AtFault::Connector
            }
            Self::UnknownOperation { .. } => AtFault::Operation,
            Self::UnknownStream { .. } => AtFault::Stream,
            Self::UnknownVariable { variable, .. }
            | Self::NotInTable { variable, .. }
            | Self::SecretVariable { variable }
            | Self::BadValue { variable, .. } => AtFault::Variable(variable),
            // An address that stands in the connector file has no such name.
            Self::BadUrl { what, .. } => AtFault::Variable(what),
            Self::File(_)
            | Self::Invalid { .. }
            | Self::ForeignHost { .. }
            | Self::BadHeader { .. } => return None,
        })
    }

    /// What the user can do, as a sentence; may be empty. `section` is where the
    /// job file speaks of the connector, and `flag` what `--set` has in front of
    /// its variables' names.
    #[must_use]
    pub fn hint(&self, section: &str, flag: &str) -> String {
        match self {
            Self::UnknownName { .. } => {
                "`sluice connectors list` names the built-in ones; a file of your own is named by its path.".to_owned()
            }
            Self::File(error) => error.hint.clone(),
            Self::Invalid { file, first, .. } => {
                format!("{} `sluice connectors check {file}` lists every mistake.", first.hint)
                    .trim_start()
                    .to_owned()
            }
            Self::UnknownOperation { connector, .. } => {
                format!("`sluice connectors show {connector}` names them.")
            }
            Self::UnknownVariable { .. } | Self::NotInTable { .. } => String::new(),
            Self::SecretVariable { .. } => {
                "Set SLUICE_CLIENT_ID and SLUICE_CLIENT_SECRET, or use `credentials` in the job file.".to_owned()
            }
            Self::MissingVariable { variable, example, .. }
            | Self::BadValue { variable, example, .. } if !example.is_empty() => {
                format!("Add `--set {flag}{variable}={example}`, or `{variable}: {example}` under `{section}` in the job file.")
            }
            Self::MissingVariable { variable, .. } => {
                format!("Add `--set {flag}{variable}=…`, or `{variable}` under `{section}` in the job file.")
            }
            Self::UnknownStream { .. } => "Name one with `stream` under `source` in the job file.".to_owned(),
            Self::ForeignHost { known, .. } => {
                format!("Tokens go to {known} alone; if this host is the platform's too, add it to `hosts` under `discovery`.")
            }
            Self::BadValue { .. } | Self::BadUrl { .. } | Self::BadHeader { .. } => String::new(),
        }
    }
}

impl From<ConnectorError> for FatalError {
    fn from(error: ConnectorError) -> Self {
        Self::usage(error.to_string()).with_hint(error.hint("target", ""))
    }
}
