//! Tells a row that is throttled for itself from one that meets a limit of all:
//! some tenants have a limit for each record.

use crate::transport::Transport;

use super::attempt::Pending;
use super::run::{Lane, LaneControl};

/// A row must have been throttled more often than this to be throttled for
/// itself; larger, and one such row holds the others back for longer.
const THROTTLES_SHARED: u32 = 4;
/// ... and as unlikely as this must it be that a row meets so many refusals by
/// chance, at the share of others that were refused in the same time. Larger,
/// and rows are rejected where other clients take most of a limit.
const CHANCE_OF_BAD_LUCK: f64 = 1e-7;

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// Whether a 503 is one that everybody gets now and then: it speaks of the
    /// server, and is what some gateways say to whoever is too fast. Where
    /// nobody gets through, or only this row doesn't, it counts as a failure.
    pub(super) fn is_turned_away_by_turns(&mut self, pending: &mut Pending) -> bool {
        let others_got_through = pending.throttles == 0 || self.accepted > pending.accepted_at_last;
        let is_alone = self.note_throttled(pending);
        others_got_through && !is_alone
    }

    /// Whether a refusal is about this row and not about the endpoint: others
    /// get through, and this one is refused again and again (some tenants have
    /// a limit for each record). It must not hold the others back. Refusals
    /// between which nobody got through are one: where a wait is named too
    /// short, the row at the head of the queue meets the same closed door time
    /// and again.
    pub(super) fn note_throttled(&mut self, pending: &mut Pending) -> bool {
        if pending.throttles == 0 {
            pending.accepted_before = self.accepted;
            pending.throttled_before = self.throttled;
        }
        if pending.throttles == 0 || self.accepted > pending.accepted_at_last {
            pending.throttles_amid_others += 1;
        }
        pending.accepted_at_last = self.accepted;
        pending.throttles += 1;
        self.throttled += 1;
        let own = pending.throttles;
        let accepted = (self.accepted - pending.accepted_before) as f64;
        let throttled = self.throttled - pending.throttled_before;
        let throttled = throttled.saturating_sub(u64::from(own)) as f64;
        let share_throttled = (throttled + 1.0) / (throttled + accepted + 2.0);
        own > THROTTLES_SHARED
            && accepted >= f64::from(THROTTLES_SHARED)
            && share_throttled.powi(pending.throttles_amid_others) < CHANCE_OF_BAD_LUCK
    }
}
