//! Times as JSON has them.

use std::time::Duration;

const DAY: u64 = 86_400;

/// A Unix time as `2026-01-31T08:05:09.120Z`.
pub(crate) fn iso_time(unix: Duration) -> String {
    let seconds = unix.as_secs();
    let (year, month, day) = civil(seconds / DAY);
    let of_day = seconds % DAY;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        unix.subsec_millis()
    )
}

/// A time such as `2026-01-31T08:05:09Z`, with a fraction and an offset if there are any; none before 1970.
pub(crate) fn read_iso_time(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once('T')?;
    let mut parts = date.split('-');
    let mut number = || parts.next()?.parse::<u64>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (time, offset) = match time.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let at = time.rfind(['+', '-'])?;
            let (hours, minutes) = time[at + 1..].split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            let sign = if time.as_bytes()[at] == b'-' { -60 } else { 60 };
            (&time[..at], sign * minutes)
        }
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let parts: Vec<u64> = clock
        .split(':')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let &[hours, minutes, seconds] = parts.as_slice() else {
        return None;
    };
    if hours > 23 || minutes > 59 || seconds > 60 || fraction.is_empty() {
        return None;
    }
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    let whole = days(year, month, day) * DAY + hours * 3600 + minutes * 60 + seconds;
    let whole = u64::try_from(i64::try_from(whole).ok()? - offset).ok()?;
    Some(Duration::from_secs(whole) + Duration::from_secs_f64(fraction))
}

/// The date of a day since 1970, by the proleptic Gregorian calendar: years begin in March, so that a leap day ends one.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, of_era) = (year / 400, year % 400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_alike() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_698_417_000, "2023-10-27T14:30:00.000Z"),
            (4_102_444_799, "2099-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(iso_time(Duration::from_secs(seconds)), text);
            assert_eq!(read_iso_time(text), Some(Duration::from_secs(seconds)));
        }
        let of = |text| read_iso_time(text).map(|time| time.as_millis());
        assert_eq!(of("2023-10-27T16:30:00.5+02:00"), Some(1_698_417_000_500));
        assert_eq!(of("2023-10-27T14:30:00Z"), Some(1_698_417_000_000));
        for text in [
            "",
            "2023-10-27",
            "2023-13-27T00:00:00Z",
            "2023-10-27T24:00:00Z",
            "2023-10-27T10:00:00",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
