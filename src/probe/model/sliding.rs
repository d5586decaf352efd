//! A quota for any stretch of time of one length.

use std::collections::VecDeque;

use super::Model;

/// `quota` requests in any `length_s` of the past; `counts_refused`: refused
/// ones too.
#[derive(Clone, Debug)]
pub(crate) struct Sliding {
    quota: usize,
    length_s: f64,
    counts_refused: bool,
    log: VecDeque<f64>,
}

impl Sliding {
    pub(crate) fn new(quota: usize, length_s: f64, counts_refused: bool) -> Self {
        Self {
            quota: quota.max(1),
            length_s,
            counts_refused,
            log: VecDeque::new(),
        }
    }

    fn expire(&mut self, at_s: f64) {
        while self
            .log
            .front()
            .is_some_and(|taken_s| taken_s + self.length_s <= at_s)
        {
            self.log.pop_front();
        }
    }
}

impl Model for Sliding {
    fn room(&mut self, at_s: f64) -> f64 {
        self.expire(at_s);
        self.quota.saturating_sub(self.log.len()) as f64
    }

    fn take(&mut self, at_s: f64) {
        self.log.push_back(at_s);
    }

    fn capacity(&self) -> f64 {
        self.quota as f64
    }

    fn empty(&mut self, at_s: f64) {
        if self.counts_refused {
            self.log.push_back(at_s);
        }
        // What was really taken stays in the log: a refusal that the log
        // doesn't explain is told as an error, and is no reason to forget.
    }

    fn wait_s(&mut self, at_s: f64) -> f64 {
        self.expire(at_s);
        match self.log.len().checked_sub(self.quota) {
            Some(in_the_way) => self.log[in_the_way] + self.length_s - at_s,
            None => 0.0,
        }
    }
}
