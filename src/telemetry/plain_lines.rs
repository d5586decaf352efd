//! Progress as plain lines at intervals: for logs, cron mails and terminals
//! that can't do more.

use std::time::Duration;

use crate::record::{RunEvent, Snapshot};
use crate::report::progress_line;

use super::Consumer;

/// The time between lines at first; each next interval is longer, so that a
/// night's log stays readable.
const FIRST_INTERVAL: Duration = Duration::from_secs(5);
/// The longest time between lines.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Prints a line now and then.
pub struct PlainLines {
    print: Box<dyn Fn(&str) + Send>,
    interval: Duration,
    next_at: Option<Duration>,
}

impl PlainLines {
    /// Lines that are printed with `print`.
    #[must_use]
    pub fn new(print: Box<dyn Fn(&str) + Send>) -> Self {
        Self {
            print,
            interval: FIRST_INTERVAL,
            next_at: None,
        }
    }

    fn is_due(&mut self, snapshot: &Snapshot) -> bool {
        let next_at = *self
            .next_at
            .get_or_insert(snapshot.elapsed + FIRST_INTERVAL);
        if snapshot.elapsed < next_at {
            return false;
        }
        self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
        self.next_at = Some(snapshot.elapsed + self.interval);
        true
    }
}

impl Consumer for PlainLines {
    fn take(&mut self, event: &RunEvent) {
        if let RunEvent::Progress(snapshot) = event
            && self.is_due(snapshot)
        {
            (self.print)(&format!("sluice: {}", progress_line(snapshot)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn lines_come_at_growing_intervals() {
        let lines = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&lines);
        let mut plain = PlainLines::new(Box::new(move |_| {
            *counted.lock().expect("not poisoned") += 1;
        }));
        for second in 0..600 {
            plain.take(&RunEvent::Progress(Box::new(Snapshot {
                elapsed: Duration::from_secs(second),
                ..Snapshot::default()
            })));
        }
        // At 5, 15, 35, 75 s and then once a minute.
        assert_eq!(*lines.lock().expect("not poisoned"), 4 + 8);
    }
}
