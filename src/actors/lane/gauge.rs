//! Where the lanes of a phase stand, together.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Where the lanes of a phase stand, together; the workers' shells read it
/// without asking a lane.
#[derive(Debug, Default)]
pub struct LaneGauge {
    in_flight: AtomicU32,
    max_in_flight: AtomicU32,
    is_outage_told: AtomicBool,
}

impl LaneGauge {
    pub(super) fn note_sent(&self) {
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(in_flight, Ordering::Relaxed);
    }

    pub(super) fn note_ended(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes whether nothing gets through, as it is about to be told; what was
    /// told last.
    pub(super) fn note_outage(&self, is_out: bool) -> bool {
        self.is_outage_told.swap(is_out, Ordering::Relaxed)
    }

    /// Requests under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The most that were under way at once.
    #[must_use]
    pub fn max_in_flight(&self) -> u32 {
        self.max_in_flight.load(Ordering::Relaxed)
    }
}
