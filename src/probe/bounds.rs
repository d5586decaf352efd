//! What a probe may cost, and why it may end early.

use std::time::Duration;

use crate::error::FatalError;

/// What a probe may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Requests, refused ones included. At least 1.
    pub max_requests: u64,
    /// Time, waits included.
    pub max_duration: Duration,
    /// Requests at once. At least 1.
    pub max_in_flight: u32,
}

/// Why a probe ended before it was through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The requests are used up.
    Requests,
    /// The time is over.
    Duration,
    /// The tenant asks for a longer wait than there is time.
    LongWait(Duration),
    /// The tenant shows signs of distress; which, in words.
    Distress(String),
    /// The user asked for it.
    Interrupted,
    /// The probe can't go on.
    Impossible(FatalError),
}

impl Stop {
    /// Whether more requests or time would have led further.
    #[must_use]
    pub fn is_budget(&self) -> bool {
        matches!(self, Self::Requests | Self::Duration | Self::LongWait(_))
    }
}
