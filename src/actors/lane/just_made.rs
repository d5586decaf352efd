//! Records that were made a moment ago: the tenant's search may not know them
//! yet, so a look-up that doesn't find them proves nothing.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// When records were made, by the hash of their key.
#[derive(Debug, Default)]
pub(super) struct JustMade {
    at: HashMap<u64, Instant>,
    /// The same in the order of time, so that old ones can be forgotten.
    in_order: VecDeque<(Instant, u64)>,
}

impl JustMade {
    pub(super) fn note(&mut self, key_hash: u64, now: Instant) {
        self.at.insert(key_hash, now);
        self.in_order.push_back((now, key_hash));
    }

    /// How long after `now` the tenant may still not know the record, which it
    /// does `known_after` being made; `None` where it should. A question's own
    /// time is asked about, which is before that of its answer.
    pub(super) fn unknown_for(
        &mut self,
        key_hash: u64,
        known_after: Duration,
        now: Instant,
    ) -> Option<Duration> {
        while let Some(&(made, old)) = self.in_order.front()
            && made + known_after <= now
        {
            self.in_order.pop_front();
            if self.at.get(&old) == Some(&made) {
                self.at.remove(&old);
            }
        }
        let made = self.at.get(&key_hash)?;
        Some((*made + known_after).duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_new_for_as_long_as_searches_are_late() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let late = Duration::from_secs(5);
        let mut made = JustMade::default();
        made.note(7, start);
        made.note(8, after(1_000));
        made.note(7, after(2_000));
        assert_eq!(made.unknown_for(9, late, after(3_000)), None);
        let left = made.unknown_for(7, late, after(6_000));
        assert_eq!(left, Some(Duration::from_millis(1_000)));
        assert_eq!(made.unknown_for(8, late, after(6_000)), None);
        assert_eq!(made.unknown_for(7, late, after(7_000)), None);
        assert!(made.at.is_empty() && made.in_order.is_empty());
    }
}
