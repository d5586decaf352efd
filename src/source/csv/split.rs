//! One row, taken apart into its fields.

use std::ops::Range;

use super::reject::NOT_WHOLE;
use super::shape::Dialect;
use crate::record::{Fields, Flaw, FlawKind, Position};

const QUOTE: u8 = b'"';

/// Takes a row apart: quotes undone, text checked to be UTF-8 without NUL, and
/// the fields counted against the header's `header_len`. `position` is where
/// the row starts; it goes into the flaw. `fields` holds the row's fields
/// afterwards; after a flaw its content has no meaning.
///
/// # Errors
/// The first rule that the row breaks, in the order of `Nul`, `InvalidUtf8`,
/// `BadQuoting`, `TooFewFields`, `NotRepaired` and `TooManyFields`.
pub fn split(
    raw: &[u8],
    position: Position,
    dialect: Dialect,
    header_len: usize,
    fields: &mut Fields,
) -> Result<(), Flaw> {
    fields.clear();
    let flaw = |kind, offset: usize, what: &str, advice: &str| {
        let byte = position.byte + offset as u64;
        let line = position.line + lines_before(raw, offset, dialect);
        Flaw {
            kind,
            byte,
            message: format!("{what} (line {line}, byte {byte}); {advice}"),
        }
    };
    if let Some(at) = memchr::memchr(0, raw) {
        return Err(flaw(FlawKind::Nul, at, "a NUL character", "take it out"));
    }
    let text = std::str::from_utf8(raw).map_err(|failure| {
        let at = failure.valid_up_to();
        let what = format!("byte 0x{:02x} is not valid text", raw[at]);
        flaw(
            FlawKind::InvalidUtf8,
            at,
            &what,
            "repair it, or name the file's encoding",
        )
    })?;
    let count = if memchr::memchr(QUOTE, raw).is_none() {
        split_plain(text, dialect.delimiter, header_len, fields)
    } else {
        split_quoted(text, dialect.delimiter, header_len, fields).map_err(|at| {
            let what = if at < raw.len() {
                "text follows a closing quote"
            } else {
                "a quote is opened and never closed"
            };
            flaw(
                FlawKind::BadQuoting,
                at,
                what,
                "double each quote that is text",
            )
        })?
    };
    if count.fields == header_len {
        return Ok(());
    }
    let noun = if count.fields == 1 { "field" } else { "fields" };
    let what = format!(
        "the row has {} {noun}, the header has {header_len}",
        count.fields
    );
    if count.fields < header_len {
        let advice = "add what is missing, empty fields too";
        Err(flaw(FlawKind::TooFewFields, raw.len(), &what, advice))
    } else if is_mark(raw, count.surplus_at) {
        Err(Flaw {
            kind: FlawKind::NotRepaired,
            byte: position.byte,
            message: format!("the row is marked `{NOT_WHOLE}`; mend it and take the mark out"),
        })
    } else {
        let advice = "quote the fields that hold the delimiter";
        Err(flaw(
            FlawKind::TooManyFields,
            count.surplus_at,
            &what,
            advice,
        ))
    }
}

/// Whether the demand to repair the row begins there.
pub(super) fn is_mark(raw: &[u8], at: usize) -> bool {
    let field = raw.get(at..).unwrap_or_default();
    let text = field.strip_prefix(b"\"").unwrap_or(field);
    text.starts_with(NOT_WHOLE.as_bytes())
}

/// How many fields a row has, and where the first one too many starts.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    fields: usize,
    surplus_at: usize,
}

impl Count {
    /// Counts a field that starts at `start`; whether the header has a column
    /// for it. Fields beyond are counted and not kept, so that a row of a
    /// million delimiters costs no memory.
    #[inline]
    fn takes(&mut self, start: usize, header_len: usize) -> bool {
        self.fields += 1;
        if self.fields == header_len + 1 {
            self.surplus_at = start;
        }
        self.fields <= header_len
    }
}

#[inline]
fn split_plain(text: &str, delimiter: u8, header_len: usize, fields: &mut Fields) -> Count {
    let mut count = Count::default();
    let mut start = 0;
    for end in memchr::memchr_iter(delimiter, text.as_bytes()).chain([text.len()]) {
        if count.takes(start, header_len) {
            fields.push_text(&text[start..end]);
            fields.end_field();
        }
        start = end + 1;
    }
    count
}

fn split_quoted(
    text: &str,
    delimiter: u8,
    header_len: usize,
    fields: &mut Fields,
) -> Result<Count, usize> {
    let mut count = Count::default();
    for field in RawFields::new(text.as_bytes(), delimiter) {
        let range = field?;
        if !count.takes(range.start, header_len) {
            continue;
        }
        push_unquoted(&text[range], fields);
        fields.end_field();
    }
    Ok(count)
}

fn push_unquoted(field: &str, fields: &mut Fields) {
    let Some(inner) = field
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return fields.push_text(field);
    };
    let mut from = 0;
    while let Some(found) = memchr::memchr(QUOTE, &inner.as_bytes()[from..]) {
        // Of a doubled quote the first is kept.
        fields.push_text(&inner[from..=from + found]);
        from += found + 2;
    }
    fields.push_text(&inner[from..]);
}

/// The fields of a row as they stand in it, quotes and all. An error is the
/// offset of bad quoting: within the row where text follows a closing quote,
/// the row's length where a quote is never closed.
pub(super) struct RawFields<'row> {
    raw: &'row [u8],
    delimiter: u8,
    next: Option<usize>,
}

impl<'row> RawFields<'row> {
    pub(super) fn new(raw: &'row [u8], delimiter: u8) -> Self {
        Self {
            raw,
            delimiter,
            next: Some(0),
        }
    }

    fn end_of(&self, start: usize) -> Result<usize, usize> {
        let raw = self.raw;
        if raw.get(start) != Some(&QUOTE) {
            let rest = memchr::memchr(self.delimiter, &raw[start..]);
            return Ok(rest.map_or(raw.len(), |found| start + found));
        }
        let mut from = start + 1;
        loop {
            let found = memchr::memchr(QUOTE, &raw[from..]).ok_or(raw.len())?;
            let after = from + found + 1;
            match raw.get(after) {
                None => return Ok(after),
                Some(&byte) if byte == self.delimiter => return Ok(after),
                Some(&QUOTE) => from = after + 1,
                Some(_) => return Err(after),
            }
        }
    }
}

impl Iterator for RawFields<'_> {
    type Item = Result<Range<usize>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        Some(self.end_of(start).map(|end| {
            self.next = (end < self.raw.len()).then_some(end + 1);
            start..end
        }))
    }
}

fn lines_before(raw: &[u8], offset: usize, dialect: Dialect) -> u64 {
    memchr::memchr_iter(dialect.terminator.byte(), &raw[..offset.min(raw.len())]).count() as u64
}
