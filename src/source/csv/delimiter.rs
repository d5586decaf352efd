//! Which character separates the fields.

use std::io::Cursor;

use encoding_rs::UTF_8;

use super::cutter::{Cutter, READ_BYTES};
use super::shape::{Dialect, Terminator};
use super::split::RawFields;
use super::stream::TextStream;
use crate::record::Position;

/// The characters that are tried, the commonest first: it wins a draw.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Rows after the header that a candidate is held to.
const SAMPLE_ROWS: usize = 200;

/// Text that the sample is taken from.
const SAMPLE_BYTES: usize = 256 * 1024;

/// The delimiter under which the header has the most columns and the first rows
/// agree with it. `None` where none gives two columns.
pub(super) fn guess(text: &[u8], terminator: Terminator) -> Option<u8> {
    let mut best: Option<(f64, u8)> = None;
    for delimiter in CANDIDATES {
        let Some(points) = points_of(
            text,
            Dialect {
                delimiter,
                terminator,
            },
        ) else {
            continue;
        };
        if best.is_none_or(|(most, _)| points > most) {
            best = Some((points, delimiter));
        }
    }
    best.map(|(_, delimiter)| delimiter)
}

/// The share of rows with as many fields as the header, squared so that
/// agreement counts more than the number of columns, which it multiplies.
fn points_of(text: &[u8], dialect: Dialect) -> Option<f64> {
    let sample = &text[..text.len().min(SAMPLE_BYTES)];
    let is_cut = sample.len() < text.len();
    let mut counts = field_counts(sample, dialect);
    if is_cut && counts.len() > 1 {
        counts.pop();
    }
    let header = counts
        .first()
        .copied()
        .flatten()
        .filter(|&fields| fields > 1)?;
    let rows = &counts[1..];
    let agreeing = rows
        .iter()
        .filter(|&&fields| fields == Some(header))
        .count();
    let share = if rows.is_empty() {
        1.0
    } else {
        agreeing as f64 / rows.len() as f64
    };
    Some(share * share * (header - 1) as f64)
}

/// Fields of each record, `None` for a malformed one.
fn field_counts(sample: &[u8], dialect: Dialect) -> Vec<Option<usize>> {
    let source = Box::new(Cursor::new(sample.to_vec()));
    let stream = TextStream::new(source, UTF_8, 0);
    let mut cutter = Cutter::new(stream, dialect, Position { byte: 0, line: 1 }, READ_BYTES);
    let mut counts = Vec::new();
    while counts.len() <= SAMPLE_ROWS && !cutter.is_finished() {
        match cutter.cut() {
            Some(row) => {
                let raw = &cutter.window()[row.start..row.end];
                let fields = RawFields::new(raw, dialect.delimiter);
                let count = fields
                    .collect::<Result<Vec<_>, _>>()
                    .ok()
                    .map(|found| found.len());
                counts.push(count.filter(|_| row.flaw.is_none()));
            }
            // Text in memory can't fail to be read.
            None if cutter.refill().is_err() => break,
            None => {}
        }
    }
    counts
}
