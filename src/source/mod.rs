//! Where rows come from: a source cuts its input into rows, stamps each with
//! its number and place, and hands them on in batches.
//!
//! A malformed row is no failure of the source: it travels in its batch with a
//! flaw and is rejected alone. Only what makes the rest unreadable (a file
//! that is not there, a disk that fails) is a [`SourceError`].

pub mod csv;
mod duplicates;
mod error;
mod spool;

pub use duplicates::{DuplicateFinder, Duplicates};
pub use error::SourceError;
pub use spool::{Spool, SpoolFailure, SpoolReader, SpoolSide, cut_to_last_line};

use crate::record::RawBatch;

/// Something that rows can be read from, one batch at a time.
pub trait Source: Send {
    /// The next rows, waiting for them where the input is slow; `None` at the
    /// end of the input, and from then on.
    ///
    /// # Errors
    /// The input can't be read on.
    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError>;
}
