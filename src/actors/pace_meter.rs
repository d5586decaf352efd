//! Rows a second, lately.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How far back the pace looks. Long enough to hold a whole cycle of a
/// minute's quota; shorter, and the time to the end would jump with each.
const LOOK_BACK: Duration = Duration::from_secs(75);
/// Below this the pace is not worth telling.
const SHORTEST: Duration = Duration::from_millis(900);

/// Nothing has moved for at least this long …
const STUCK_AFTER: Duration = Duration::from_secs(3);
/// … and for the time of so many rows, before the time to the end is not told.
const ROWS_OF_A_STANDSTILL: f64 = 5.0;

/// Samples of how many rows have ended, over the last minute or so.
#[derive(Debug, Default)]
pub(super) struct PaceMeter {
    samples: VecDeque<(Instant, u64)>,
}

impl PaceMeter {
    /// Notes how many rows have ended by now.
    pub(super) fn note(&mut self, now: Instant, ended: u64) {
        self.samples.push_back((now, ended));
        while self
            .samples
            .front()
            .is_some_and(|&(at, _)| now.duration_since(at) > LOOK_BACK)
        {
            self.samples.pop_front();
        }
    }

    /// Rows a second over the time looked back; 0 while it is too early to say.
    pub(super) fn rows_per_second(&self) -> f64 {
        let (Some(&(first_at, first)), Some(&(last_at, last))) =
            (self.samples.front(), self.samples.back())
        else {
            return 0.0;
        };
        let passed = last_at.duration_since(first_at);
        if passed < SHORTEST {
            return 0.0;
        }
        // Precise enough: a run has far fewer than 2^52 rows.
        (last - first) as f64 / passed.as_secs_f64()
    }

    /// Whether the samples span at least this time. They never span more than
    /// is looked back, so of a long time this is never so.
    pub(super) fn covers(&self, span: Duration) -> bool {
        let (Some(&(first_at, _)), Some(&(last_at, _))) =
            (self.samples.front(), self.samples.back())
        else {
            return false;
        };
        last_at.duration_since(first_at) >= span
    }

    /// Whether nothing has moved for much longer than a row takes at this pace.
    pub(super) fn is_stuck(&self, pace: f64) -> bool {
        let Some(&(now, ended)) = self.samples.back() else {
            return false;
        };
        let moved_at = self
            .samples
            .iter()
            .rev()
            .find(|(_, before)| *before < ended)
            .map_or(now, |&(at, _)| at);
        let still = now.duration_since(moved_at).as_secs_f64();
        still > STUCK_AFTER.as_secs_f64().max(ROWS_OF_A_STANDSTILL / pace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tells_the_pace_of_late_and_not_of_the_whole_run() {
        let start = Instant::now();
        let mut meter = PaceMeter::default();
        assert_eq!(meter.rows_per_second(), 0.0);
        for second in 0..100_u32 {
            meter.note(
                start + Duration::from_secs(second.into()),
                1_000 * u64::from(second),
            );
        }
        for second in 100..300_u32 {
            let ended = 100_000 + 10 * u64::from(second - 100);
            meter.note(start + Duration::from_secs(second.into()), ended);
        }
        assert!((meter.rows_per_second() - 10.0).abs() < 0.01);
        assert!(meter.covers(Duration::from_secs(70)));
        assert!(!meter.covers(Duration::from_secs(80)));
        assert!(!meter.is_stuck(10.0));
        meter.note(start + Duration::from_secs(304), 102_000 - 10);
        assert!(meter.is_stuck(10.0), "nothing has moved for five seconds");
        assert!(!meter.is_stuck(0.5), "a row takes two seconds");
    }
}
