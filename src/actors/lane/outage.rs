//! Tells a tenant that is away from a row that can't be loaded.
//!
//! A row that fails again and again is given up. But while nothing gets
//! through for anybody, failing says nothing about the row; counting it would
//! reject the whole input within minutes of an outage. So failures during an
//! outage don't count against rows, and the run waits, up to a stated time.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

/// So many different rows failing in a row, with nothing accepted between
/// them, make an outage. Smaller, and a few bad rows at the input's end would
/// be waited for; larger, and rows lose attempts before it is noticed.
const ROWS_OF_AN_OUTAGE: usize = 5;

/// How long a tenant that never gave any reply is waited for: a wrong host or
/// a closed port should be told in seconds.
pub(super) const PATIENCE_AT_FIRST: Duration = Duration::from_secs(10);
/// How long a tenant that has replied before, if only with a failure, is
/// waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Watches whether anything gets through.
#[derive(Debug, Default)]
pub(super) struct OutageWatch {
    has_replied: bool,
    failing_since: Option<Instant>,
    failing_rows: HashSet<u64>,
    last_cause: String,
    /// Until when the tenant says that it is away.
    away_until: Option<Instant>,
}

impl OutageWatch {
    /// The tenant replied, whatever it said.
    pub(super) fn note_reply(&mut self) {
        self.has_replied = true;
    }

    /// The tenant did, or refused, what was asked: it is well.
    pub(super) fn note_answer(&mut self) {
        if self.failing_since.is_some() {
            self.failing_since = None;
            self.failing_rows.clear();
            self.away_until = None;
        }
    }

    /// A request failed through no fault of its row that could be named.
    pub(super) fn note_failure(&mut self, row: u64, now: Instant, cause: impl FnOnce() -> String) {
        self.failing_since.get_or_insert(now);
        if self.failing_rows.len() < ROWS_OF_AN_OUTAGE {
            self.failing_rows.insert(row);
        }
        self.last_cause = cause();
    }

    /// The tenant says how long it is away: that is waited for, however long.
    pub(super) fn note_wait_named(&mut self, now: Instant, wait: Duration) {
        self.away_until = self.away_until.max(now.checked_add(wait));
    }

    /// Whether nothing gets through for anybody.
    pub(super) fn is_outage(&self) -> bool {
        self.failing_rows.len() >= ROWS_OF_AN_OUTAGE
    }

    /// When the run has waited long enough, where nothing gets through.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        let patience = match self.has_replied {
            true => PATIENCE,
            false => PATIENCE_AT_FIRST,
        };
        let ends_at = self.failing_since? + patience;
        // Then it gets another chance, and the time for it.
        let away_until = self.away_until.map(|until| until + PATIENCE_AT_FIRST);
        Some(away_until.map_or(ends_at, |until| until.max(ends_at)))
    }

    /// How long nothing has got through, and why, where that is longer than
    /// the run should wait.
    pub(super) fn lasted_too_long(&self, now: Instant) -> Option<(Duration, &str)> {
        let ends_at = self.ends_at()?;
        let lasted = now.duration_since(self.failing_since?);
        (now >= ends_at).then_some((lasted, self.last_cause.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(watch: &mut OutageWatch, row: u64, now: Instant) {
        watch.note_failure(row, now, || "why".to_owned());
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_failing_rows_are_no_outage_and_an_answer_ends_one() {
        let mut watch = OutageWatch::default();
        for _ in 0..50 {
            for row in 1..5 {
                fail(&mut watch, row, Instant::now());
            }
        }
        assert!(!watch.is_outage());
        fail(&mut watch, 5, Instant::now());
        assert!(watch.is_outage());
        watch.note_answer();
        assert!(!watch.is_outage());
        assert_eq!(watch.ends_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_never_replied_is_not_waited_for_long() {
        let mut watch = OutageWatch::default();
        let start = Instant::now();
        fail(&mut watch, 1, start);
        let told = watch.lasted_too_long(start + PATIENCE_AT_FIRST);
        assert_eq!(told, Some((PATIENCE_AT_FIRST, "why")));
        watch.note_reply();
        assert_eq!(watch.lasted_too_long(start + PATIENCE_AT_FIRST), None);
        assert!(watch.lasted_too_long(start + PATIENCE).is_some());
    }
}
