//! Cuts text into rows, in one window that moves over the input.

use std::io;

use super::scan::{Scan, Verdict};
use super::shape::Dialect;
use super::stream::{LEAST_ROOM_BYTES, TextStream};
use super::suspects::Suspects;
use crate::record::{Flaw, FlawKind, Position};

/// The bound on a row's text. Larger means more memory that a quote which is
/// never closed can take, and more text scanned before it is found out.
pub(super) const ROW_LIMIT_BYTES: usize = 1 << 20;

/// What is kept of a row above the bound.
pub(super) const KEPT_BYTES: usize = 4096;

/// Bytes read at a time. Smaller means more calls, larger more memory a reader.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// A row at the bound shows its line end within so many bytes.
const VIEW_BYTES: usize = ROW_LIMIT_BYTES + 2;

/// A row cut out: a range of the cutter's window, good until the next refill.
#[derive(Debug)]
pub(super) struct CutRow {
    pub(super) position: Position,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) flaw: Option<Box<Flaw>>,
}

/// The window over the input, and what is known of the row at its start.
pub(super) struct Cutter {
    stream: TextStream,
    dialect: Dialect,
    window: Vec<u8>,
    start: usize,
    filled: usize,
    read_bytes: usize,
    ended: bool,
    next: Position,
    scan: Scan,
    suspects: Suspects,
    /// The rest of a row above the bound is being dropped.
    skipping: bool,
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
            dialect,
            window: Vec::new(),
            start: 0,
            filled: 0,
            read_bytes: read_bytes.max(LEAST_ROOM_BYTES),
            ended: false,
            next,
            scan: Scan::default(),
            suspects: Suspects::default(),
            skipping: false,
        }
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
        if self.skipping && !self.skip_line() {
            return None;
        }
        loop {
            let view_end = self.filled.min(self.start + VIEW_BYTES);
            let text = &self.window[self.start..view_end];
            if text.is_empty() {
                return None;
            }
            // A full view is judged by itself, whether or not the input ends with
            // it, so that the verdict doesn't hang on when the end is noticed.
            let is_last = self.ended && view_end == self.filled && text.len() < VIEW_BYTES;
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
            if end > ROW_LIMIT_BYTES {
                return Some(self.too_long(next, line_breaks + 1));
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

    #[cold]
    fn cut_flawed(&mut self, verdict: Verdict, view_bytes: usize, is_last: bool) -> Option<CutRow> {
        let is_full = view_bytes == VIEW_BYTES;
        let text = &self.window[self.start..self.start + view_bytes];
        let line_end = self.dialect.terminator.byte();
        let (broken_at, opened) = match verdict {
            Verdict::Unfinished if !is_full => return None,
            Verdict::Unfinished => (None, self.scan.opened()),
            Verdict::TextAfterQuote(at) => (Some(at), None),
            Verdict::NeverClosed(opened) => (None, Some(opened)),
            Verdict::Record { .. } => unreachable!("a record is no flaw"),
        };
        let first_line = memchr::memchr(line_end, text);
        let is_bad_quoting = broken_at.is_some() || (opened.is_some() && first_line.is_some());
        if !is_bad_quoting && is_full {
            let lines = memchr::memchr_iter(line_end, text).count() as u64;
            let row = self.too_long(view_bytes, lines);
            self.skipping = true;
            return Some(row);
        }
        if first_line.is_none() && !is_last && !is_full {
            // The flaw is known, the end of its line isn't yet.
            return None;
        }
        let flaw = bad_quoting(self.next, broken_at, opened);
        let Some(line) = first_line else {
            if is_full {
                let row = self.take(KEPT_BYTES, view_bytes, 0, Some(flaw));
                self.skipping = true;
                return Some(row);
            }
            return Some(self.take(view_bytes, view_bytes, 1, Some(flaw)));
        };
        self.scan
            .give_up(self.next.byte, broken_at, &mut self.suspects);
        let has_return = line_end == b'\n' && line > 0 && text[line - 1] == b'\r';
        let end = line - usize::from(has_return);
        if end > ROW_LIMIT_BYTES {
            // One line above the bound; its end happens to be in view.
            return Some(self.take(KEPT_BYTES, line + 1, 1, Some(flaw)));
        }
        Some(self.take(end, line + 1, 1, Some(flaw)))
    }

    fn too_long(&mut self, next: usize, lines: u64) -> CutRow {
        let message = format!(
            "the row is longer than {ROW_LIMIT_BYTES} bytes (line {}, byte {}); shorten it",
            self.next.line, self.next.byte
        );
        let flaw = Flaw {
            kind: FlawKind::TooLong,
            byte: self.next.byte,
            message,
        };
        self.take(KEPT_BYTES, next, lines, Some(Box::new(flaw)))
    }

    /// Drops text up to the next line; whether it was found.
    #[cold]
    fn skip_line(&mut self) -> bool {
        let text = &self.window[self.start..self.filled];
        match memchr::memchr(self.dialect.terminator.byte(), text) {
            Some(found) => {
                self.advance(found + 1, 1);
                self.skipping = false;
                true
            }
            None => {
                self.advance(text.len(), 0);
                false
            }
        }
    }
}

fn bad_quoting(row: Position, broken_at: Option<usize>, opened: Option<usize>) -> Box<Flaw> {
    let offset = broken_at.or(opened).unwrap_or(0) as u64;
    let byte = row.byte + offset;
    let what = if broken_at.is_some() {
        "text follows a closing quote"
    } else {
        "a quote is opened and never closed"
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
