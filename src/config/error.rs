//! A mistake in a configuration file, and where it stands.

use std::fmt;

use crate::error::{FatalError, printable};

/// A place in a file. It prints as `file:line:column`, which editors and
/// terminals turn into a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: String,
    /// The line, counted from 1; 0 where only the file is known.
    pub line: u64,
    /// The column in characters, counted from 1; 0 where only the line is known.
    pub column: u64,
}

impl Place {
    /// The file as a whole.
    #[must_use]
    pub fn of_file(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
            if self.column > 0 {
                write!(formatter, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// A configuration that can't be used: where, what, and what to do next. Free
/// of secrets by construction: values of the file are only quoted where a key
/// or a unit is at fault, never from under `credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the mistake stands; `None` for flags and the environment.
    pub place: Option<Place>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do, as a sentence; empty where the message says it all.
    pub hint: String,
}

impl ConfigError {
    /// A mistake at a place in a file.
    #[must_use]
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            message: printable(&message.into()).into_owned(),
            hint: String::new(),
        }
    }

    /// A mistake that no file holds: a flag, the environment, or a value that
    /// is missing everywhere.
    #[must_use]
    pub fn nowhere(message: impl Into<String>) -> Self {
        Self {
            place: None,
            message: printable(&message.into()).into_owned(),
            hint: String::new(),
        }
    }

    /// The same mistake with what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for FatalError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string()).with_hint(error.hint)
    }
}
