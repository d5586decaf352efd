//! So many requests at once.

use std::time::Duration;

use super::traits::scaled;
use super::{Limiter, Rejection, Standing};

/// A cap on the requests inside the tenant.
#[derive(Clone, Debug)]
pub struct Concurrency {
    configured: u64,
    cap: u64,
    inside: u64,
}

impl Concurrency {
    /// At most `cap` (at least 1) requests inside.
    pub fn new(cap: u64) -> Self {
        let cap = cap.max(1);
        Concurrency {
            configured: cap,
            cap,
            inside: 0,
        }
    }
}

impl Limiter for Concurrency {
    fn check(&mut self, _now: Duration) -> Result<(), Rejection> {
        if self.inside < self.cap {
            Ok(())
        } else {
            Err(Rejection {
                wait: Duration::ZERO,
            })
        }
    }

    fn take(&mut self, _now: Duration) {
        self.inside += 1;
    }

    fn release(&mut self) {
        debug_assert!(self.inside > 0, "a place was given back that nobody took");
        self.inside = self.inside.saturating_sub(1);
    }

    fn scale(&mut self, _now: Duration, factor: f64) {
        self.cap = scaled(self.configured, factor);
    }

    fn standing(&mut self, _now: Duration) -> Option<Standing> {
        None
    }

    fn is_idle(&mut self, _now: Duration) -> bool {
        self.inside == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_given_back_can_be_taken_again() {
        let now = Duration::ZERO;
        let mut limit = Concurrency::new(2);
        assert_eq!(limit.admit(now), Ok(()));
        assert_eq!(limit.admit(now), Ok(()));
        assert_eq!(
            limit.admit(now),
            Err(Rejection {
                wait: Duration::ZERO
            })
        );
        limit.release();
        assert_eq!(limit.admit(now), Ok(()));
        limit.scale(now, 2.0);
        assert_eq!(limit.admit(now), Ok(()));
    }
}
