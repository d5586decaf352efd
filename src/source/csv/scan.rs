//! Where one record ends: RFC 4180, held to strictly.
//!
//! <https://www.rfc-editor.org/rfc/rfc4180>. A quote opens a field only at the
//! field's start; elsewhere it is text. After the closing quote only a
//! delimiter or the line's end may follow. The scan looks at quotes and line
//! ends alone, so a plain row costs one search.

use super::shape::{Dialect, Terminator};
use super::suspects::{Doom, Suspects};

const QUOTE: u8 = b'"';

/// What a scan found. Offsets count from the record's start.
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
    /// Text follows a closing quote at this offset.
    TextAfterQuote(usize),
    /// The input ends within the quotes opened at this offset.
    NeverClosed(usize),
    /// What there is of the input doesn't tell yet.
    Unfinished,
}

/// A scan under way; it goes on where it stopped when more of the input is there.
#[derive(Debug, Default)]
pub(super) struct Scan {
    offset: usize,
    opened: Option<usize>,
    line_breaks: u64,
    /// Line breaks are to be counted again, since a part was jumped over.
    jumped: bool,
    /// Quotes opened so far; noted in suspicious places only.
    openings: Vec<usize>,
}

impl Scan {
    /// Forgets the record.
    #[inline]
    pub(super) fn restart(&mut self) {
        self.offset = 0;
        self.opened = None;
        self.line_breaks = 0;
        self.jumped = false;
        self.openings.clear();
    }

    /// The open quote, if the scan stopped within one.
    pub(super) fn opened(&self) -> Option<usize> {
        self.opened
    }

    /// Notes for later scans that this one failed.
    pub(super) fn give_up(
        &self,
        start_byte: u64,
        broken_at: Option<usize>,
        suspects: &mut Suspects,
    ) {
        let doom = match broken_at {
            Some(offset) => Doom::BreaksAt(start_byte + offset as u64),
            None => Doom::OpenUntil(start_byte + self.offset as u64),
        };
        let openings = self
            .openings
            .iter()
            .map(|&offset| start_byte + offset as u64);
        suspects.note(start_byte, openings, doom);
    }

    /// Goes on with the scan of `text`, which begins with the record, starts
    /// `start_byte` into the input, and is all there is if `is_last`.
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
                    (true, Some(opened)) => Verdict::NeverClosed(opened),
                    (true, None) => self.record(text, text.len(), text.len(), dialect),
                };
            };
            let at = self.offset + found;
            let is_quote = text[at] == QUOTE;
            if self.opened.is_none() {
                if !is_quote {
                    return self.record(text, at, at + 1, dialect);
                }
                self.offset = at + 1;
                if at > 0 && text[at - 1] != dialect.delimiter {
                    continue;
                }
                self.opened = Some(at);
                if suspects.concern(start_byte)
                    && let Some(verdict) = self.open_suspicious(at, start_byte, suspects)
                {
                    return verdict;
                }
                continue;
            }
            if !is_quote {
                self.line_breaks += 1;
                self.offset = at + 1;
                continue;
            }
            if let Some(verdict) = self.close(text, at, is_last, dialect) {
                return verdict;
            }
        }
    }

    /// A quote within quotes at `at`: the field's end, or half of a doubled one.
    fn close(
        &mut self,
        text: &[u8],
        at: usize,
        is_last: bool,
        dialect: Dialect,
    ) -> Option<Verdict> {
        let line_end = dialect.terminator.byte();
        let undecided = if is_last {
            None
        } else {
            Some(Verdict::Unfinished)
        };
        self.offset = at;
        match text.get(at + 1) {
            None => undecided.or_else(|| Some(self.whole(text, at + 1, at + 1, dialect))),
            Some(&QUOTE) => {
                self.offset = at + 2;
                None
            }
            Some(&byte) if byte == dialect.delimiter => {
                self.opened = None;
                self.offset = at + 1;
                None
            }
            Some(&byte) if byte == line_end => Some(self.whole(text, at + 1, at + 2, dialect)),
            Some(b'\r') => match text.get(at + 2) {
                None => undecided.or_else(|| Some(self.whole(text, at + 1, at + 2, dialect))),
                Some(b'\n') => Some(self.whole(text, at + 1, at + 3, dialect)),
                Some(_) => Some(Verdict::TextAfterQuote(at + 1)),
            },
            Some(_) => Some(Verdict::TextAfterQuote(at + 1)),
        }
    }

    /// Uses what earlier scans know of the quote just opened at `at`.
    fn open_suspicious(
        &mut self,
        at: usize,
        start_byte: u64,
        suspects: &Suspects,
    ) -> Option<Verdict> {
        self.openings.push(at);
        let offset_of = |byte: u64| {
            usize::try_from(byte - start_byte).expect("a known quote lies within one row's bound")
        };
        match suspects.doom_of(start_byte + at as u64)? {
            Doom::BreaksAt(byte) => Some(Verdict::TextAfterQuote(offset_of(byte))),
            Doom::OpenUntil(byte) => {
                self.jumped = true;
                self.offset = offset_of(byte);
                None
            }
        }
    }

    /// A record whose last field is unquoted: a carriage return before the line
    /// feed belongs to the line end.
    fn record(&self, text: &[u8], end: usize, next: usize, dialect: Dialect) -> Verdict {
        let strip = dialect.terminator == Terminator::LineFeed && end > 0 && text[end - 1] == b'\r';
        self.whole(text, end - usize::from(strip), next, dialect)
    }

    fn whole(&self, text: &[u8], end: usize, next: usize, dialect: Dialect) -> Verdict {
        let line_breaks = if self.jumped {
            memchr::memchr_iter(dialect.terminator.byte(), &text[..end]).count() as u64
        } else {
            self.line_breaks
        };
        Verdict::Record {
            end,
            next,
            line_breaks,
        }
    }
}
