//! Numbers and times as people write them.

use std::time::Duration;

use crate::record::Snapshot;

/// A number with a comma between each three digits.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `1 row`, `2,000 rows`.
#[must_use]
pub fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(number))
}

/// A duration in its two largest units.
#[must_use]
pub fn duration_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Where a run stands, in one line.
#[must_use]
pub fn progress_line(snapshot: &Snapshot) -> String {
    let ended = snapshot.counts.ended();
    let mut parts = Vec::new();
    if snapshot.rows_read_final && snapshot.rows_read > 0 {
        // Rounded down: 100 % means that all rows have ended.
        let tenths = ended.saturating_mul(1_000) / snapshot.rows_read;
        parts.push(format!("{}.{} %", tenths / 10, tenths % 10));
    }
    parts.push(format!("{} rows", thousands(ended)));
    parts.push(format!("{:.0} rows/s", snapshot.rows_per_second));
    parts.push(format!(
        "{} in flight of {}",
        snapshot.in_flight, snapshot.window
    ));
    parts.push(format!("{} × 429", thousands(snapshot.requests.throttled)));
    if snapshot.counts.rejected > 0 {
        parts.push(format!("{} rejected", thousands(snapshot.counts.rejected)));
    }
    if let Some(wait) = snapshot.paused_for {
        parts.push(format!("paused for {}", duration_words(wait)));
    }
    if let Some(remaining) = snapshot.remaining {
        parts.push(format!("about {} left", duration_words(remaining)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2_000, "row"), "2,000 rows");
        assert_eq!(duration_words(Duration::from_millis(1_540)), "1.5 s");
        assert_eq!(duration_words(Duration::from_secs(75)), "75 s");
        assert_eq!(duration_words(Duration::from_secs(150)), "2 min 30 s");
        assert_eq!(duration_words(Duration::from_secs(7_260)), "2 h 1 min");
    }
}
