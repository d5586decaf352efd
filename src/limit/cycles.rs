//! What whole cycles admitted: the one measure every kind of quota shares.
//!
//! A cycle runs from one reopening of the gate to the next, the wait included.
//! Whatever the limit's shape, a client that keeps to "admitted by elapsed"
//! over whole cycles asks for what the tenant gives.

use std::collections::VecDeque;

/// A longer wait names the end of a window.
const LONGEST_BUCKET_WAIT_S: f64 = 2.0;
/// Cycles remembered; enough for any span of twice the longest wait in which
/// cycles of a second mix with waits of a minute.
const MEMORY: usize = 64;
/// How much of the longest wait stays from cycle to cycle: a wait that isn't
/// asked for any more is forgotten after some dozens of cycles.
const FADE: f64 = 0.98;
/// The measure spans at least this many of the longest wait, so that a short
/// cycle inside a long window doesn't mislead.
const SPAN_IN_WAITS: f64 = 2.0;

#[derive(Clone, Copy, Debug)]
struct Cycle {
    accepted: f64,
    length_s: f64,
    wait_s: f64,
    /// How much of its wait was needless, at a guess.
    lost_s: f64,
}

/// A cycle admitted the same as another if it is within this share of it…
const SAME_QUOTA: f64 = 0.2;
/// …and took longer if it took so many times as long.
const LONGER: f64 = 1.3;
/// Only a wait of nearly a whole cycle earns a whole quota.
const MOSTLY_WAIT: f64 = 0.85;

/// The latest cycles, oldest first. Memory is taken as cycles end, so that a limit
/// that never asks for a wait has none.
#[derive(Clone, Debug)]
pub(super) struct CycleLog {
    cycles: VecDeque<Cycle>,
    longest_wait_s: f64,
    /// The first cycle: what was admitted, and how long it took.
    first: Option<(f64, f64)>,
}

impl CycleLog {
    pub(super) fn new(longest_wait_s: f64) -> Self {
        Self {
            cycles: VecDeque::new(),
            longest_wait_s,
            first: None,
        }
    }

    pub(super) fn longest_wait_s(&self) -> f64 {
        self.longest_wait_s
    }

    /// Whether the waits were as long as windows ask for.
    pub(super) fn name_windows(&self) -> bool {
        self.longest_wait_s > LONGEST_BUCKET_WAIT_S
    }

    /// Accepted requests of the cycle with the longest wait: the burst.
    pub(super) fn burst(&self) -> Option<f64> {
        self.newest_first()
            .max_by(|one, other| one.wait_s.total_cmp(&other.wait_s))
            .map(|cycle| cycle.accepted)
    }

    /// Forget all cycles, keep the longest wait.
    pub(super) fn clear(&mut self) {
        self.cycles.clear();
        self.first = None;
    }

    /// Seconds of the latest cycle's wait that gave nothing.
    pub(super) fn lost_s(&self) -> f64 {
        self.newest_first().next().map_or(0.0, |cycle| cycle.lost_s)
    }

    pub(super) fn add(&mut self, accepted: f64, length_s: f64, wait_s: f64) {
        if accepted < 0.5
            && let Some(latest) = self.cycles.back_mut()
        {
            // Refused at once: the wait was too short, so the cycle before goes on.
            latest.length_s += length_s;
            latest.wait_s += length_s;
            // It came free somewhere within the last wait: half of it is the best guess.
            latest.lost_s = 0.5 * wait_s;
            self.longest_wait_s = self.longest_wait_s.max(latest.wait_s);
            return;
        }
        let lost_s = self.punished_s(accepted, length_s, wait_s);
        if accepted > 0.5 {
            self.first.get_or_insert((accepted, length_s));
        }
        if self.cycles.len() == MEMORY {
            self.cycles.pop_front();
        }
        self.cycles.push_back(Cycle {
            accepted,
            length_s,
            wait_s,
            lost_s,
        });
        self.longest_wait_s = (self.longest_wait_s * FADE).max(wait_s);
    }

    /// The same quota once took a shorter time, so this wait was a punishment
    /// and not the rest of a window.
    fn punished_s(&self, accepted: f64, length_s: f64, wait_s: f64) -> f64 {
        match self.first {
            Some((first_accepted, first_length_s))
                if (accepted / first_accepted - 1.0).abs() < SAME_QUOTA
                    && length_s > LONGER * first_length_s
                    && wait_s > MOSTLY_WAIT * first_length_s =>
            {
                wait_s.min(length_s - first_length_s)
            }
            _ => 0.0,
        }
    }

    /// Accepted per second over the latest cycles; `None` without any.
    pub(super) fn rate_per_s(&self) -> Option<f64> {
        let enough_s = SPAN_IN_WAITS * self.longest_wait_s;
        let (mut accepted, mut span_s) = (0.0, 0.0);
        for cycle in self.newest_first() {
            accepted += cycle.accepted;
            span_s += cycle.length_s - cycle.lost_s;
            if span_s >= enough_s {
                break;
            }
        }
        (span_s > 0.0).then(|| accepted / span_s)
    }

    fn newest_first(&self) -> impl Iterator<Item = &Cycle> {
        self.cycles.iter().rev()
    }
}
