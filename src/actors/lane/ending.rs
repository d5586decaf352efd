//! Answers that end the run, whatever rows they are about.

use tokio::time::Instant;

use crate::connector::Grant;
use crate::error::{FatalError, FatalKind};
use crate::transport::{Reply, SendError, Transport};

use super::attempt::Doubt;
use super::call::Call;
use super::outage::OutageNews;
use super::run::{Lane, LaneControl};
use super::verdict::Verdict;

impl<T: Transport, C: LaneControl> Lane<T, C> {
    /// Ends the run where credentials that go along with each request are refused
    /// before any got through with them: no other token will come, so waiting for
    /// one would only hide the platform's own words. `None` where one may help.
    pub(super) fn end_refused(&self, result: &Result<Reply, SendError>) -> Option<Verdict> {
        if self.accepted_generation > 0 {
            return None;
        }
        let hint = hint_of(self.setup.endpoint.grant)?;
        let reply = result.as_ref().ok()?;
        let why = self.classify(&self.setup.endpoint.operation, reply).message;
        let message = format!(
            "the tenant refuses the credentials with {}: {why}",
            reply.status
        );
        let failure = FatalError::new(FatalKind::Credentials, message).with_hint(hint);
        self.setup.control.fatal(failure);
        Some(Verdict::Abandoned)
    }

    /// The run ends: the connector doesn't find the names of the records.
    pub(super) fn end_nameless(&mut self, call: Call, now: Instant) {
        let count = call.row_count();
        self.setup.control.fatal(
            FatalError::new(
                FatalKind::Tenant,
                format!(
                    "no result names any of {count} records: the reply has results, and the connector doesn't find in them whom they are about"
                ),
            )
            .with_hint(
                "Look at `results` in the connector file: `key`, `tracker` or `index` is the place in each result, `in_order` is for platforms that promise the order of the request. The records of the last requests may have been written all the same.",
            ),
        );
        for mut pending in std::iter::once(call.lead).chain(call.others) {
            // They may have been applied, so a journalled intent stays.
            pending.doubt = Doubt::MayBeApplied;
            self.carry_out(pending, Verdict::Abandoned, now);
        }
    }

    /// Tells people that nothing gets through, or that it does again; of several
    /// lanes the first one does.
    pub(super) fn tell_outage(&mut self, now: Instant) {
        let (words, is_out) = match self.outage.news(now) {
            None => return,
            Some(OutageNews::Began(words)) => (words, true),
            Some(OutageNews::Over(words)) => (words, false),
        };
        if self.setup.gauge.note_outage(is_out) != is_out {
            self.setup.control.notice(words);
        }
    }

    /// Ends the run where nothing has got through for too long.
    pub(super) fn give_up_on_outage(&mut self, now: Instant) {
        let Some((lasted, cause)) = self.outage.lasted_too_long(now) else {
            return;
        };
        let message = format!(
            "nothing got through to the tenant for {} s: {cause}",
            lasted.as_secs()
        );
        self.setup.control.fatal(
            FatalError::new(FatalKind::Tenant, message)
                .with_hint("Check the base URL and the network, then resume the run."),
        );
        self.begin_drain();
    }
}

/// What to check; `None` for grants whose tokens are given out anew.
fn hint_of(grant: Grant) -> Option<&'static str> {
    match grant {
        Grant::Basic => Some(
            "SLUICE_CLIENT_ID and SLUICE_CLIENT_SECRET go along as user name and password, as they are: check both, what the platform wants behind the name, and that the base URL is that of their account.",
        ),
        Grant::Token => Some(
            "SLUICE_CLIENT_SECRET goes along as the token, as it is: check that it is whole, is still in force, and that the base URL is that of its account.",
        ),
        Grant::ClientCredentials | Grant::Password | Grant::RefreshToken => None,
    }
}
