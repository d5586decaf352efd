//! The gate: closed means closed for everyone.

use std::time::{Duration, Instant};

use super::event::CloseReason;

/// Open, or closed until a moment that only ever moves later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    closed: Option<Closing>,
    /// Requests sent before this say nothing new about the limit.
    pub(super) reopened_at: Instant,
}

/// One closing of the gate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) reason: CloseReason,
}

impl Gate {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            closed: None,
            reopened_at: now,
        }
    }

    pub(super) fn closing(&self) -> Option<Closing> {
        self.closed
    }

    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Close, or keep closed for longer. Returns when it reopens.
    pub(super) fn close(&mut self, now: Instant, wait: Duration, reason: CloseReason) -> Instant {
        // Past the end of time there is nothing to wait for either: a year will do.
        let wanted = now
            .checked_add(wait)
            .unwrap_or_else(|| now + Duration::from_secs(31_622_400));
        let closing = self.closed.get_or_insert(Closing {
            since: now,
            until: wanted,
            reason,
        });
        closing.until = closing.until.max(wanted);
        // A quota that is met amid failures is still worth measuring.
        if reason.is_quota() && !closing.reason.is_quota() {
            closing.reason = reason;
        }
        closing.until
    }

    /// Open, if the time has come. Returns the closing that ended.
    pub(super) fn reopen(&mut self, now: Instant) -> Option<Closing> {
        let ended = self.closed.take_if(|closing| now >= closing.until)?;
        self.reopened_at = now;
        Some(ended)
    }
}
