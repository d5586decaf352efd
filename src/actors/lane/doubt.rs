//! Rows that may have been applied, unknown to us: they are looked up before
//! anything else is done about them.

use std::time::Duration;

use crate::connector::InDoubt;
use crate::record::{OutcomeKind, Refusal};
use crate::transport::Transport;

use super::attempt::{Doubt, Pending, Step};
use super::endpoint::key_of;
use super::run::{Lane, LaneControl};
use super::settle::FAILURES_ALLOWED;
use super::verdict::Verdict;

/// The pause before what failed is tried again, where no limiter names one; it
/// doubles.
const PAUSE: Duration = Duration::from_millis(500);

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// What is done about a row whose request left and was never answered, or
    /// whose result can't be told.
    pub(super) fn in_doubt(&mut self, pending: &mut Pending, why: Refusal) -> Verdict {
        match self.setup.endpoint.operation.in_doubt() {
            // The body left a while ago; but a server that was slow to answer may
            // have been slow to do it, so the wait counts from here.
            InDoubt::LookUp => self.look_up_after(pending, Duration::ZERO),
            InDoubt::Repeat if pending.failures < FAILURES_ALLOWED => {
                pending.doubt = Doubt::MayBeApplied;
                Verdict::Later(pause_after(pending.failures))
            }
            InDoubt::Repeat | InDoubt::Keep => Verdict::Ended(OutcomeKind::Unknown, Box::new(why)),
        }
    }

    /// The row's record is looked up, once the tenant would know it; `waited`
    /// has passed since it may have been made.
    pub(super) fn look_up_after(&self, pending: &mut Pending, waited: Duration) -> Verdict {
        pending.doubt = Doubt::MayBeApplied;
        pending.step = Step::LookUp;
        pending.look_ups_failed = 0;
        let operation = &self.setup.endpoint.operation;
        let look_up = operation.look_up(key_of(pending));
        let wait = look_up.map_or(Duration::ZERO, |look_up| look_up.believed_after);
        Verdict::Later(wait.saturating_sub(waited))
    }
}

pub(super) fn pause_after(failures: u32) -> Duration {
    PAUSE * 2_u32.pow(failures.min(5))
}
