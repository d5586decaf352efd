//! Rejected rows, written so that they can be repaired and loaded again.
//!
//! The user's columns come first, byte for byte as they were, then seven that
//! tell what went wrong. A row that can't be taken apart stands as a whole in
//! the first column, and one with too few fields gets empty ones. Both get one
//! field more than the header has, so that they are refused again for as long as
//! nobody has repaired them, and never loaded as if a row's text were a key, or
//! as if what is missing were meant to be empty.

use std::ops::Range;

use super::cutter::KEPT_BYTES;
use super::shape::{CsvShape, Dialect};
use super::split::RawFields;
use crate::record::FlawKind;

/// The columns that a reject file adds, in their order.
pub const REJECT_COLUMNS: [&str; 7] = [
    "_line",
    "_error",
    "_field",
    "_message",
    "_status",
    "_attempts",
    "_request_id",
];

/// Where `_error` stands among them.
const ERROR_COLUMN: usize = 1;

/// The surplus field of a row that doesn't stand under its columns as it should.
pub(super) const NOT_WHOLE: &str = "repair this row before loading it";

/// How rows of one input are written to its reject file.
#[derive(Clone, Debug)]
pub struct RejectLayout {
    dialect: Dialect,
    header_len: usize,
    payload: Vec<usize>,
    header_text: Vec<u8>,
}

impl RejectLayout {
    /// The layout for the input of this shape. Of a reject file that is loaded
    /// again its seven added columns are dropped, since they are added anew.
    #[must_use]
    pub fn new(shape: &CsvShape) -> Self {
        Self {
            dialect: shape.dialect(),
            header_len: shape.header.len(),
            payload: shape.payload_columns(),
            header_text: shape.header_text.clone(),
        }
    }
}

/// Adds the reject file's header line to `out`.
pub fn write_header(out: &mut Vec<u8>, layout: &RejectLayout) {
    let names = fields_of(&layout.header_text, layout.dialect)
        .expect("a header that can't be split is refused by inspect");
    write_payload(out, &layout.header_text, &names, layout);
    write_added(out, &REJECT_COLUMNS, layout.dialect);
    out.push(b'\n');
}

/// Adds one rejected row to `out`: its fields as they stand in `raw`, empty ones
/// for those that are missing, then `added` (the values of [`REJECT_COLUMNS`]),
/// then the fields that the header has no column for, or the demand to repair
/// the row if it has too few. A row that can't be split, or whose `_error` says
/// that it was cut short, stands as one quoted field (4 KiB of it at most), with
/// that demand too.
pub fn write_reject_row(
    out: &mut Vec<u8>,
    raw: &[u8],
    layout: &RejectLayout,
    added: &[&str; REJECT_COLUMNS.len()],
) {
    let was_cut_short = added[ERROR_COLUMN] == FlawKind::TooLong.name();
    let fields = fields_of(raw, layout.dialect).filter(|_| !was_cut_short);
    let Some(fields) = fields else {
        write_quoted(out, cut(raw, KEPT_BYTES));
        out.extend(std::iter::repeat_n(
            layout.dialect.delimiter,
            layout.payload.len().max(1),
        ));
        write_added(out, added, layout.dialect);
        out.push(layout.dialect.delimiter);
        write_text(out, NOT_WHOLE.as_bytes(), layout.dialect.delimiter);
        out.push(b'\n');
        return;
    };
    write_payload(out, raw, &fields, layout);
    write_added(out, added, layout.dialect);
    if fields.len() < layout.header_len {
        out.push(layout.dialect.delimiter);
        write_text(out, NOT_WHOLE.as_bytes(), layout.dialect.delimiter);
    }
    for field in fields.iter().skip(layout.header_len) {
        out.push(layout.dialect.delimiter);
        write_verbatim(out, &raw[field.clone()]);
    }
    out.push(b'\n');
}

/// The row's fields as ranges; `None` where its quoting is bad.
fn fields_of(raw: &[u8], dialect: Dialect) -> Option<Vec<Range<usize>>> {
    RawFields::new(raw, dialect.delimiter)
        .collect::<Result<_, _>>()
        .ok()
}

/// The user's own columns, each with a delimiter behind it.
fn write_payload(out: &mut Vec<u8>, raw: &[u8], fields: &[Range<usize>], layout: &RejectLayout) {
    for &column in &layout.payload {
        if let Some(field) = fields.get(column) {
            write_verbatim(out, &raw[field.clone()]);
        }
        out.push(layout.dialect.delimiter);
    }
}

fn write_added(out: &mut Vec<u8>, added: &[&str; REJECT_COLUMNS.len()], dialect: Dialect) {
    for (index, text) in added.iter().enumerate() {
        if index > 0 {
            out.push(dialect.delimiter);
        }
        write_text(out, text.as_bytes(), dialect.delimiter);
    }
}

/// A field as it stood in the input. A bare carriage return or line feed could
/// be data there, and would end a line here.
fn write_verbatim(out: &mut Vec<u8>, field: &[u8]) {
    if field.first() != Some(&b'"') && memchr::memchr2(b'\r', b'\n', field).is_some() {
        write_quoted(out, field);
    } else {
        out.extend_from_slice(field);
    }
}

/// Appends a field of our own, quoted only where it must be.
pub fn write_text(out: &mut Vec<u8>, text: &[u8], delimiter: u8) {
    let needs_quotes = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n');
    if text.iter().any(needs_quotes) {
        write_quoted(out, text);
    } else {
        out.extend_from_slice(text);
    }
}

pub(super) fn write_quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// At most so many bytes of `text`, not ending within a character.
pub(in crate::source) fn cut(text: &[u8], most: usize) -> &[u8] {
    if text.len() < most {
        return text;
    }
    let is_inside = |&end: &usize| text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (most.saturating_sub(3)..=most)
        .rev()
        .find(|end| !is_inside(end));
    &text[..end.unwrap_or(most)]
}
