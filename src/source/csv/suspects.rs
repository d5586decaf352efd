//! Keeps a malicious or badly broken file from costing quadratic time.
//!
//! A record that fails is given up after its first line only, so its other
//! lines are scanned again, each as a record of its own; and each of those may
//! run into the same far-off fault. A megabyte of lines like `b","a` would be
//! scanned a hundred thousand times.
//!
//! A scan that goes on behind a line end is within quotes there: outside them
//! the record would have ended. So all scans that go on behind the same line
//! end are in one state and come to the same end, and a scan that failed went
//! on behind **every** line end between its start and its fault. One range with
//! one fault is all there is to remember. This changes how fast a verdict is
//! reached and never what it is.

/// Why a record can't be one. Bytes are counted from the start of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Text follows a closing quote at this byte.
    TextAfterQuote(u64),
    /// The input ends within the quotes opened at this byte.
    NeverClosed(u64),
}

/// The line ends that lead to a known fault for each scan that passes one.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    start: u64,
    end: u64,
    fault: Option<Fault>,
}

impl Suspects {
    /// The fault that a scan runs into which passes the line end at `byte`,
    /// within the quotes it opened at `opened`.
    pub(super) fn fault_behind(&self, byte: u64, opened: u64) -> Option<Fault> {
        if !(self.start..self.end).contains(&byte) {
            return None;
        }
        match self.fault {
            // If the noted scan opened no quote behind this line end, then the
            // one that stays open is this scan's own.
            Some(Fault::NeverClosed(last)) => Some(Fault::NeverClosed(last.max(opened))),
            known => known,
        }
    }

    /// Notes the fault of the scan that began at `start`.
    pub(super) fn note(&mut self, start: u64, fault: Fault) {
        let end = match fault {
            Fault::TextAfterQuote(byte) => byte,
            Fault::NeverClosed(_) => u64::MAX,
        };
        // A fault that comes earlier than the known one lies on the record's own
        // first line: no line end leads to it.
        if end > self.end {
            (self.start, self.end, self.fault) = (start, end, Some(fault));
        }
    }
}
