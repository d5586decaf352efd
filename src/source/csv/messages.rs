//! What is said of a row that the cutter finds a flaw in.

use super::cutter::{BLIND_LIMIT_BYTES, ROW_LIMIT_BYTES};
use super::suspects::Fault;
use crate::record::{Flaw, FlawKind, Position};

/// The record that starts at `row` can't be one.
#[cold]
pub(super) fn bad_quoting(row: Position, fault: Fault) -> Box<Flaw> {
    let (what, byte) = match fault {
        Fault::TextAfterQuote(byte) => ("text follows a closing quote", byte),
        Fault::NeverClosed(byte) => ("a quote is opened and never closed", byte),
    };
    let message = format!(
        "{what} (row on line {}, byte {byte}); double each quote that is text, and close each field",
        row.line
    );
    Box::new(Flaw {
        kind: FlawKind::BadQuoting,
        byte,
        message,
    })
}

/// The row is above the bound; it has `lines` lines.
#[cold]
pub(super) fn too_long(row: Position, lines: u64) -> Box<Flaw> {
    let Position { byte, line } = row;
    let (place, advice) = if lines > 1 {
        let last = line + lines - 1;
        (
            format!("lines {line} to {last}, byte {byte}"),
            "shorten it, or close its quote where the field should end",
        )
    } else {
        (format!("line {line}, byte {byte}"), "shorten it")
    };
    Box::new(Flaw {
        kind: FlawKind::TooLong,
        byte,
        message: format!("the row is longer than {ROW_LIMIT_BYTES} bytes ({place}); {advice}"),
    })
}

/// The row is so long that its end isn't known when it is given out.
#[cold]
pub(super) fn without_end(row: Position) -> Box<Flaw> {
    let Position { byte, line } = row;
    Box::new(Flaw {
        kind: FlawKind::TooLong,
        byte,
        message: format!(
            "the row is longer than {BLIND_LIMIT_BYTES} bytes (line {line}, byte {byte}), and \
             standard input can't be looked at twice: what follows counts as this row until a \
             quote ends it; shorten it, or name a file to see where its quote is left open"
        ),
    })
}
