//! What every limit model can do.
//!
//! A request may meet several limits, and all must admit it. So a model first looks (`check`), and takes its part (`take`)
//! only when every other model agreed; a limit that refused may want to note that too (`refused`).

use std::time::Duration;

/// A model said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Time until the model could say yes if nobody else asks. Zero where only the load tells (a concurrency cap).
    pub wait: Duration,
}

/// Where a bucket stands, for limit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Requests the limit admits in one window (or the burst of a bucket).
    pub limit: u64,
    /// Requests still admitted now.
    pub remaining: u64,
    /// Time until the whole limit is there again.
    pub reset: Duration,
    /// Length of one window (or the time in which an empty bucket fills).
    pub window: Duration,
}

/// One model of a limit. `now` counts from the scenario's start and never goes back.
pub trait Limiter: Send {
    /// Looks whether one more request fits, without taking a place.
    ///
    /// # Errors
    /// A [`Rejection`] with the honest wait.
    fn check(&mut self, now: Duration) -> Result<(), Rejection>;

    /// Takes one place. Only called directly after `check` said yes.
    fn take(&mut self, now: Duration);

    /// Notes a request that was refused, and returns the wait that follows from it.
    fn refused(&mut self, _now: Duration, rejection: Rejection) -> Rejection {
        rejection
    }

    /// Gives a place back when the request has been answered. Only a concurrency cap cares.
    fn release(&mut self) {}

    /// Multiplies the limit as configured by `factor` (0.5 halves it); what was used so far stays used.
    fn scale(&mut self, now: Duration, factor: f64);

    /// Where the bucket stands; none if the model has nothing to tell in headers.
    fn standing(&mut self, now: Duration) -> Option<Standing>;

    /// Whether the bucket is as if new, so that it may be forgotten.
    fn is_idle(&mut self, now: Duration) -> bool;

    /// Looks and takes in one step: for a limit that stands alone.
    ///
    /// # Errors
    /// A [`Rejection`] with the honest wait.
    fn admit(&mut self, now: Duration) -> Result<(), Rejection> {
        match self.check(now) {
            Ok(()) => {
                self.take(now);
                Ok(())
            }
            Err(rejection) => Err(self.refused(now, rejection)),
        }
    }
}

/// A limit of whole requests after a phase's factor: never less than one, or the tenant would be closed for good.
pub(super) fn scaled(requests: u64, factor: f64) -> u64 {
    ((requests as f64 * factor).round() as u64).max(1)
}
