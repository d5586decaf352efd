//! Numbers and times as people write them.

use std::fmt::Write;
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

/// Writes counts, a line each: the label, the number, and whether it stands there
/// also where it is 0. `width` is the labels'.
///
/// # Errors
/// Those of `out`.
pub fn write_counts(
    out: &mut impl Write,
    width: usize,
    lines: &[(&str, u64, bool)],
) -> std::fmt::Result {
    for &(label, number, always) in lines {
        if always || number > 0 {
            writeln!(out, "  {label:<width$}{:>12}", thousands(number))?;
        }
    }
    Ok(())
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

/// A rate in the unit in which it reads best.
#[must_use]
pub fn rate_words(per_second: f64) -> String {
    let number = |count: f64| match count {
        // One place after the point, where it says something.
        small if small < 10.0 && (small - small.round()).abs() >= 0.05 => format!("{small:.1}"),
        count => format!("{count:.0}"),
    };
    if per_second >= 0.95 {
        format!("{} requests/s", number(per_second))
    } else if per_second * 60.0 >= 0.95 {
        format!("{} requests a minute", number(per_second * 60.0))
    } else {
        format!("{} requests an hour", number(per_second * 3_600.0))
    }
}

/// How long ago something was, roughly.
#[must_use]
pub fn age_words(seconds: u64) -> String {
    const HOUR: u64 = 3_600;
    let some = |count: u64, unit: &str| match count {
        1 => format!("1 {unit} ago"),
        count => format!("{} {unit}s ago", thousands(count)),
    };
    match seconds {
        0..60 => "less than a minute ago".to_owned(),
        60..HOUR => some(seconds / 60, "minute"),
        HOUR..86_400 => some(seconds / HOUR, "hour"),
        86_400..172_800 => "yesterday".to_owned(),
        _ => some(seconds / 86_400, "day"),
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
    if let Some(limit) = snapshot.learned_per_second {
        parts.push(format!("limit {}", rate_words(limit)));
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
        for (per_second, words) in [
            (4.98, "5 requests/s"),
            (2.46, "2.5 requests/s"),
            (333.4, "333 requests/s"),
            (0.28, "17 requests a minute"),
            (0.002, "7.2 requests an hour"),
        ] {
            assert_eq!(rate_words(per_second), words);
        }
        for (seconds, words) in [
            (59, "less than a minute ago"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (90_000, "yesterday"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(age_words(seconds), words);
        }
    }
}
