//! Rows with a flaw: what is given out of them, and where reading goes on.

use std::io;
use std::mem;

use super::skip::Skip;
use super::{CutRow, Cutter, KEPT_BYTES, LINE_END_BYTES};
use crate::record::Flaw;
use crate::source::csv::ahead::Outlook;
use crate::source::csv::messages;
use crate::source::csv::scan::Verdict;
use crate::source::csv::suspects::Fault;

impl Cutter {
    #[cold]
    pub(super) fn cut_flawed(
        &mut self,
        verdict: Verdict,
        view_bytes: usize,
        is_last: bool,
    ) -> Option<CutRow> {
        let is_full = view_bytes == self.view_bytes;
        match verdict {
            Verdict::Unfinished if !is_full => None,
            Verdict::Unfinished if self.second_look.is_some() => {
                self.wants_look = true;
                None
            }
            Verdict::Unfinished => Some(self.take_without_end()),
            Verdict::Broken(fault) => self.give_up(fault, view_bytes, is_last),
            Verdict::Record { .. } => unreachable!("a record is no flaw"),
        }
    }

    /// Learns how the row ends that fills the view.
    pub(super) fn look_ahead(&mut self) -> io::Result<()> {
        let second_look = self.second_look.as_mut();
        let second_look = second_look.expect("asked for where there is one only");
        let scan = mem::take(&mut self.scan);
        let outlook = second_look.finish(scan, self.next.byte, self.dialect, &self.suspects)?;
        self.outlook = Some(outlook);
        Ok(())
    }

    #[cold]
    pub(super) fn cut_foreseen(&mut self, outlook: Outlook) -> CutRow {
        match outlook {
            Outlook::Ends {
                next_byte,
                line_breaks,
            } => self.take_too_long(next_byte, line_breaks + 1),
            Outlook::Broken(fault) => self
                .give_up(fault, self.view_bytes, false)
                .expect("a full view can be given up"),
        }
    }

    /// Gives out the line that the record starts on, which can't be one; `None`
    /// where the line's end isn't known yet.
    fn give_up(&mut self, fault: Fault, view_bytes: usize, is_last: bool) -> Option<CutRow> {
        let text = &self.window[self.start..self.start + view_bytes];
        let line_end = self.dialect.terminator.byte();
        let found = memchr::memchr(line_end, text);
        if found.is_none() && !is_last && view_bytes < self.view_bytes {
            return None;
        }
        self.suspects.note(self.next.byte, fault);
        let line = found.unwrap_or(view_bytes);
        let has_return =
            found.is_some() && line_end == b'\n' && line > 0 && text[line - 1] == b'\r';
        let end = self.kept_of(line - usize::from(has_return));
        let flaw = self.flaw_of_line(line, fault);
        if found.is_none() && !is_last {
            let row = self.take(end, line, 0, Some(flaw));
            self.skip = Skip::Line;
            return Some(row);
        }
        let next = line + usize::from(found.is_some());
        Some(self.take(end, next, 1, Some(flaw)))
    }

    /// What is said of a line of `line_bytes` whose record runs into `fault`. A
    /// line above the bound is that first of all, unless the fault shows within
    /// the bound. It is the same whether or not a second look was needed.
    fn flaw_of_line(&self, line_bytes: usize, fault: Fault) -> Box<Flaw> {
        let bound = self.row_limit + LINE_END_BYTES;
        let bound_byte = self.next.byte + bound as u64;
        let is_near = matches!(fault, Fault::TextAfterQuote(byte) if byte < bound_byte);
        if line_bytes < bound || is_near {
            messages::bad_quoting(self.next, fault)
        } else {
            messages::too_long(self.next, 1)
        }
    }

    /// How much is kept of a row of `bytes`.
    fn kept_of(&self, bytes: usize) -> usize {
        if bytes > self.row_limit {
            KEPT_BYTES.min(self.row_limit)
        } else {
            bytes
        }
    }

    /// Gives out the start of a row that has `lines` lines, up to `next_byte`.
    pub(super) fn take_too_long(&mut self, next_byte: u64, lines: u64) -> CutRow {
        let flaw = messages::too_long(self.next, lines);
        let kept = self.kept_of(usize::MAX);
        let row = self.take(kept, 0, lines, Some(flaw));
        self.skip = Skip::Bytes(next_byte - self.next.byte);
        row
    }

    /// Gives out the start of a row whose end isn't known.
    fn take_without_end(&mut self) -> CutRow {
        let row = CutRow {
            position: self.next,
            start: self.start,
            end: self.start + self.kept_of(usize::MAX),
            flaw: Some(messages::without_end(self.next)),
        };
        self.skip = Skip::Record;
        row
    }
}
