//! A reject file as the source of a retry: its rows under the number and place
//! that they have in the run's input, which their `_line` column tells.

use crate::record::{Flaw, FlawKind, Position, RowId};
use crate::source::{Source, SourceError};

use super::reader::CsvReader;
use super::reject::{NOT_WHOLE, REJECT_COLUMNS};
use super::shape::{CsvShape, Dialect};
use super::split::{RawFields, is_mark};

/// Longer than any line number, quotes and all.
const LONGEST_NUMBER: usize = 24;

/// How the message about a row begins that nobody has repaired.
const STILL_MARKED: &str = "the row is still marked";

/// Finds the `_line` of a reject file's rows.
#[derive(Clone, Copy, Debug)]
pub struct LineColumn {
    column: usize,
    message: Option<usize>,
    columns: usize,
    dialect: Dialect,
}

impl LineColumn {
    /// `None` where the file has no such column.
    #[must_use]
    pub fn of(shape: &CsvShape) -> Option<Self> {
        let [line, _, _, message, ..] = REJECT_COLUMNS;
        let place = |name| shape.header.iter().position(|column| column == name);
        Some(Self {
            column: place(line)?,
            message: place(message),
            columns: shape.header.len(),
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

impl LineColumn {
    /// The flaw of a row that nobody has repaired, with what was told of it when
    /// it was rejected; `None` where it isn't marked as such.
    fn unrepaired(&self, raw: &[u8], position: Position) -> Option<Flaw> {
        let field = |column| {
            RawFields::new(raw, self.dialect.delimiter)
                .nth(column)?
                .ok()
        };
        let surplus: std::ops::Range<usize> = field(self.columns)?;
        if !is_mark(raw, surplus.start) {
            return None;
        }
        let told = self.message.and_then(field).map(|message| &raw[message]);
        let told = String::from_utf8_lossy(told.unwrap_or_default());
        let told = told.trim_matches('"').replace("\"\"", "\"");
        Some(Flaw {
            kind: FlawKind::NotRepaired,
            byte: position.byte,
            message: match told.starts_with(STILL_MARKED) {
                true => told,
                false => format!(
                    "{STILL_MARKED} `{NOT_WHOLE}`: mend it and take the mark out; it was rejected \
                     because of this: {told}"
                ),
            },
        })
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
            let flaw = self
                .line
                .unrepaired(&buffer[row.start..row.end], row.position);
            if let Some(flaw) = flaw {
                row.flaw = Some(Box::new(flaw));
            }
            true
        });
        Ok(Some(batch))
    }
}
