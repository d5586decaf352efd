//! Whether clients stay away as long as they were told.
//!
//! A refusal that names a wait starts a pause. What was already under way then is not held against anybody: only requests
//! that arrive more than a grace after the refusal, and before its time is over, undercut it.

use std::collections::VecDeque;
use std::time::Duration;

/// The pauses asked for on one bucket and endpoint.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    /// Refusals younger than the grace: when they were said, and until when they hold.
    young: VecDeque<(Duration, Duration)>,
    /// The latest end among the refusals older than the grace.
    holds_until: Duration,
}

impl Pauses {
    /// Notes a refusal said now that holds until a time.
    pub(crate) fn begin(&mut self, now: Duration, until: Duration) {
        self.young.push_back((now, until));
    }

    /// Whether a request that arrives now comes too early.
    pub(crate) fn undercut(&mut self, now: Duration, grace: Duration) -> bool {
        while let Some((said, until)) = self.young.front().copied() {
            if said + grace > now {
                break;
            }
            self.holds_until = self.holds_until.max(until);
            self.young.pop_front();
        }
        now < self.holds_until
    }

    /// Whether nothing is asked for any more.
    pub(crate) fn are_over(&self, now: Duration) -> bool {
        now >= self.holds_until && self.young.iter().all(|(_, until)| now >= *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn only_a_request_between_the_grace_and_the_end_undercuts() {
        let grace = ms(100);
        let mut pauses = Pauses::default();
        assert!(!pauses.undercut(ms(0), grace));
        pauses.begin(ms(0), ms(1000));
        assert!(!pauses.undercut(ms(99), grace));
        assert!(pauses.undercut(ms(100), grace));
        assert!(pauses.undercut(ms(999), grace));
        assert!(!pauses.are_over(ms(999)));
        assert!(!pauses.undercut(ms(1000), grace));
        assert!(pauses.are_over(ms(1000)));
    }

    #[test]
    fn a_second_refusal_has_its_own_grace() {
        let grace = ms(100);
        let mut pauses = Pauses::default();
        pauses.begin(ms(0), ms(1000));
        pauses.begin(ms(990), ms(1990));
        assert!(!pauses.undercut(ms(1050), grace));
        assert!(pauses.undercut(ms(1090), grace));
    }
}
