//! The limiters of a run, by what each limit belongs to. A limit outlives the
//! lanes that it holds back, so a phase that is built anew goes on with what
//! was learned; lanes of the same key share one.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::time::Instant;

use crate::limit::{Controller, LimitKey, LimitSettings};

use super::lane::SharedLimit;

/// The seed of the limiters' jitter; any will do, a fixed one makes runs alike.
const JITTER_SEED: u64 = 0x51ce;

/// All limiters of a run. Cheap to clone; clones share them.
#[derive(Clone)]
pub(super) struct Limiters {
    settings: LimitSettings,
    controllers: Arc<DashMap<LimitKey, Arc<SharedLimit>>>,
}

impl Limiters {
    /// None yet; each will start with these settings.
    pub(super) fn new(settings: LimitSettings) -> Self {
        Self {
            settings,
            controllers: Arc::default(),
        }
    }

    /// The limiter of a key, started now where there was none.
    pub(super) fn of(&self, key: &LimitKey) -> Arc<SharedLimit> {
        let controller = self.controllers.entry(key.clone()).or_insert_with(|| {
            let now = Instant::now().into_std();
            let controller = Controller::new(self.settings.clone(), now, JITTER_SEED);
            Arc::new(SharedLimit::new(controller))
        });
        Arc::clone(&controller)
    }
}
