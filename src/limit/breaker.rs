//! The circuit breaker: whether everything fails, and whether broken
//! connections are about how many there are.

/// Failures in a row before the breaker opens, at least.
const FAILURES: u32 = 5;
/// So many broken connections are no chance; each admitted request pays one
/// fiftieth of one back, since a server may close idle connections at any time.
const BROKEN_BY_CHANCE: f64 = 3.0;
const PAID_BACK: f64 = 0.02;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaker {
    pub(super) is_open: bool,
    failed_in_a_row: u32,
    /// Size of the window when the failures in a row began.
    size_before: f64,
    broken: f64,
}

impl Breaker {
    pub(super) fn failed_in_a_row(&self) -> u32 {
        self.failed_in_a_row
    }

    /// Size of the window before the failures in a row.
    pub(super) fn size_before(&self) -> f64 {
        self.size_before
    }

    pub(super) fn on_accepted(&mut self) {
        self.end_run();
        self.broken = (self.broken - PAID_BACK).max(0.0);
    }

    /// The server is there, or is given another chance.
    pub(super) fn end_run(&mut self) {
        self.failed_in_a_row = 0;
    }

    /// A request failed while the window had this size.
    pub(super) fn on_failed(&mut self, size: f64) {
        if self.failed_in_a_row == 0 {
            self.size_before = size;
        }
        self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
    }

    /// Whether everything fails, with so many requests still unanswered.
    pub(super) fn everything_fails(&self, in_flight: u32) -> bool {
        self.failed_in_a_row >= FAILURES && self.failed_in_a_row > in_flight / 2
    }

    /// A connection broke. Whether that is more than chance.
    pub(super) fn note_broken(&mut self) -> bool {
        self.broken = (self.broken + 1.0).min(2.0 * BROKEN_BY_CHANCE);
        self.broken >= BROKEN_BY_CHANCE
    }

    /// Whether more connections in a row broke than there were places: then
    /// none works any more.
    pub(super) fn no_connection_works(&self) -> bool {
        self.failed_in_a_row >= FAILURES && f64::from(self.failed_in_a_row) > self.size_before
    }
}
