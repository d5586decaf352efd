//! One limit that several lanes share.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::limit::Controller;

/// A limit's controller behind a short lock, and a bell that rings when a
/// place in the window is free: a lane without a request under way would not
/// hear of it otherwise.
#[derive(Debug)]
pub struct SharedLimit {
    controller: Mutex<Controller>,
    place_free: Notify,
    lanes: AtomicUsize,
}

impl SharedLimit {
    /// A limit that nobody waits for yet.
    #[must_use]
    pub fn new(controller: Controller) -> Self {
        Self {
            controller: Mutex::new(controller),
            place_free: Notify::new(),
            lanes: AtomicUsize::new(0),
        }
    }

    /// The controller, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Controller> {
        self.controller.lock()
    }

    /// One more lane shares the limit.
    pub(super) fn join(&self) {
        self.lanes.fetch_add(1, Ordering::Relaxed);
    }

    /// Rings the bell for one lane that waits. A ring that nobody hears is
    /// kept for the next one who listens; a lane that is alone needs none.
    pub(super) fn ring(&self) {
        if self.lanes.load(Ordering::Relaxed) > 1 {
            self.place_free.notify_one();
        }
    }

    /// Waits for the bell.
    pub(super) async fn heard(&self) {
        self.place_free.notified().await;
    }
}
