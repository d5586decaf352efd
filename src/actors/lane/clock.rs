//! Wall-clock time for the audit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Wall-clock time for the audit, from tokio's clock, so that tests with
/// paused time see it move.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    started: Instant,
    started_ms: u64,
}

impl WallClock {
    pub(super) fn start() -> Self {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            started: Instant::now(),
            started_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// How long the lane has run, whatever was done to the clock on the wall.
    pub(super) fn runs_for(&self, now: Instant) -> Duration {
        now.duration_since(self.started)
    }

    /// Milliseconds since 1970 at an instant.
    pub(super) fn at_ms(&self, instant: Instant) -> u64 {
        let passed = instant.duration_since(self.started).as_millis();
        self.started_ms + u64::try_from(passed).unwrap_or(0)
    }
}
