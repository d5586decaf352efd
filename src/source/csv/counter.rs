//! Runs ahead of the load: counts the rows and hashes the bytes.

use std::io::{self, Read};

use super::ahead::SecondLook;
use super::cutter::{Cutter, READ_BYTES};
use super::input::{CsvSettings, Input};
use super::shape::CsvShape;
use super::stream::TextStream;
use crate::record::InputDigest;
use crate::source::SourceError;

/// How far a count has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Raw bytes read, the byte order mark and the header among them.
    pub bytes: u64,
    /// Rows within them.
    pub rows: u64,
    /// Whether that is the whole input.
    pub finished: bool,
}

/// Counts the rows of an input with the cutter that [`super::CsvReader`] uses,
/// so that both always agree, and hashes its raw bytes.
pub struct CsvCounter {
    cutter: Cutter,
    input: String,
    records_before_rows: u32,
    rows: u64,
}

impl CsvCounter {
    /// Opens the input that `shape` was found for, a second time.
    ///
    /// # Errors
    /// The input can't be opened, or can be read only once.
    pub fn open(settings: &CsvSettings, shape: &CsvShape) -> Result<Self, SourceError> {
        Self::open_with(settings, shape, READ_BYTES)
    }

    /// The same, reading `read_bytes` at a time.
    pub(super) fn open_with(
        settings: &CsvSettings,
        shape: &CsvShape,
        read_bytes: usize,
    ) -> Result<Self, SourceError> {
        let source = open_again(&settings.input)?;
        let stream = TextStream::new(source, shape.encoding, shape.bom_bytes()).hashed();
        Ok(Self {
            cutter: Cutter::new(stream, shape.dialect(), shape.text_start(), read_bytes)
                .with_second_look(SecondLook::at(&settings.input, shape, read_bytes)),
            input: settings.describe(),
            records_before_rows: shape.records_before_rows,
            rows: 0,
        })
    }

    /// Reads about `max_bytes` more, at least one buffer; on a spool it waits
    /// for them. Once the input has ended it does nothing.
    ///
    /// # Errors
    /// The input can't be read on.
    pub fn step(&mut self, max_bytes: u64) -> Result<Progress, SourceError> {
        let goal = self.cutter.stream().raw_bytes().saturating_add(max_bytes);
        while !self.cutter.is_finished() {
            let refilled = self.cutter.refill();
            refilled.map_err(|cause| {
                let read_bytes = self.cutter.stream().raw_bytes();
                SourceError::reading(self.input.clone(), read_bytes, cause)
            })?;
            while self.cutter.cut().is_some() {
                if self.records_before_rows > 0 {
                    self.records_before_rows -= 1;
                } else {
                    self.rows += 1;
                }
            }
            if self.cutter.stream().raw_bytes() >= goal {
                break;
            }
        }
        Ok(self.progress())
    }

    /// How far the count has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            bytes: self.cutter.stream().raw_bytes(),
            rows: self.rows,
            finished: self.cutter.is_finished(),
        }
    }

    /// The digest of what has been read so far; `complete` once the input has
    /// ended.
    #[must_use]
    pub fn digest(&self) -> InputDigest {
        let Progress {
            bytes,
            rows,
            finished,
        } = self.progress();
        InputDigest {
            bytes,
            rows,
            blake3: self.cutter.stream().hash(),
            complete: finished,
        }
    }
}

/// How an input compares with the digest of an earlier leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The bytes that the digest covers are the same.
    Same,
    /// The input ends before the digest does.
    Shorter,
    /// The bytes differ.
    Different,
    /// The same bytes, and more behind them, though the digest was of the whole.
    Longer,
}

/// Hashes the bytes that `digest` covers again and compares.
///
/// # Errors
/// The input can't be opened or read, or can be read only once.
pub fn verify(settings: &CsvSettings, digest: &InputDigest) -> Result<Match, SourceError> {
    let mut source = open_again(&settings.input)?;
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; READ_BYTES];
    let mut hashed_bytes = 0;
    while hashed_bytes < digest.bytes {
        let left = usize::try_from(digest.bytes - hashed_bytes).unwrap_or(usize::MAX);
        let room = left.min(chunk.len());
        match read_some(&mut source, &mut chunk[..room]) {
            Ok(0) => return Ok(Match::Shorter),
            Ok(taken) => {
                hasher.update(&chunk[..taken]);
                hashed_bytes += taken as u64;
            }
            Err(cause) => {
                let input = settings.describe();
                return Err(SourceError::reading(input, hashed_bytes, cause));
            }
        }
    }
    if hasher.finalize().to_hex().as_str() != digest.blake3 {
        return Ok(Match::Different);
    }
    if !digest.complete {
        return Ok(Match::Same);
    }
    match read_some(&mut source, &mut chunk[..1]) {
        Ok(0) => Ok(Match::Same),
        Ok(_) => Ok(Match::Longer),
        Err(cause) => Err(SourceError::reading(
            settings.describe(),
            hashed_bytes,
            cause,
        )),
    }
}

fn open_again(input: &Input) -> Result<Box<dyn Read + Send>, SourceError> {
    match input {
        Input::Stdin => Err(SourceError::ReadOnce),
        Input::File(_) | Input::Spool(_) => input.open(0),
    }
}

fn read_some(source: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(room) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
