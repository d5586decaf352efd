//! Cuts text into rows, in one window that moves over the input.

mod flawed;
mod skip;

use std::io;
use std::mem;

use self::skip::Skip;
use super::ahead::{Outlook, SecondLook};
use super::scan::{Scan, Verdict};
use super::shape::Dialect;
use super::stream::{LEAST_ROOM_BYTES, TextStream};
use super::suspects::Suspects;
use crate::record::{Flaw, Position};

/// The bound on a row's text. Larger means more memory that a quote which is
/// never closed can take.
pub(in crate::source) const ROW_LIMIT_BYTES: usize = 1 << 20;

/// How far a row's end is looked for in memory where the input can't be looked
/// at a second time. Larger means more memory, and more rows that are found
/// behind a quote which is never closed.
pub(super) const BLIND_LIMIT_BYTES: usize = 16 << 20;

/// What is kept of a row above the bound.
pub(super) const KEPT_BYTES: usize = 4096;

/// Bytes read at a time. Smaller means more calls, larger more memory a reader.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// A row at a bound shows its line end within so many bytes more.
const LINE_END_BYTES: usize = 2;

/// A row cut out: a range of the cutter's window, good until the next refill.
#[derive(Debug)]
pub(super) struct CutRow {
    pub(super) position: Position,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) flaw: Option<Box<Flaw>>,
}

/// The window over the input, and what is known of the row at its start.
///
/// A field's text must never be taken for rows, and a quote left open must cost
/// one line, in bounded memory. So where a row reaches the bound, a second
/// reader looks how it ends before it is given out: as one row above the bound,
/// or as one bad line, with the next row on the next line.
///
/// An input that can't be looked at twice (`plan` on standard input) is looked
/// through in memory up to a larger bound. A row that reaches even that is given
/// out as too long, and what follows is dropped up to the quote that ends it, if
/// need be to the end of the input: rows may be missed there, none is made up.
pub(super) struct Cutter {
    stream: TextStream,
    second_look: Option<SecondLook>,
    dialect: Dialect,
    row_limit: usize,
    /// A row is judged by so many bytes, without a second look.
    view_bytes: usize,
    window: Vec<u8>,
    start: usize,
    filled: usize,
    read_bytes: usize,
    ended: bool,
    next: Position,
    scan: Scan,
    suspects: Suspects,
    /// The next refill is to be a second look.
    wants_look: bool,
    outlook: Option<Outlook>,
    skip: Skip,
}

impl Cutter {
    /// A cutter of text that starts at `next`, reading `read_bytes` at a time.
    pub(super) fn new(
        stream: TextStream,
        dialect: Dialect,
        next: Position,
        read_bytes: usize,
    ) -> Self {
        Self {
            stream,
            second_look: None,
            dialect,
            row_limit: ROW_LIMIT_BYTES,
            view_bytes: BLIND_LIMIT_BYTES + LINE_END_BYTES,
            window: Vec::new(),
            start: 0,
            filled: 0,
            read_bytes: read_bytes.max(LEAST_ROOM_BYTES),
            ended: false,
            next,
            scan: Scan::default(),
            suspects: Suspects::default(),
            wants_look: false,
            outlook: None,
            skip: Skip::Nothing,
        }
    }

    /// The same cutter, which may look at its input a second time if there is a
    /// way to.
    pub(super) fn with_second_look(mut self, second_look: Option<SecondLook>) -> Self {
        if second_look.is_some() {
            self.view_bytes = self.row_limit + LINE_END_BYTES;
        }
        self.second_look = second_look;
        self
    }

    /// The same cutter with other bounds: tests can't make millions of bytes of
    /// each text they try.
    #[cfg(test)]
    pub(super) fn bounded(mut self, row_limit: usize, blind_limit: usize) -> Self {
        self.row_limit = row_limit;
        self.view_bytes = blind_limit + LINE_END_BYTES;
        let second_look = self.second_look.take();
        self.with_second_look(second_look)
    }

    /// The text that rows are ranges of.
    pub(super) fn window(&self) -> &[u8] {
        &self.window
    }

    /// Where the next record may start.
    pub(super) fn next_position(&self) -> Position {
        self.next
    }

    /// Whether every row has been cut out.
    pub(super) fn is_finished(&self) -> bool {
        self.ended && self.start == self.filled
    }

    /// How far rows have been cut out of the window.
    pub(super) fn cut_up_to(&self) -> usize {
        self.start
    }

    /// The stream that the window is filled from.
    pub(super) fn stream(&self) -> &TextStream {
        &self.stream
    }

    /// Reads more of the input; rows cut out before are no longer in the window.
    pub(super) fn refill(&mut self) -> io::Result<()> {
        if mem::take(&mut self.wants_look) {
            return self.look_ahead();
        }
        if self.start > 0 {
            self.window.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        let wanted = self.filled + self.read_bytes;
        if self.window.len() < wanted {
            self.window.resize(wanted, 0);
        }
        let taken = self.stream.fill(&mut self.window[self.filled..wanted])?;
        self.ended = taken == 0;
        self.filled += taken;
        Ok(())
    }

    /// The next row in the window; `None` where more must be read first, or
    /// nothing is left.
    #[inline]
    pub(super) fn cut(&mut self) -> Option<CutRow> {
        if self.skip != Skip::Nothing && !self.skip_on() {
            return None;
        }
        if let Some(outlook) = self.outlook.take() {
            return Some(self.cut_foreseen(outlook));
        }
        loop {
            let view_end = self.filled.min(self.start + self.view_bytes);
            let text = &self.window[self.start..view_end];
            if text.is_empty() {
                return None;
            }
            // A full view is judged by itself, whether or not the input ends with
            // it, so that the verdict doesn't hang on when the end is noticed.
            let is_last = self.ended && view_end == self.filled && text.len() < self.view_bytes;
            let verdict =
                self.scan
                    .run(text, self.next.byte, is_last, self.dialect, &self.suspects);
            let Verdict::Record {
                end,
                next,
                line_breaks,
            } = verdict
            else {
                return self.cut_flawed(verdict, view_end - self.start, is_last);
            };
            if end > self.row_limit {
                let next_byte = self.next.byte + next as u64;
                return Some(self.take_too_long(next_byte, line_breaks + 1));
            }
            if end == 0 {
                // A blank line is no row.
                self.advance(next, 1);
                continue;
            }
            return Some(self.take(end, next, line_breaks + 1, None));
        }
    }

    /// Gives `end` bytes out as a row, and goes on `next` bytes later.
    #[inline]
    fn take(&mut self, end: usize, next: usize, lines: u64, flaw: Option<Box<Flaw>>) -> CutRow {
        let row = CutRow {
            position: self.next,
            start: self.start,
            end: self.start + end,
            flaw,
        };
        self.advance(next, lines);
        row
    }

    #[inline]
    fn advance(&mut self, bytes: usize, lines: u64) {
        self.start += bytes;
        self.next.byte += bytes as u64;
        self.next.line += lines;
        self.scan.restart();
    }
}
