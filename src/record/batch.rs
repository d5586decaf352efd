//! Rows as they leave a source: raw bytes in one shared buffer a batch, with
//! the place each row came from.

use bytes::Bytes;

use super::CreditShare;

/// The number of a data row in its source, counted from 1 and without the
/// header. It names the row in the journal, so it is the same in every leg of
/// a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u64);

/// Where a row starts in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes before the row, counted in the decoded text (for UTF-8 input: in
    /// the file itself, with its byte order mark).
    pub byte: u64,
    /// The physical line the row starts on, counted from 1 with the header;
    /// quoted line breaks count.
    pub line: u64,
}

/// Why a row can't be read as a record. A flaw rejects its row alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The rule that the row breaks.
    pub kind: FlawKind,
    /// Byte of the flaw in the source, where one byte can be named.
    pub byte: u64,
    /// What is wrong and what to do, as a lower-case fragment.
    pub message: String,
}

/// The rules that a source holds its rows to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// Fewer fields than the header has.
    TooFewFields,
    /// More fields than the header has.
    TooManyFields,
    /// A quote that is never closed, or text after a closing quote.
    BadQuoting,
    /// Bytes that aren't UTF-8.
    InvalidUtf8,
    /// A NUL character.
    Nul,
    /// The row is longer than the bound on a record.
    TooLong,
    /// A record of a source that isn't CSV and can't be read: a line that is no
    /// JSON object, a cell that holds an error.
    BadRecord,
    /// A row of a reject file that still has the demand to repair it.
    NotRepaired,
}

impl FlawKind {
    /// The rule's name as it stands in `_error` of `rejected.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooFewFields => "too_few_fields",
            Self::TooManyFields => "too_many_fields",
            Self::BadQuoting => "bad_quoting",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::Nul => "nul_character",
            Self::TooLong => "row_too_long",
            Self::BadRecord => "bad_record",
            Self::NotRepaired => "not_repaired",
        }
    }
}

/// One row of a batch: a range of the batch's buffer.
#[derive(Clone, Debug)]
pub struct RawRow {
    /// The row's number in its source.
    pub row: RowId,
    /// Where the row starts.
    pub position: Position,
    /// Start of the row's text in the batch's buffer.
    pub start: usize,
    /// End of the row's text, without the line terminator.
    pub end: usize,
    /// What the source found wrong with the row while cutting it out.
    pub flaw: Option<Box<Flaw>>,
}

/// Consecutive rows of a source, in the source's order.
#[derive(Debug)]
pub struct RawBatch {
    /// Number of the batch, counted from 0 without gaps in one leg of a run,
    /// so that the order can be restored after parallel mapping.
    pub sequence: u64,
    /// The rows' text; rows are ranges of it.
    pub buffer: Bytes,
    /// The rows.
    pub rows: Vec<RawRow>,
    /// The batch's share of the run's memory; given back when the last of its
    /// rows is committed.
    pub credit: Option<CreditShare>,
}
