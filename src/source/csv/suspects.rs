//! Keeps a malicious or badly broken file from costing quadratic time.
//!
//! A record that fails is given up after its first line only, so its other
//! lines are scanned again, each as a record of its own; and each of those may
//! run into the same far-off fault. A megabyte of lines like `b","a` would be
//! scanned a hundred thousand times. Two scans that open a quote at the same
//! byte go the same way from there, so it is enough to remember, for quotes
//! opened in failed scans, where the way leads. This changes how fast a verdict
//! is reached and never what it is.

use std::collections::HashMap;

/// A failed scan shorter than this is cheap enough to be made again. Tests on
/// small texts hold the memory against scans without one, so there it is small.
const SHORT_SCAN_BYTES: u64 = if cfg!(test) { 16 } else { 16 * 1024 };

/// Entries between two clean-ups. One row can't need more than half its bound.
const CLEAN_UP_EVERY: usize = 1 << 18;

/// Where a quote that was opened at a known byte leads. Bytes are counted from
/// the start of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doom {
    /// Text follows a closing quote at this byte.
    BreaksAt(u64),
    /// No record has ended, and a quote is open, up to this byte.
    OpenUntil(u64),
}

/// Quotes whose end is known from earlier scans.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    zone_end: u64,
    dooms: HashMap<u64, Doom>,
    clean_up_at: usize,
}

impl Suspects {
    /// Whether a scan that starts at `byte` may meet quotes that are known, and
    /// should note the ones it opens.
    #[inline]
    pub(super) fn concern(&self, byte: u64) -> bool {
        byte < self.zone_end
    }

    /// Where the quote opened at `byte` leads, if it is known.
    pub(super) fn doom_of(&self, byte: u64) -> Option<Doom> {
        self.dooms.get(&byte).copied()
    }

    /// Notes how the scan from `start` failed, which opened quotes at `openings`.
    pub(super) fn note(&mut self, start: u64, openings: impl Iterator<Item = u64>, doom: Doom) {
        let (Doom::BreaksAt(end) | Doom::OpenUntil(end)) = doom;
        if !self.concern(start) {
            self.dooms.clear();
            self.clean_up_at = CLEAN_UP_EVERY;
            if end - start < SHORT_SCAN_BYTES {
                return;
            }
        }
        self.zone_end = self.zone_end.max(end);
        self.dooms.extend(openings.map(|opening| (opening, doom)));
        if self.dooms.len() >= self.clean_up_at {
            self.dooms.retain(|&opening, _| opening >= start);
            self.clean_up_at = self.dooms.len() + CLEAN_UP_EVERY;
        }
    }
}
