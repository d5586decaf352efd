//! Waiting for something to become true, and failing by name when it doesn't.

use std::time::{Duration, Instant};

/// Longest time that anything here may take. Far above what is usual, so that
/// a busy machine fails no test; a test that gets there has found a hang.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Returns as soon as `condition` holds.
///
/// # Panics
/// If it doesn't hold within the deadline; `what` says what was waited for.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < DEADLINE,
            "waited {DEADLINE:?} in vain until {what}"
        );
        // A look every two milliseconds: the condition lies in another process.
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
