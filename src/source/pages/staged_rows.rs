//! The rows of a page that stand on the disk already.

use std::path::Path;

use crate::record::Fields;
use crate::source::csv::{CsvReader, CsvSettings, Input, Start, inspect, split};
use crate::source::{Source, SourceError};

/// A staged row.
pub(super) struct StagedRow<'file> {
    /// The whole line, with its place in front.
    pub(super) line: &'file [u8],
    /// The line's number in the staged file.
    pub(super) number: u64,
    /// Its cells; `None` of a row that can't be taken apart.
    pub(super) cells: Option<&'file Fields>,
}

/// Shows every row of a staged file.
///
/// # Errors
/// The file can't be read.
pub(super) fn for_each_staged(
    path: &Path,
    mut show: impl FnMut(StagedRow<'_>),
) -> Result<(), SourceError> {
    let settings = CsvSettings::staged(Input::File(path.to_owned()), path.display().to_string());
    let shape = inspect(&settings)?;
    let columns = shape.header.len();
    let mut fields = Fields::default();
    let mut reader = CsvReader::open(&settings, &shape, Start::Beginning)?;
    while let Some(batch) = reader.next_batch()? {
        for row in &batch.rows {
            let line = &batch.buffer[row.start..row.end];
            let is_whole = row.flaw.is_none()
                && split(line, row.position, shape.dialect(), columns, &mut fields).is_ok();
            show(StagedRow {
                line,
                number: row.position.line,
                cells: is_whole.then_some(&fields),
            });
        }
    }
    Ok(())
}
