//! Up to when a source's changes have been read, round after round.
//!
//! The clock that stamps records may be behind the one that dates replies, by
//! nobody knows how much. A record that was seen bounds it: when the round that
//! read it began, the stamping clock was at most so far behind. Both clocks go
//! equally fast, so the bound holds for all later rounds, also for those that
//! see no change.

use jiff::{SignedDuration, Timestamp};

use super::state::{FetchState, read_time};

/// What is known of the stamping clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangeClock {
    /// How far it is behind at most; `None` until a record has told.
    most_behind: Option<SignedDuration>,
}

impl ChangeClock {
    /// The time from which on changes may not have been read, after a round
    /// that ended with `state`; it never goes back. `None` for a round that
    /// hasn't read all.
    pub fn read_until(&mut self, state: &FetchState) -> Option<Timestamp> {
        // There is one where all was read.
        state.watermark.as_ref()?;
        let time = |text: &Option<String>| read_time(text.as_deref()?);
        let started_at = time(&state.started_at)?;
        if let Some(newest) = time(&state.newest_change) {
            let behind = started_at.duration_since(newest).max(SignedDuration::ZERO);
            self.most_behind = Some(self.most_behind.map_or(behind, |most| most.min(behind)));
        }
        started_at
            .checked_sub(self.most_behind.unwrap_or_default())
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::PageAt;

    #[test]
    fn what_was_seen_once_bounds_the_clock_for_all_later_rounds() {
        let round = |clock: &mut ChangeClock, started: &str, newest: Option<&str>, has_all| {
            let mut state = FetchState::new(PageAt::First);
            state.started_at = Some(format!("2026-01-01T{started}Z"));
            if let Some(newest) = newest {
                state.note_change(&format!("2026-01-01T{newest}Z"));
            }
            state.end(has_all);
            let until = clock.read_until(&state)?;
            Some(until.strftime("%H:%M:%S").to_string())
        };
        let mut clock = ChangeClock::default();
        // Nothing was changed for three hours, or the clock is behind by them.
        let until = round(&mut clock, "12:00:00", Some("09:00:00"), true);
        assert_eq!(until.as_deref(), Some("09:00:00"));
        let until = round(&mut clock, "12:10:00", None, true);
        assert_eq!(until.as_deref(), Some("09:10:00"));
        // It is behind by a minute at most.
        let until = round(&mut clock, "12:20:00", Some("12:19:00"), true);
        assert_eq!(until.as_deref(), Some("12:19:00"));
        // The same change comes again, and holds nothing up.
        let until = round(&mut clock, "12:23:00", Some("12:19:00"), true);
        assert_eq!(until.as_deref(), Some("12:22:00"));
        // A change that came while the round was reading.
        let until = round(&mut clock, "12:30:00", Some("12:31:00"), true);
        assert_eq!(until.as_deref(), Some("12:30:00"));
        assert_eq!(round(&mut clock, "12:40:00", None, false), None);
        let mut untold = ChangeClock::default();
        let until = round(&mut untold, "12:00:00", None, true);
        assert_eq!(until.as_deref(), Some("12:00:00"));
    }
}
