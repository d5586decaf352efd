//! The CSV source: rows in batches, from the first row or from any other.

use std::io::{Cursor, Read};

use bytes::Bytes;

use super::ahead::SecondLook;
use super::cutter::{CutRow, Cutter, READ_BYTES};
use super::input::CsvSettings;
use super::shape::CsvShape;
use super::staged::restore;
use super::stream::TextStream;
use crate::record::{Position, RawBatch, RawRow, RowId};
use crate::source::{Source, SourceError};

/// Rows of a batch. More saves little (a message costs 0.003 µs a row already)
/// and makes the first rows wait longer.
const BATCH_ROWS: usize = 256;

/// Text of a batch; a row that begins below the bound is taken whole.
const BATCH_BYTES: usize = 256 * 1024;

/// Where reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first row.
    Beginning,
    /// At the row with this number, which starts at this position. Where the
    /// input's shape can't seek, the rows before are read and dropped.
    At(RowId, Position),
}

/// Reads a CSV input as batches of raw rows. Rows come with a flaw where the
/// cutter found one (`BadQuoting`, `TooLong`): they are not to be split.
pub struct CsvReader {
    cutter: Cutter,
    input: String,
    is_staged: bool,
    next_row: u64,
    sequence: u64,
}

impl CsvReader {
    /// Opens the input that `shape` was found for.
    ///
    /// # Errors
    /// The input can't be opened, or fails before the first row.
    pub fn open(
        settings: &CsvSettings,
        shape: &CsvShape,
        start: Start,
    ) -> Result<Self, SourceError> {
        Self::open_with(settings, shape, start, READ_BYTES)
    }

    /// The same, reading `read_bytes` at a time.
    pub(super) fn open_with(
        settings: &CsvSettings,
        shape: &CsvShape,
        start: Start,
        read_bytes: usize,
    ) -> Result<Self, SourceError> {
        let (row, position) = match start {
            Start::Beginning => (1, shape.first_row),
            Start::At(row, position) => (row.0.max(1), position),
        };
        let can_seek = shape.can_seek();
        let (source, bom_bytes, next): (Box<dyn Read + Send>, _, _) = if can_seek {
            (settings.input.open(position.byte)?, 0, position)
        } else {
            let input = settings.input.open(0)?;
            let source = match &shape.head {
                Some(head) => Box::new(Cursor::new(head.clone()).chain(input)),
                None => input,
            };
            (source, shape.bom_bytes(), shape.text_start())
        };
        let stream = TextStream::new(source, shape.encoding, bom_bytes);
        let mut reader = Self {
            cutter: Cutter::new(stream, shape.dialect(), next, read_bytes)
                .with_second_look(SecondLook::at(&settings.input, shape, read_bytes)),
            input: settings.describe(),
            is_staged: settings.staged_from.is_some(),
            next_row: row,
            sequence: 0,
        };
        if !can_seek {
            reader.drop_records(u64::from(shape.records_before_rows) + row - 1)?;
        }
        Ok(reader)
    }

    fn drop_records(&mut self, count: u64) -> Result<(), SourceError> {
        for _ in 0..count {
            if self.next_cut()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The next row, read on for as far as needed.
    fn next_cut(&mut self) -> Result<Option<CutRow>, SourceError> {
        loop {
            if let Some(row) = self.cutter.cut() {
                return Ok(Some(row));
            }
            if self.cutter.is_finished() {
                return Ok(None);
            }
            let refilled = self.cutter.refill();
            refilled.map_err(|cause| {
                let read_bytes = self.cutter.next_position().byte;
                SourceError::reading(self.input.clone(), read_bytes, cause)
            })?;
        }
    }
}

impl Source for CsvReader {
    /// A batch ends early where the input must be read on, so that rows of a
    /// slow stream aren't held back.
    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError> {
        let Some(first) = self.next_cut()? else {
            return Ok(None);
        };
        let batch_start = first.start;
        let mut batch_end = first.end;
        let mut rows = Vec::with_capacity(BATCH_ROWS);
        let mut cut = Some(first);
        while let Some(row) = cut {
            batch_end = row.end;
            rows.push(RawRow {
                row: RowId(self.next_row),
                position: row.position,
                start: row.start - batch_start,
                end: row.end - batch_start,
                flaw: row.flaw,
            });
            self.next_row += 1;
            let taken_bytes = self.cutter.cut_up_to() - batch_start;
            let is_full = rows.len() == BATCH_ROWS || taken_bytes >= BATCH_BYTES;
            cut = if is_full { None } else { self.cutter.cut() };
        }
        // A copy of its own: a row that waits long for its answer then holds
        // this batch's text, and not the reader's whole window.
        let buffer = Bytes::copy_from_slice(&self.cutter.window()[batch_start..batch_end]);
        if self.is_staged {
            for row in &mut rows {
                let raw = &buffer[row.start..row.end];
                restore(row, raw);
            }
        }
        let sequence = self.sequence;
        self.sequence += 1;
        Ok(Some(RawBatch {
            sequence,
            buffer,
            rows,
            credit: None,
        }))
    }
}
