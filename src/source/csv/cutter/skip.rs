//! Text that is dropped, since its row has been given out already.

use super::Cutter;
use crate::source::csv::scan::Verdict;
use crate::source::csv::suspects::{Fault, Suspects};

/// What is to be dropped before the next row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    Nothing,
    /// Text up to the next line.
    Line,
    /// So many bytes of a row whose end is known.
    Bytes(u64),
    /// A row whose end isn't known; the scan goes on.
    Record,
}

impl Cutter {
    /// Drops what is to be dropped; whether a row may start now.
    #[cold]
    pub(super) fn skip_on(&mut self) -> bool {
        let text = &self.window[self.start..self.filled];
        let (dropped, lines, skip) = match self.skip {
            Skip::Nothing => return true,
            Skip::Line => match memchr::memchr(self.dialect.terminator.byte(), text) {
                Some(found) => (found + 1, 1, Skip::Nothing),
                None => (text.len(), 0, Skip::Line),
            },
            Skip::Bytes(left) => {
                let here = usize::try_from(left).map_or(text.len(), |left| left.min(text.len()));
                match left - here as u64 {
                    0 => (here, 0, Skip::Nothing),
                    left => (here, 0, Skip::Bytes(left)),
                }
            }
            Skip::Record => return self.skip_record(),
        };
        self.advance(dropped, lines);
        self.skip = skip;
        skip == Skip::Nothing
    }

    fn skip_record(&mut self) -> bool {
        let text = &self.window[self.start..self.filled];
        let (text_bytes, start_byte) = (text.len(), self.next.byte);
        // Suspects know of faults within the view only, and this is behind it.
        let known = Suspects::default();
        let verdict = self
            .scan
            .run(text, start_byte, self.ended, self.dialect, &known);
        let breaks = self.scan.line_breaks();
        let (dropped, lines, skip) = match verdict {
            Verdict::Unfinished => {
                let passed = self.scan.leave_behind();
                self.start += passed;
                self.next.byte += passed as u64;
                return false;
            }
            Verdict::Record { next, .. } => (next, breaks + 1, Skip::Nothing),
            Verdict::Broken(Fault::TextAfterQuote(byte)) => {
                let dropped = usize::try_from(byte - start_byte).expect("within the window");
                (dropped, breaks, Skip::Line)
            }
            Verdict::Broken(Fault::NeverClosed(_)) => (text_bytes, breaks, Skip::Nothing),
        };
        self.advance(dropped, lines);
        self.skip = skip;
        self.skip_on()
    }
}
