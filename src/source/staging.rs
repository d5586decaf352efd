//! The staged file while it is written, as a whole, before anything reads it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::SourceError;
use super::csv::open_regular;
use super::spool::new_private_file;

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;

/// What was staged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StagedRecords {
    /// Rows, those that can't be read among them.
    pub rows: u64,
    /// What the user may not expect, to be said once.
    pub notices: Vec<String>,
}

/// A new file that only its owner can read.
pub(super) struct StagingFile {
    path: PathBuf,
    file: File,
    text: Vec<u8>,
}

impl StagingFile {
    pub(super) fn create(path: &Path) -> Result<Self, SourceError> {
        let file = new_private_file(path).map_err(|cause| SourceError::Staging {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            text: Vec::with_capacity(2 * WRITE_BYTES),
        })
    }

    /// Where text is added.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    pub(super) fn write_when_full(&mut self) -> Result<(), SourceError> {
        if self.text.len() < WRITE_BYTES {
            return Ok(());
        }
        let written = self.file.write_all(&self.text);
        self.text.clear();
        written.map_err(|cause| self.failure(cause))
    }

    /// Writes the rest, and has all of it on the disk.
    pub(super) fn finish(mut self) -> Result<(), SourceError> {
        self.file
            .write_all(&self.text)
            .and_then(|()| self.file.sync_data())
            .map_err(|cause| self.failure(cause))
    }

    fn failure(&self, cause: io::Error) -> SourceError {
        SourceError::Staging {
            path: self.path.clone(),
            cause,
        }
    }
}

/// BLAKE3 of a file, in hex.
///
/// # Errors
/// The file can't be opened or read.
pub fn hash_of_file(path: &Path) -> Result<String, SourceError> {
    let mut file = open_regular(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; WRITE_BYTES];
    let mut hashed_bytes = 0;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hasher.finalize().to_hex().to_string()),
            Ok(taken) => {
                hasher.update(&chunk[..taken]);
                hashed_bytes += taken as u64;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => {
                let input = format!("`{}`", path.display());
                return Err(SourceError::reading(input, hashed_bytes, cause));
            }
        }
    }
}
