//! Times in headers, all of them read as a wait from now.
//!
//! The local clock is never asked: a client that is two seconds ahead would
//! come back two seconds early, every time. A date is compared with the `Date`
//! of the same reply, so the skew cancels.

use std::time::{Duration, SystemTime};

/// Longest `Retry-After` taken at its word: a year. Only guards the
/// arithmetic; a wait is never cut to be convenient.
const LONGEST_WAIT: Duration = Duration::from_secs(366 * 24 * 3600);
/// Longest reset believed: past a day it is a misread number, and the hint
/// would slow a run to nothing.
const LONGEST_RESET: Duration = Duration::from_secs(24 * 3600);
/// More than any wait or count that is meant. A longer row of digits still says
/// "for ever", and is no garbage that nothing follows from.
const LARGEST_NUMBER: f64 = 1e18;
/// Numbers above these are a point in time, not a wait (1e9 s is 31 years).
const EPOCH_SECONDS: f64 = 1e9;
const EPOCH_MILLISECONDS: f64 = 1e12;

/// A plain number: ASCII digits with at most one point. Rust's own parser
/// would take `inf`, `1e5` and signs, which no header means.
pub(super) fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.bytes().any(|byte| byte.is_ascii_digit());
    if !plain {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    Some(number.min(LARGEST_NUMBER))
}

/// Seconds as a wait, bounded so that nothing overflows.
pub(super) fn wait_of_seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

/// From the reply's `date` to `later`; zero if that is past already.
pub(super) fn wait_until_date(later: &str, date: Option<&str>) -> Option<Duration> {
    let later = date_of(later)?;
    let date = date_of(date?)?;
    Some(
        later
            .duration_since(date)
            .unwrap_or(Duration::ZERO)
            .min(LONGEST_WAIT),
    )
}

/// A reset: delta seconds, epoch seconds, epoch milliseconds or a date.
pub(super) fn reset_wait(text: &str, date: Option<&str>) -> Option<Duration> {
    let text = text.trim().trim_end_matches('s');
    let wait = match plain_number(text) {
        Some(number) if number > EPOCH_MILLISECONDS => since_date(number / 1000.0, date?)?,
        Some(number) if number > EPOCH_SECONDS => since_date(number, date?)?,
        Some(seconds) => wait_of_seconds(seconds),
        None => date_of(text)?.duration_since(date_of(date?)?).ok()?,
    };
    Some(wait.min(LONGEST_RESET))
}

/// From the reply's `date` to a moment in epoch seconds; `None` if it is past.
fn since_date(epoch_s: f64, date: &str) -> Option<Duration> {
    let date = date_of(date)?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    wait_of_epoch(epoch_s)?.checked_sub(date)
}

fn wait_of_epoch(epoch_s: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(epoch_s).ok()
}

/// An HTTP date in its three forms, or an ISO 8601 moment in UTC.
fn date_of(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    httpdate::parse_http_date(text)
        .ok()
        .or_else(|| iso_date(text))
}

/// `2026-11-21T13:05:36Z`, with or without a fraction.
fn iso_date(text: &str) -> Option<SystemTime> {
    let text = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))?;
    let (day, time) = text.split_once(['T', ' '])?;
    let mut day = day.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (day.next()??, day.next()??, day.next()??);
    let mut time = time.splitn(3, ':');
    let hour: u64 = time.next()?.parse().ok()?;
    let minute: u64 = time.next()?.parse().ok()?;
    let second = plain_number(time.next()?)?;
    let sane = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61.0;
    if !sane {
        return None;
    }
    // Days since 1970 by counting from March, so that the leap day comes last
    // (H. Hinnant, "chrono-compatible low-level date algorithms").
    let march_year = if month <= 2 { year - 1 } else { year };
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let days =
        march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year
            - 719_468;
    let seconds = u64::try_from(days).ok()? * 86_400 + hour * 3600 + minute * 60;
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))?
        .checked_add(Duration::try_from_secs_f64(second).ok()?)
}
