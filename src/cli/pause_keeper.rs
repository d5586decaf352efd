//! Keeps the pauses that the tenant asks for, so that a run that is stopped and
//! gone on with, or the next one, doesn't come back too early.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::FatalError;
use crate::limit::{LimitKey, Pause};
use crate::record::{Decision, RunEvent};
use crate::store::LimitProfiles;
use crate::telemetry::Consumer;

use super::known_limits::now_epoch_ms;

/// Shorter ones are over by the time that another process has started.
const LEAST_S: f64 = 1.5;

/// Takes the limiter's decisions of a leg.
pub(super) struct PauseKeeper {
    profiles: LimitProfiles,
    /// The key of the load's requests; the endpoint is the decision's own.
    key: LimitKey,
    trouble: Arc<Mutex<Option<FatalError>>>,
}

impl PauseKeeper {
    /// A keeper; what it can't write is told in `trouble`.
    pub(super) fn new(
        profiles: LimitProfiles,
        key: LimitKey,
        trouble: &Arc<Mutex<Option<FatalError>>>,
    ) -> Self {
        Self {
            profiles,
            key,
            trouble: Arc::clone(trouble),
        }
    }
}

impl Consumer for PauseKeeper {
    fn take(&mut self, event: &RunEvent) {
        let RunEvent::Limiter {
            endpoint,
            decision:
                Decision::GateClosed {
                    for_s,
                    server_said_s: Some(_),
                    ..
                },
            ..
        } = event
        else {
            return;
        };
        if *for_s < LEAST_S {
            return;
        }
        let now = now_epoch_ms();
        let pause = Pause {
            key: LimitKey {
                endpoint: endpoint.to_string(),
                ..self.key.clone()
            },
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "milliseconds of a wait, which saturate"
            )]
            until_epoch_ms: now.saturating_add((for_s * 1_000.0).ceil() as u64),
        };
        if let Err(error) = self.profiles.keep_pause(pause, now) {
            self.trouble.lock().get_or_insert(error);
        }
    }
}
