//! A bound on the rows that a client has begun: those in flight and those that wait for their retry.
//!
//! A pool of workers has it by nature, and so has a program that reads ahead no further than its buffer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::Ask;

/// Rows in flight and rows asleep, at most so many together.
#[derive(Debug)]
pub(super) struct RowsUnderWay {
    most: usize,
    pub(super) in_flight: usize,
    /// When the rows that wait are due.
    asleep: BinaryHeap<Reverse<Duration>>,
}

impl RowsUnderWay {
    pub(super) fn new(most: usize) -> Self {
        RowsUnderWay {
            most,
            in_flight: 0,
            asleep: BinaryHeap::new(),
        }
    }

    /// Whether a row may be sent as far as this bound goes: a new one if there is room, else only one that is due again.
    pub(super) fn ask(&self, now: Duration) -> Ask {
        if self.in_flight + self.asleep.len() < self.most {
            return Ask::Send;
        }
        match self.asleep.peek() {
            Some(Reverse(due)) if *due > now => Ask::WaitUntil(*due),
            Some(_) => Ask::Send,
            None => Ask::WaitForReply,
        }
    }

    pub(super) fn sent(&mut self, attempt: u32) {
        self.in_flight += 1;
        if attempt > 1 {
            self.asleep.pop();
        }
    }

    pub(super) fn answered(&mut self) {
        self.in_flight -= 1;
    }

    pub(super) fn sleeps_until(&mut self, due: Duration) {
        self.asleep.push(Reverse(due));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_every_row_asleep_only_one_that_is_due_is_sent() {
        let mut rows = RowsUnderWay::new(2);
        let second = Duration::from_secs(1);
        for _ in 0..2 {
            assert_eq!(rows.ask(Duration::ZERO), Ask::Send);
            rows.sent(1);
        }
        assert_eq!(rows.ask(Duration::ZERO), Ask::WaitForReply);
        for due in [3 * second, 2 * second] {
            rows.answered();
            rows.sleeps_until(due);
        }
        assert_eq!(rows.ask(second), Ask::WaitUntil(2 * second));
        assert_eq!(rows.ask(2 * second), Ask::Send);
        rows.sent(2);
        assert_eq!(rows.ask(2 * second), Ask::WaitUntil(3 * second));
    }
}
