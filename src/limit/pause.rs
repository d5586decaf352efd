//! A pause that the tenant asked for, which outlives the process that was told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::LONGEST_PAUSE;
use super::key::LimitKey;

/// Nothing is to be sent under a limit until some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Whose limit it is.
    pub key: LimitKey,
    /// When it is over, in milliseconds of the Unix epoch.
    pub until_epoch_ms: u64,
}

impl Pause {
    /// What is left of it; zero once it is over. A clock that was set back makes
    /// it no longer than a run would have waited.
    #[must_use]
    pub fn left(&self, now_epoch_ms: u64) -> Duration {
        let left = self.until_epoch_ms.saturating_sub(now_epoch_ms);
        Duration::from_millis(left).min(LONGEST_PAUSE)
    }
}
