//! What to read, and how the user says it is written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8};

use crate::source::{SourceError, Spool};

/// Where the text comes from.
#[derive(Clone, Debug)]
pub enum Input {
    /// A regular file.
    File(PathBuf),
    /// Standard input, read once, without a copy: for looking at a stream, not
    /// for a run that must be able to resume.
    Stdin,
    /// A stream that is being copied to a file.
    Spool(Spool),
}

impl Input {
    /// The input in words, as it stands in messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("`{}`", path.display()),
            Self::Stdin | Self::Spool(_) => "standard input".to_owned(),
        }
    }

    /// A reader that starts `offset` bytes into the input.
    pub(super) fn open(&self, offset: u64) -> Result<Box<dyn Read + Send>, SourceError> {
        match self {
            Self::File(path) => {
                let mut file = open_regular(path)?;
                file.seek(SeekFrom::Start(offset))
                    .map_err(|cause| SourceError::reading(self.describe(), offset, cause))?;
                Ok(Box::new(file))
            }
            Self::Stdin if offset == 0 => Ok(Box::new(io::stdin())),
            Self::Stdin => Err(SourceError::ReadOnce),
            Self::Spool(spool) => {
                let reader = spool
                    .reader_at(offset)
                    .map_err(|cause| SourceError::reading(self.describe(), offset, cause))?;
                Ok(Box::new(reader))
            }
        }
    }

    /// Whether reading may start anywhere.
    pub(super) fn can_seek(&self) -> bool {
        !matches!(self, Self::Stdin)
    }
}

/// How a CSV input is to be read. What isn't named is found out.
#[derive(Clone, Debug)]
pub struct CsvSettings {
    /// Where the text comes from.
    pub input: Input,
    /// The character between fields: one ASCII character. Found out by default.
    pub delimiter: Option<char>,
    /// The text's encoding. Found out by default; a byte order mark always wins.
    pub encoding: Option<&'static Encoding>,
    /// Of an input in the staged form, what it was staged from, in words.
    pub staged_from: Option<String>,
}

impl CsvSettings {
    /// The input with everything else found out.
    #[must_use]
    pub fn new(input: Input) -> Self {
        Self {
            input,
            delimiter: None,
            encoding: None,
            staged_from: None,
        }
    }

    /// An input in the staged form. `from` is what the user named, in words.
    #[must_use]
    pub fn staged(input: Input, from: impl Into<String>) -> Self {
        Self {
            input,
            delimiter: Some(','),
            encoding: Some(UTF_8),
            staged_from: Some(from.into()),
        }
    }

    /// What the user named, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.staged_from {
            Some(from) => from.clone(),
            None => self.input.describe(),
        }
    }

    /// The named delimiter as a byte, if it is one that can separate fields.
    pub(super) fn delimiter_byte(&self) -> Result<Option<u8>, SourceError> {
        let Some(delimiter) = self.delimiter else {
            return Ok(None);
        };
        match u8::try_from(delimiter) {
            Ok(byte) if separates_fields(byte) => Ok(Some(byte)),
            _ => Err(SourceError::BadDelimiter { delimiter }),
        }
    }
}

/// Whether a byte can stand between fields.
pub(super) fn separates_fields(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0)
}

/// Opens a file for reading, after a look at what it is: opening a pipe would
/// wait, and a directory opens without complaint.
pub(in crate::source) fn open_regular(path: &Path) -> Result<File, SourceError> {
    let path_owned = || path.to_path_buf();
    let metadata = std::fs::metadata(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => SourceError::Missing { path: path_owned() },
        _ => SourceError::Unreadable {
            path: path_owned(),
            cause,
        },
    })?;
    if metadata.is_dir() {
        return Err(SourceError::Directory { path: path_owned() });
    }
    if !metadata.is_file() {
        return Err(SourceError::NotRegular { path: path_owned() });
    }
    File::open(path).map_err(|cause| SourceError::Unreadable {
        path: path_owned(),
        cause,
    })
}
