//! Where rows come from: a source cuts its input into rows, stamps each with
//! its number and place, and hands them on in batches.
//!
//! A malformed row is no failure of the source: it travels in its batch with a
//! flaw and is rejected alone. Only what makes the rest unreadable (a file
//! that is not there, a disk that fails) is a [`SourceError`].

pub mod csv;
mod duplicates;
mod error;
mod ndjson;
mod pages;
mod spool;
mod staging;
mod workbook;

pub use duplicates::{DuplicateFinder, Duplicates};
pub use error::SourceError;
pub use ndjson::stage_ndjson;
pub use pages::{
    CallLog, ChangeClock, FetchState, FetchTotals, Fetching, KnownRows, Reading, Remark, SaveState,
    SourceToken, SourceTokens, start_fetching,
};
pub use spool::{Spool, SpoolFailure, SpoolReader, SpoolSide, SpoolWriter, cut_to_last_line};
pub use staging::{StagedRecords, hash_of_file};
pub use workbook::stage_workbook;

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
