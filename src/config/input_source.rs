//! What the rows come from, as the user names it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::CredentialSources;

/// Where the rows come from.
#[derive(Clone, Debug)]
pub enum InputSource {
    /// Standard input, as CSV: `-`.
    StandardInput,
    /// A CSV file.
    File(PathBuf),
    /// One sheet of a workbook (XLSX).
    Workbook {
        /// The file.
        path: PathBuf,
        /// The sheet's name. Default: the first sheet.
        sheet: Option<String>,
    },
    /// A file with one JSON object a line.
    Ndjson(PathBuf),
    /// The records of a platform, page by page.
    Stream(StreamSource),
}

/// A connector's stream as the source.
#[derive(Clone, Debug)]
pub struct StreamSource {
    /// A built-in connector's name, or the path of a connector file.
    pub connector: String,
    /// The stream's name. Default: the connector's only stream.
    pub stream: Option<String>,
    /// Values for the connector's variables.
    pub variables: BTreeMap<String, String>,
    /// Where the source's credentials can be had. Default: the environment
    /// variables SLUICE_SOURCE_CLIENT_ID and SLUICE_SOURCE_CLIENT_SECRET where
    /// they are set, else the target's.
    pub credentials: Option<CredentialSources>,
}

impl InputSource {
    /// The source that a command line names: `-` is standard input, and a
    /// file's extension says what it holds.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        if path.as_os_str() == "-" {
            return Self::StandardInput;
        }
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("xlsx" | "xlsm") => Self::Workbook {
                path: path.to_owned(),
                sheet: None,
            },
            Some("ndjson" | "jsonl") => Self::Ndjson(path.to_owned()),
            _ => Self::File(path.to_owned()),
        }
    }

    /// The file, where the source is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Workbook { path, .. } | Self::Ndjson(path) => Some(path),
            Self::StandardInput | Self::Stream(_) => None,
        }
    }

    /// What the source's place is called in a job file.
    pub(super) fn setting(&self) -> &'static str {
        match self {
            Self::StandardInput | Self::File(_) => "source.csv",
            Self::Workbook { .. } => "source.xlsx",
            Self::Ndjson(_) => "source.ndjson",
            Self::Stream(_) => "source.connector",
        }
    }
}

impl fmt::Display for InputSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandardInput => formatter.write_str("standard input"),
            Self::File(path) | Self::Ndjson(path) | Self::Workbook { path, sheet: None } => {
                write!(formatter, "{}", path.display())
            }
            Self::Workbook {
                path,
                sheet: Some(sheet),
            } => write!(formatter, "{}, sheet {sheet}", path.display()),
            Self::Stream(StreamSource {
                connector, stream, ..
            }) => match stream {
                Some(stream) => write!(formatter, "{stream} of {connector}"),
                None => formatter.write_str(connector),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_extension_says_what_it_holds() {
        let named = |text: &str| InputSource::of_path(Path::new(text));
        assert!(matches!(named("-"), InputSource::StandardInput));
        assert!(matches!(named("a.XLSX"), InputSource::Workbook { .. }));
        assert!(matches!(named("b/a.jsonl"), InputSource::Ndjson(_)));
        assert!(matches!(named("a.ndjson"), InputSource::Ndjson(_)));
        assert!(matches!(named("ndjson"), InputSource::File(_)));
        assert!(matches!(named("a.txt"), InputSource::File(_)));
    }
}
