//! A reject file as the source of a retry: its rows under the number and place
//! that they have in the run's input, which their `_line` column tells.

use crate::record::{Position, RowId};
use crate::source::{Source, SourceError};

use super::reader::CsvReader;
use super::reject::REJECT_COLUMNS;
use super::shape::{CsvShape, Dialect};
use super::split::RawFields;

/// Longer than any line number, quotes and all.
const LONGEST_NUMBER: usize = 24;

/// Finds the `_line` of a reject file's rows.
#[derive(Clone, Copy, Debug)]
pub struct LineColumn {
    column: usize,
    dialect: Dialect,
}

impl LineColumn {
    /// `None` where the file has no such column.
    #[must_use]
    pub fn of(shape: &CsvShape) -> Option<Self> {
        let [name, ..] = REJECT_COLUMNS;
        Some(Self {
            column: shape.header.iter().position(|column| column == name)?,
            dialect: shape.dialect(),
        })
    }

    /// The line of the run's input that this row stands for; `None` where no
    /// number stands in the column. The rest of the row may have any flaw.
    #[must_use]
    pub fn line(&self, raw: &[u8]) -> Option<u64> {
        let mut fields = RawFields::new(raw, self.dialect.delimiter);
        let field = fields.nth(self.column)?.ok()?;
        let text = raw.get(field).filter(|text| text.len() <= LONGEST_NUMBER)?;
        let text = std::str::from_utf8(text).ok()?;
        text.trim_matches('"').trim().parse().ok()
    }
}

/// The rows of a reject file that are sent again.
pub struct RelistedRows {
    reader: CsvReader,
    line: LineColumn,
    /// Line in the run's input, and the row there, in the order of the lines.
    rows: Vec<(RowId, Position)>,
}

impl RelistedRows {
    /// Of the rows that `reader` reads, those that are among `rows`, which are
    /// in the order of their lines.
    #[must_use]
    pub fn new(reader: CsvReader, line: LineColumn, rows: Vec<(RowId, Position)>) -> Self {
        Self { reader, line, rows }
    }
}

impl Source for RelistedRows {
    fn next_batch(&mut self) -> Result<Option<crate::record::RawBatch>, SourceError> {
        let Some(mut batch) = self.reader.next_batch()? else {
            return Ok(None);
        };
        let buffer = batch.buffer.clone();
        batch.rows.retain_mut(|row| {
            let line = self.line.line(&buffer[row.start..row.end]);
            let place = line.and_then(|line| {
                let place = self.rows.binary_search_by_key(&line, |(_, at)| at.line);
                place.ok()
            });
            let Some(place) = place else {
                return false;
            };
            (row.row, row.position) = self.rows[place];
            true
        });
        Ok(Some(batch))
    }
}
