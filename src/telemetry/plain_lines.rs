//! Progress as plain lines at intervals: for logs, cron mails and terminals
//! that can't do more; as JSON for machines.

use std::time::Duration;

use serde_json::json;

use crate::record::{RunEvent, Snapshot};
use crate::report::progress_line;

use super::{Consumer, LogFormat};

/// The time between lines at first; each next interval is longer, so that a
/// night's log stays readable.
const FIRST_INTERVAL: Duration = Duration::from_secs(5);
/// The longest time between lines.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Prints a line now and then.
pub struct PlainLines {
    format: LogFormat,
    print: Box<dyn Fn(&str) + Send>,
    interval: Duration,
    next_at: Option<Duration>,
}

impl PlainLines {
    /// Lines that are printed with `print`.
    #[must_use]
    pub fn new(format: LogFormat, print: Box<dyn Fn(&str) + Send>) -> Self {
        Self {
            format,
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
            (self.print)(&match self.format {
                LogFormat::Text => format!("sluice: {}", progress_line(snapshot)),
                LogFormat::Json => as_json(snapshot),
            });
        }
    }
}

/// The line with its values as fields; times in seconds, rates a second.
fn as_json(snapshot: &Snapshot) -> String {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    json!({
        "at": jiff::Timestamp::now().to_string(),
        "event": "progress",
        "message": progress_line(snapshot),
        "rows": snapshot.counts.ended(),
        "read": snapshot.rows_read_final.then_some(snapshot.rows_read),
        "rows_per_s": snapshot.rows_per_second,
        "limit_per_s": snapshot.learned_per_second,
        "paused_s": seconds(snapshot.paused_for),
        "remaining_s": seconds(snapshot.remaining),
        "in_flight": snapshot.in_flight,
        "throttled": snapshot.requests.throttled,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn lines_come_at_growing_intervals() {
        let lines = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&lines);
        let count = Box::new(move |_: &str| *counted.lock().expect("not poisoned") += 1);
        let mut plain = PlainLines::new(LogFormat::Text, count);
        for second in 0..600 {
            plain.take(&RunEvent::Progress(Box::new(Snapshot {
                elapsed: Duration::from_secs(second),
                ..Snapshot::default()
            })));
        }
        // At 5, 15, 35, 75 s and then once a minute.
        assert_eq!(*lines.lock().expect("not poisoned"), 4 + 8);
    }

    #[test]
    fn as_json_a_line_tells_the_time_left_as_a_field() {
        let line = as_json(&Snapshot {
            remaining: Some(Duration::from_secs(90)),
            learned_per_second: Some(5.0),
            ..Snapshot::default()
        });
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["event"], "progress");
        assert_eq!(line["remaining_s"], 90.0);
        assert_eq!(line["limit_per_s"], 5.0);
        assert!(line["paused_s"].is_null());
    }
}
