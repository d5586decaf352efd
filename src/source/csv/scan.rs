//! Where one record ends: RFC 4180, held to strictly.
//!
//! <https://www.rfc-editor.org/rfc/rfc4180>. A quote opens a field only at the
//! field's start; elsewhere it is text. After the closing quote only a
//! delimiter or the line's end may follow. The scan looks at quotes and line
//! ends alone, so a plain row costs one search.

use super::shape::{Dialect, Terminator};
use super::suspects::{Fault, Suspects};

const QUOTE: u8 = b'"';

/// What a scan found. Offsets count from the start of the text it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The record is whole.
    Record {
        /// End of its text, without the line end.
        end: usize,
        /// Start of the next line.
        next: usize,
        /// Line breaks within quotes.
        line_breaks: u64,
    },
    /// It can't be a record.
    Broken(Fault),
    /// What there is of the input doesn't tell yet.
    Unfinished,
}

/// A scan under way; it goes on where it stopped when more of the input is there.
#[derive(Debug, Default)]
pub(super) struct Scan {
    offset: usize,
    /// The byte, counted from the start of all text, of the open quote.
    opened: Option<u64>,
    line_breaks: u64,
}

impl Scan {
    /// Forgets the record.
    #[inline]
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Line breaks passed so far.
    pub(super) fn line_breaks(&self) -> u64 {
        self.line_breaks
    }

    /// Where the scan stopped, in the text it was given.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Gets ready for text that begins one byte before where the scan stopped
    /// (that byte tells whether a field starts), and gives the bytes in front of
    /// it, which aren't needed any more.
    pub(super) fn leave_behind(&mut self) -> usize {
        let passed = self.offset.saturating_sub(1);
        self.offset -= passed;
        passed
    }

    /// Goes on with the scan of `text`, which begins with the record (or as
    /// `leave_behind` says), starts `start_byte` into the input, and is all there
    /// is if `is_last`.
    pub(super) fn run(
        &mut self,
        text: &[u8],
        start_byte: u64,
        is_last: bool,
        dialect: Dialect,
        suspects: &Suspects,
    ) -> Verdict {
        let line_end = dialect.terminator.byte();
        loop {
            let Some(found) = memchr::memchr2(line_end, QUOTE, &text[self.offset..]) else {
                self.offset = text.len();
                return match (is_last, self.opened) {
                    (false, _) => Verdict::Unfinished,
                    (true, Some(opened)) => Verdict::Broken(Fault::NeverClosed(opened)),
                    (true, None) => self.record(text, text.len(), text.len(), dialect),
                };
            };
            let at = self.offset + found;
            let is_quote = text[at] == QUOTE;
            let Some(opened) = self.opened else {
                if !is_quote {
                    return self.record(text, at, at + 1, dialect);
                }
                self.offset = at + 1;
                if at == 0 || text[at - 1] == dialect.delimiter {
                    self.opened = Some(start_byte + at as u64);
                }
                continue;
            };
            if !is_quote {
                if let Some(fault) = suspects.fault_behind(start_byte + at as u64, opened) {
                    return Verdict::Broken(fault);
                }
                self.line_breaks += 1;
                self.offset = at + 1;
                continue;
            }
            if let Some(verdict) = self.close(text, at, start_byte, is_last, dialect) {
                return verdict;
            }
        }
    }

    /// A quote within quotes at `at`: the field's end, or half of a doubled one.
    fn close(
        &mut self,
        text: &[u8],
        at: usize,
        start_byte: u64,
        is_last: bool,
        dialect: Dialect,
    ) -> Option<Verdict> {
        let broken = || Verdict::Broken(Fault::TextAfterQuote(start_byte + at as u64 + 1));
        let line_end = dialect.terminator.byte();
        let undecided = if is_last {
            None
        } else {
            Some(Verdict::Unfinished)
        };
        self.offset = at;
        match text.get(at + 1) {
            None => undecided.or_else(|| Some(self.whole(at + 1, at + 1))),
            Some(&QUOTE) => {
                self.offset = at + 2;
                None
            }
            Some(&byte) if byte == dialect.delimiter => {
                self.opened = None;
                self.offset = at + 1;
                None
            }
            Some(&byte) if byte == line_end => Some(self.whole(at + 1, at + 2)),
            Some(b'\r') => match text.get(at + 2) {
                None => undecided.or_else(|| Some(self.whole(at + 1, at + 2))),
                Some(b'\n') => Some(self.whole(at + 1, at + 3)),
                Some(_) => Some(broken()),
            },
            Some(_) => Some(broken()),
        }
    }

    /// A record whose last field is unquoted: a carriage return before the line
    /// feed belongs to the line end.
    fn record(&self, text: &[u8], end: usize, next: usize, dialect: Dialect) -> Verdict {
        let strip = dialect.terminator == Terminator::LineFeed && end > 0 && text[end - 1] == b'\r';
        self.whole(end - usize::from(strip), next)
    }

    fn whole(&self, end: usize, next: usize) -> Verdict {
        Verdict::Record {
            end,
            next,
            line_breaks: self.line_breaks,
        }
    }
}
