//! Tells a tenant that is away from a row that can't be loaded.
//!
//! A row that fails again and again is given up. But while nothing gets
//! through for anybody, failing says nothing about the row; counting it would
//! reject the whole input within minutes of an outage. So failures during an
//! outage don't count against rows, and the run waits, up to a stated time.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::report::duration_words;

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

/// A write that failed is tried again within this time. Where no write has failed
/// for longer, those that did have ended otherwise, and questions that are answered
/// say enough.
const WRITES_FAIL_AGAIN_WITHIN: Duration = Duration::from_secs(2 * 60);

/// How long nothing gets through before people are told. Shorter, and a server
/// that starts anew makes a line; longer, and they wonder why nothing moves.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// Watches whether anything gets through.
#[derive(Debug, Default)]
pub(super) struct OutageWatch {
    has_replied: bool,
    failing_since: Option<Instant>,
    failing_rows: HashSet<u64>,
    /// When a write failed last, since when anything does.
    write_failed_at: Option<Instant>,
    last_cause: String,
    /// Until when the tenant says that it is away.
    away_until: Option<Instant>,
    /// Whether it was told that nothing gets through.
    is_told: bool,
    /// When what was told began, and it isn't so any more.
    over_since: Option<Instant>,
}

/// What people should know of an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OutageNews {
    /// It is there, in words.
    Began(String),
    /// It was, in words.
    Over(String),
}

impl OutageWatch {
    /// The tenant replied, whatever it said.
    pub(super) fn note_reply(&mut self) {
        self.has_replied = true;
    }

    /// The tenant did, or refused, what was asked: it is well.
    pub(super) fn note_answer(&mut self) {
        self.write_failed_at = None;
        if let Some(since) = self.failing_since.take() {
            if std::mem::take(&mut self.is_told) {
                self.over_since = Some(since);
            }
            self.failing_rows.clear();
            self.away_until = None;
        }
    }

    /// The tenant answered a question about a record. That records can be read
    /// doesn't say that they can be written, so it ends no outage of writes.
    pub(super) fn note_answered_question(&mut self, now: Instant) {
        let writes_fail = self
            .write_failed_at
            .is_some_and(|at| now.duration_since(at) < WRITES_FAIL_AGAIN_WITHIN);
        if !writes_fail {
            self.note_answer();
        }
    }

    /// A write failed, as of [`Self::note_failure`].
    pub(super) fn note_failed_write(
        &mut self,
        row: u64,
        now: Instant,
        cause: impl FnOnce() -> String,
    ) {
        self.write_failed_at = Some(now);
        self.note_failure(row, now, cause);
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

    /// When people are to be told, if nothing gets through until then.
    pub(super) fn tells_at(&self) -> Option<Instant> {
        let since = self.failing_since.filter(|_| !self.is_told)?;
        Some(since + TOLD_AFTER)
    }

    /// What people should know by now, once.
    pub(super) fn news(&mut self, now: Instant) -> Option<OutageNews> {
        if let Some(since) = self.over_since.take() {
            let lasted = duration_words(now.duration_since(since));
            let words = format!("requests get through to the tenant again, after {lasted}");
            return Some(OutageNews::Over(words));
        }
        let (since, ends_at) = (self.failing_since?, self.ends_at()?);
        if self.tells_at().is_none_or(|at| now < at) {
            return None;
        }
        self.is_told = true;
        Some(OutageNews::Began(format!(
            "nothing has got through to the tenant for {}: {}; it is waited for up to {} more, \
             then the run stops and can be resumed",
            duration_words(now.duration_since(since)),
            self.last_cause,
            duration_words(ends_at.duration_since(now)),
        )))
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
    async fn questions_that_are_answered_end_an_outage_of_questions_and_none_of_writes() {
        let mut watch = OutageWatch::default();
        let start = Instant::now();
        watch.note_reply();
        for row in 1..=5 {
            fail(&mut watch, row, start);
        }
        watch.note_answered_question(start);
        assert!(!watch.is_outage());
        assert_eq!(watch.lasted_too_long(start + PATIENCE), None);

        watch.note_failed_write(1, start, || "why".to_owned());
        watch.note_answered_question(start + Duration::from_secs(60));
        assert!(watch.lasted_too_long(start + PATIENCE).is_some());
        watch.note_failed_write(1, start + Duration::from_secs(90), || "why".to_owned());
        watch.note_answered_question(start + Duration::from_secs(180));
        assert!(watch.ends_at().is_some());
        // Its row was given up, and nothing was to be written since.
        watch.note_answered_question(start + Duration::from_secs(90) + WRITES_FAIL_AGAIN_WITHIN);
        assert_eq!(watch.ends_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_once_with_its_cause_and_so_is_its_end() {
        let mut watch = OutageWatch::default();
        let start = Instant::now();
        watch.note_reply();
        fail(&mut watch, 1, start);
        assert_eq!(watch.news(start + TOLD_AFTER / 2), None);
        assert_eq!(watch.tells_at(), Some(start + TOLD_AFTER));
        let told = watch.news(start + TOLD_AFTER);
        let Some(OutageNews::Began(words)) = told else {
            panic!("{told:?}");
        };
        for part in ["for 5.0 s: why;", "up to 14 min 55 s more"] {
            assert!(words.contains(part), "{words}");
        }
        assert_eq!(watch.news(start + PATIENCE / 2), None);
        watch.note_answer();
        let over = watch.news(start + PATIENCE / 2);
        assert!(matches!(over, Some(OutageNews::Over(words)) if words.contains("7 min 30 s")));
        // One that nobody was told of ends without a word.
        fail(&mut watch, 1, start);
        watch.note_answer();
        assert_eq!(watch.news(start + PATIENCE), None);
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
