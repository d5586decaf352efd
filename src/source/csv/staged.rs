//! The staged form: what isn't CSV is written as CSV in the run's directory,
//! and read from there by everything that reads CSV.
//!
//! Two columns come before the source's own. `_line` is the row's place in what
//! the user named (a line, a sheet's row, the number of a record), and stands
//! for the line of the staged file wherever a line is told. `_message` says why
//! a row can't be read: such a row is rejected alone, as a malformed row of a
//! CSV file is. Both are columns that a reject file adds, so they are none of
//! the user's.

use crate::record::{Flaw, FlawKind, RawRow};

use super::cutter::{KEPT_BYTES, ROW_LIMIT_BYTES};
use super::reject::{NOT_WHOLE, REJECT_COLUMNS, cut, write_quoted, write_text};
use super::shape::{Dialect, Terminator};
use super::split::RawFields;

/// How staged files are written.
const DIALECT: Dialect = Dialect {
    delimiter: b',',
    terminator: Terminator::LineFeed,
};

/// Bytes that the fields of a row have together which can't be loaded as it is.
/// With every one of them a quote to be doubled, they stay below what a row may
/// have.
const FLAWED_BYTES: usize = ROW_LIMIT_BYTES / 4;

/// How many columns the staged form adds in front.
pub(in crate::source) const STAGED_COLUMN_COUNT: usize = 2;

/// The columns that the staged form adds in front.
const STAGED_COLUMNS: [&str; STAGED_COLUMN_COUNT] = [REJECT_COLUMNS[0], REJECT_COLUMNS[3]];

/// Adds the header line to `out`. No two of the columns are equal, and none has
/// the name of a column that reject files add.
pub fn write_staged_header(out: &mut Vec<u8>, columns: &[String]) {
    let own = columns.iter().map(String::as_str);
    for (index, name) in STAGED_COLUMNS.into_iter().chain(own).enumerate() {
        if index > 0 {
            out.push(DIALECT.delimiter);
        }
        write_text(out, name.as_bytes(), DIALECT.delimiter);
    }
    out.push(b'\n');
}

/// Adds a row, whose cells are in the header's order. A row above the bound on
/// rows, or with a NUL character in it, is added as one that can't be read.
pub fn write_staged_row<Cell: AsRef<[u8]>>(out: &mut Vec<u8>, line: u64, cells: &[Cell]) {
    let before = out.len();
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(DIALECT.delimiter);
    for cell in cells {
        out.push(DIALECT.delimiter);
        write_text(out, cell.as_ref(), DIALECT.delimiter);
    }
    let row = &out[before..];
    let flaw = if row.len() > ROW_LIMIT_BYTES {
        format!("the row is longer than {ROW_LIMIT_BYTES} bytes (line {line}); shorten it")
    } else if memchr::memchr(0, row).is_some() {
        format!("a NUL character (line {line}); take it out")
    } else {
        out.push(b'\n');
        return;
    };
    out.truncate(before);
    write_flawed_row(out, line, &flaw, cells, &[]);
}

/// Adds a row that can't be loaded as it is: why, and what is known of it under
/// its columns, `cells` being in the header's order. What no column can take
/// (`rest`) stands behind them, after the demand to repair the row: a field
/// more than the header has, so that the row is refused as long as nobody has
/// repaired it. Where all of it is too long, the long fields are cut.
pub fn write_flawed_row<Cell: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    line: u64,
    message: &str,
    cells: &[Cell],
    rest: &[&[u8]],
) {
    let own = cells.iter().map(AsRef::as_ref);
    let total: usize = own.chain(rest.iter().copied()).map(<[u8]>::len).sum();
    let longest = match total <= FLAWED_BYTES {
        true => usize::MAX,
        false => KEPT_BYTES.min(FLAWED_BYTES / (cells.len() + rest.len())),
    };
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(DIALECT.delimiter);
    write_quoted(out, message.as_bytes());
    for cell in cells {
        out.push(DIALECT.delimiter);
        write_text(out, cut(cell.as_ref(), longest), DIALECT.delimiter);
    }
    out.push(DIALECT.delimiter);
    write_text(out, NOT_WHOLE.as_bytes(), DIALECT.delimiter);
    for text in rest {
        out.push(DIALECT.delimiter);
        write_quoted(out, cut(text, longest));
    }
    out.push(b'\n');
}

/// Adds a row of which nothing can be read: why, and its text (4 KiB of it at
/// most) in the first of its `columns`.
pub fn write_unread_row(out: &mut Vec<u8>, line: u64, message: &str, columns: usize, text: &[u8]) {
    let mut cells: Vec<&[u8]> = vec![b""; columns.max(1)];
    cells[0] = cut(text, KEPT_BYTES);
    write_flawed_row(out, line, message, &cells, &[]);
}

/// Whether a column's name is one that reject files add, and the staged form
/// with them.
#[must_use]
pub fn is_added_column(name: &str) -> bool {
    REJECT_COLUMNS.contains(&name)
}

/// Gives a staged row the place that it has in what the user named, and its
/// flaw where it has one.
pub(super) fn restore(row: &mut RawRow, raw: &[u8]) {
    let mut fields = RawFields::new(raw, DIALECT.delimiter);
    let text = |field: Option<Result<std::ops::Range<usize>, usize>>| {
        let range = field?.ok()?;
        std::str::from_utf8(&raw[range]).ok()
    };
    let line = text(fields.next()).and_then(|line| line.parse().ok());
    row.position.line = line.unwrap_or(row.position.line);
    let message = text(fields.next()).unwrap_or_default();
    let message = message
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(message);
    if !message.is_empty() && row.flaw.is_none() {
        row.flaw = Some(Box::new(Flaw {
            kind: FlawKind::BadRecord,
            byte: row.position.byte,
            message: message.replace("\"\"", "\""),
        }));
    }
}
