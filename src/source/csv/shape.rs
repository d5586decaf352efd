//! What was found out about a CSV input.

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};

use super::reject::REJECT_COLUMNS;
use crate::record::Position;

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// A line feed, with or without a carriage return before it.
    LineFeed,
    /// A carriage return alone, as old Macintosh programs write.
    CarriageReturn,
}

impl Terminator {
    /// The byte that ends a line.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::LineFeed => b'\n',
            Self::CarriageReturn => b'\r',
        }
    }
}

/// The characters that give the text its structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The ASCII character between fields.
    pub delimiter: u8,
    /// What ends a line.
    pub terminator: Terminator,
}

/// How a CSV input is written, and which columns it has.
#[derive(Clone, Debug)]
pub struct CsvShape {
    /// The character between fields.
    pub delimiter: char,
    /// The text's encoding.
    pub encoding: &'static Encoding,
    /// Whether the input begins with a byte order mark.
    pub bom: bool,
    /// What ends a line.
    pub terminator: Terminator,
    /// The columns' names, without white space around them; no two are equal
    /// and none is empty.
    pub header: Vec<String>,
    /// Where the first record after the header may start.
    pub first_row: Position,
    /// What was found out that the user may not expect, to be said once.
    pub notices: Vec<String>,
    /// The header as it stands in the (decoded) input.
    pub(super) header_text: Vec<u8>,
    /// Records before the first row: the header, and Excel's `sep=` line.
    pub(super) records_before_rows: u32,
    /// Whether the input can be read from any byte on.
    pub(super) input_seeks: bool,
    /// What was read of an input that can't be read again.
    pub(super) head: Option<Bytes>,
}

impl CsvShape {
    /// The characters that give the text its structure.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        Dialect {
            delimiter: u8::try_from(self.delimiter).expect("only ASCII delimiters are let in"),
            terminator: self.terminator,
        }
    }

    /// Whether a row's byte position is its position in the input itself, so
    /// that reading may start at it.
    #[must_use]
    pub fn can_seek(&self) -> bool {
        self.encoding == UTF_8 && self.input_seeks
    }

    /// Bytes of the input before its text.
    #[must_use]
    pub fn bom_bytes(&self) -> usize {
        match (self.bom, self.encoding == UTF_8) {
            (false, _) => 0,
            (true, true) => 3,
            (true, false) => 2,
        }
    }

    /// Where the text starts: behind the byte order mark of UTF-8 input; other
    /// input is counted in decoded text, without its mark.
    pub(super) fn text_start(&self) -> Position {
        let byte = if self.encoding == UTF_8 {
            self.bom_bytes() as u64
        } else {
            0
        };
        Position { byte, line: 1 }
    }

    /// The names of the columns that hold the user's data.
    #[must_use]
    pub fn payload_names(&self) -> Vec<String> {
        let places = self.payload_columns();
        places
            .iter()
            .map(|&place| self.header[place].clone())
            .collect()
    }

    /// Places in the header of the columns that hold the user's data: all but
    /// the seven that a reject file adds.
    #[must_use]
    pub fn payload_columns(&self) -> Vec<usize> {
        let is_payload = |name: &String| !REJECT_COLUMNS.contains(&name.as_str());
        (0..self.header.len())
            .filter(|&index| is_payload(&self.header[index]))
            .collect()
    }
}
