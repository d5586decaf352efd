//! Why a spool ended early.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::error::FatalError;

/// Which half of the copying failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpoolSide {
    /// The stream couldn't be read.
    Reading,
    /// The file couldn't be written: the disk is full, or fails.
    Writing,
}

/// Why a spool ended early; it is the inner error of the `io::Error` that a
/// [`super::SpoolReader`] gives, so that a full disk can be told from a bad stream.
#[derive(Clone, Debug)]
pub struct SpoolFailure {
    /// Which half failed.
    pub side: SpoolSide,
    /// The spool's file.
    pub path: PathBuf,
    /// The operating system's word.
    pub reason: String,
    pub(super) kind: io::ErrorKind,
    /// What the writer of a stream ended with, where it wasn't the file.
    pub(in crate::source) fatal: Option<FatalError>,
}

impl fmt::Display for SpoolFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            SpoolSide::Reading => write!(formatter, "can't read the stream: {}", self.reason),
            SpoolSide::Writing => {
                write!(
                    formatter,
                    "can't write {}: {}",
                    self.path.display(),
                    self.reason
                )
            }
        }
    }
}

impl std::error::Error for SpoolFailure {}
