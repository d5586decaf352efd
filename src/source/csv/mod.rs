//! CSV, read as a stream.
//!
//! [`inspect`] looks at the head of the input and settles how it is written:
//! encoding, delimiter, line ends, columns. [`CsvReader`] then cuts the input
//! into rows without taking them apart, [`split`] takes one row apart on a
//! mapper thread, and [`CsvCounter`] runs ahead to count and to hash. Reader
//! and counter share one cutter, so they can't disagree on what a row is.
//!
//! The cutter is strict where a lenient one would lose rows: a quote that is
//! never closed, or text after a closing quote, rejects the **one line** that
//! the record started on, and reading goes on at the next line. A row above the
//! bound is one row, however many lines its quoted fields have. What a row is
//! depends on the bytes from its start only, never on what came before, so a
//! resumed run can start at any row's byte.

mod ahead;
mod counter;
mod cutter;
mod delimiter;
mod encoding;
mod head;
mod input;
mod inspect;
mod messages;
mod reader;
mod reject;
mod relisted;
mod scan;
mod shape;
mod split;
mod staged;
mod stream;
mod suspects;

#[cfg(test)]
mod tests;

pub use counter::{CsvCounter, Match, Progress, verify};
pub use input::{CsvSettings, Input};
pub use inspect::inspect;
pub use reader::{CsvReader, Start};
pub use reject::{REJECT_COLUMNS, RejectLayout, write_header, write_reject_row, write_text};
pub use relisted::{LineColumn, RelistedRows};
pub use shape::{CsvShape, Dialect, Terminator};
pub use split::split;
pub use staged::{
    is_added_column, write_flawed_row, write_staged_header, write_staged_row, write_unread_row,
};

pub(super) use cutter::ROW_LIMIT_BYTES;
pub(super) use input::open_regular;
pub(super) use reject::cut;
pub(super) use staged::STAGED_COLUMN_COUNT;
