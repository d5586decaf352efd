//! `staged.json`: how far fetching has come.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connector::PageAt;

use super::reading::Reading;

/// What was asked of the source, over all legs of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchTotals {
    /// Requests that were sent, tokens' aside.
    pub requests: u64,
    /// Of these, those that were told to wait.
    pub throttled: u64,
    /// Pages that are staged.
    pub pages: u64,
    /// Rows of them.
    pub rows: u64,
}

/// How far fetching has come. Everything in the first `bytes` of the staged
/// file comes from pages before `next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchState {
    /// Bytes of the staged file that count.
    pub bytes: u64,
    /// The page that is asked for next; none at the end.
    pub next: Option<PageAt>,
    /// Whether everything that was wanted is staged.
    pub complete: bool,
    /// When the first page was answered, by the source's clock: RFC 3339.
    pub started_at: Option<String>,
    /// The newest change of a record seen, where the records tell: RFC 3339.
    pub newest_change: Option<String>,
    /// From when on a later run has to ask for changes: RFC 3339. None until
    /// everything is staged, and where `--limit` left records out.
    pub watermark: Option<String>,
    /// What was asked of the source.
    pub totals: FetchTotals,
    /// How often fetching was begun: a part of every request's id.
    #[serde(default)]
    pub legs: u64,
    /// The reading of the list that is under way, or the last one.
    #[serde(default)]
    pub reading: Reading,
    /// Why it can't be told whether every record of the list came, for people;
    /// none where it can, and while it is read.
    #[serde(default)]
    pub doubt: Option<String>,
}

impl FetchState {
    /// Nothing fetched yet.
    #[must_use]
    pub fn new(first: PageAt) -> Self {
        Self {
            bytes: 0,
            next: Some(first),
            complete: false,
            started_at: None,
            newest_change: None,
            watermark: None,
            totals: FetchTotals::default(),
            legs: 0,
            reading: Reading::default(),
            doubt: None,
        }
    }

    /// Notes a record's time of change, whatever its form.
    pub(super) fn note_change(&mut self, text: &str) {
        let Some(time) = read_time(text) else { return };
        let known = self.newest_change.as_deref().and_then(read_time);
        if known.is_none_or(|known| time > known) {
            self.newest_change = Some(time.to_string());
        }
    }

    /// Everything is staged. What a later run has to ask from is the start of
    /// this one; or the newest change, where that is earlier, since the
    /// records' clock may be behind the one that told the start.
    pub(super) fn end(&mut self, has_all: bool) {
        self.next = None;
        self.complete = true;
        let times = [&self.started_at, &self.newest_change];
        let earliest = times
            .into_iter()
            .filter_map(|text| read_time(text.as_deref()?))
            .min();
        self.watermark = earliest
            .filter(|_| has_all)
            .map(|earliest| earliest.to_string());
    }
}

/// A time as records write it: RFC 3339, or seconds or milliseconds since 1970.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    /// Seconds up to the year 5138; larger numbers are milliseconds.
    const MOST_SECONDS: i64 = 100_000_000_000;
    match text.parse::<i64>().ok()? {
        seconds @ 0..MOST_SECONDS => Timestamp::from_second(seconds).ok(),
        milliseconds => Timestamp::from_millisecond(milliseconds).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_run_asks_from_the_start_or_from_the_newest_change_before_it() {
        let mut state = FetchState::new(PageAt::Offset(0));
        state.started_at = Some("2026-02-01T00:00:00Z".to_owned());
        state.note_change("no time");
        state.note_change("2026-01-31T10:00:00+01:00");
        state.note_change("1700000000");
        state.note_change("1700000000000");
        let mut behind = state.clone();
        behind.end(true);
        assert_eq!(behind.watermark.as_deref(), Some("2026-01-31T09:00:00Z"));
        let mut ahead = state.clone();
        ahead.note_change("2026-02-02T00:00:00Z");
        ahead.end(true);
        assert_eq!(ahead.watermark.as_deref(), Some("2026-02-01T00:00:00Z"));
        state.end(false);
        assert_eq!((state.watermark, state.complete), (None, true));
    }
}
