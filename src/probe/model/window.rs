//! A quota for each stretch of time.

use super::Model;

/// What starts a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    /// The first request after the window before.
    FirstRequest,
    /// The clock; one of the edges is at this time.
    Clock {
        /// An edge, in seconds since the probe's start.
        edge_s: f64,
    },
}

/// `quota` requests in each `length_s`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    quota: f64,
    length_s: f64,
    anchor: Anchor,
    ends_s: f64,
    used: f64,
}

impl Window {
    pub(crate) fn new(quota: f64, length_s: f64, anchor: Anchor) -> Self {
        Self {
            quota,
            length_s,
            anchor,
            ends_s: f64::NEG_INFINITY,
            used: 0.0,
        }
    }

    /// Opens a new window where the old one is over and somebody asks.
    fn roll(&mut self, at_s: f64, opens: bool) {
        if at_s < self.ends_s {
            return;
        }
        self.used = 0.0;
        match self.anchor {
            Anchor::FirstRequest if opens => self.ends_s = at_s + self.length_s,
            Anchor::FirstRequest => {}
            Anchor::Clock { edge_s } => {
                let windows = ((at_s - edge_s) / self.length_s).floor() + 1.0;
                self.ends_s = edge_s + windows * self.length_s;
            }
        }
    }
}

impl Model for Window {
    fn room(&mut self, at_s: f64) -> f64 {
        self.roll(at_s, false);
        (self.quota - self.used).max(0.0)
    }

    fn take(&mut self, at_s: f64) {
        self.roll(at_s, true);
        self.used += 1.0;
    }

    fn capacity(&self) -> f64 {
        self.quota
    }

    fn empty(&mut self, at_s: f64) {
        self.roll(at_s, true);
        self.used = self.used.max(self.quota);
    }

    fn wait_s(&mut self, at_s: f64) -> f64 {
        (self.ends_s - at_s).max(0.0)
    }
}
