//! How long the server asks to wait.

use std::time::Duration;

use super::header_time::{plain_number, wait_of_seconds, wait_until_date};
use super::hints::HeaderLookup;

/// The wait that a reply's headers ask for.
///
/// `Retry-After` as whole or broken seconds (`120`, `0.825`) or as an HTTP
/// date (RFC 9110 section 10.2.3), which is compared with the reply's own
/// `Date`, never with the local clock. Then the vendors' `Retry-After-Ms` and
/// `X-RateLimit-Retry-After`. A date in the past is a wait of zero; garbage
/// and a date without a `Date` to compare with are `None`.
#[must_use]
pub fn retry_after(headers: HeaderLookup<'_, '_>) -> Option<Duration> {
    let standard = headers("retry-after").and_then(|text| wait(text, headers));
    let milliseconds = || {
        let text = headers("retry-after-ms")?;
        plain_number(text).map(|count| wait_of_seconds(count / 1000.0))
    };
    let vendor = || headers("x-ratelimit-retry-after").and_then(|text| wait(text, headers));
    standard.or_else(milliseconds).or_else(vendor)
}

fn wait(text: &str, headers: HeaderLookup<'_, '_>) -> Option<Duration> {
    match plain_number(text) {
        Some(seconds) => Some(wait_of_seconds(seconds)),
        None => wait_until_date(text, headers("date")),
    }
}

/// The wait that a reply's text asks for: `… Retry the request in [42]
/// seconds` or `… in 42 seconds`.
///
/// Only for a 429 without a header. A limit such as "300 requests within 60
/// seconds" also ends in seconds, so the text must speak of a retry, a try or a
/// wait; of several such words the last that seconds follow counts, since an
/// error's code may hold one too.
#[must_use]
pub fn retry_after_in_body(text: &str) -> Option<Duration> {
    const BOUND: usize = 16 * 1024;
    let text = text.get(..BOUND).unwrap_or(text);
    let bytes = text.as_bytes();
    let counts: Vec<(usize, f64)> = all_ignoring_case(bytes, b"second")
        .filter_map(|end| Some((end, number_at_end(text.get(..end)?)?)))
        .collect();
    let last_count = counts.last()?.0;
    let asks = ["retry", "try again", "wait"]
        .iter()
        .flat_map(|word| all_ignoring_case(bytes, word.as_bytes()))
        .filter(|start| *start < last_count)
        .max()?;
    let (_, seconds) = counts.iter().find(|(end, _)| *end > asks)?;
    Some(wait_of_seconds(*seconds))
}

/// The number that `text` ends in, brackets and spaces aside.
fn number_at_end(text: &str) -> Option<f64> {
    let text = text.trim_end_matches([' ', ']', '[', '"']);
    let start = text
        .rfind(|character: char| !character.is_ascii_digit() && character != '.')
        .map_or(0, |index| index + 1);
    // `rfind` gives the first byte of a character; a longer one is no digit anyway.
    plain_number(text.get(start..)?)
}

/// Where `word` stands in `text`, ASCII letters in whatever case.
fn all_ignoring_case<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    text.windows(word.len())
        .enumerate()
        .filter(move |(_, window)| window.eq_ignore_ascii_case(word))
        .map(|(place, _)| place)
}
