//! How a scenario file writes quantities: `80ms`, `5s`, `10m`, `0.02`, `500/60s`.
//!
//! The checks sit in the deserializers, so that an error names the line of the file.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Reads `1.5s`, `80ms`, `2m`, `1h`; a bare number is seconds.
fn parse_seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits_end = text
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let factor = match unit.trim() {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number = if number.trim().is_empty() {
        return None;
    } else {
        number.trim().parse::<f64>().ok()?
    };
    (number * factor).is_finite().then_some(number * factor)
}

/// Takes a number or a text and hands the text form to a parser.
struct NumberOrText<Parse> {
    expecting: &'static str,
    parse: Parse,
}

impl<'de, Parse: Fn(&str) -> Option<f64>> Visitor<'de> for NumberOrText<Parse> {
    type Value = f64;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.expecting)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<f64, E> {
        (self.parse)(value)
            .ok_or_else(|| E::custom(format!("expected {}, found `{value}`", self.expecting)))
    }
}

fn number<'de, D: Deserializer<'de>>(
    deserializer: D,
    expecting: &'static str,
    parse: impl Fn(&str) -> Option<f64>,
) -> Result<f64, D::Error> {
    deserializer.deserialize_any(NumberOrText { expecting, parse })
}

const DURATION: &str = "a duration such as 80ms, 5s, 2m or 1h";

/// A time span that is not negative.
#[derive(Clone, Copy)]
pub(crate) struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        duration(deserializer).map(Span)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        span.0
    }
}

/// The longest time that any arithmetic yields, about 31 years: sums of a few of them fit every type, and dates too.
const LONGEST_SECONDS: f64 = 1e9;

/// Seconds as a time, within zero and some 31 years whatever the arithmetic before came to.
pub(crate) fn bounded_seconds(seconds: f64) -> Duration {
    if seconds >= LONGEST_SECONDS {
        return Duration::from_secs_f64(LONGEST_SECONDS);
    }
    // Not a number becomes zero as well.
    Duration::from_secs_f64(seconds.max(0.0))
}

/// A time as headers say it: whole seconds, rounded up, at least one.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs_f64().ceil() as u64).max(1)
}

/// A time span, zero allowed.
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = number(deserializer, DURATION, parse_seconds)?;
    if (0.0..=LONGEST_SECONDS).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(D::Error::custom(format!(
            "a duration of {seconds} s is out of range"
        )))
    }
}

/// A time span that may be left out.
pub(crate) fn some_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<Span>::deserialize(deserializer)?.map(Duration::from))
}

/// Several time spans.
pub(crate) fn durations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Duration>, D::Error> {
    Ok(Vec::<Span>::deserialize(deserializer)?
        .into_iter()
        .map(Duration::from)
        .collect())
}

/// Seconds with a sign, for a clock that runs ahead or behind.
pub(crate) fn signed_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    number(deserializer, "a signed duration such as -2s", parse_seconds)
}

/// A share from 0 to 1.
pub(crate) fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = number(deserializer, "a share from 0 to 1", |_| None)?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(format!(
            "{value} is not a share from 0 to 1 (write 0.02 for 2 %)"
        )))
    }
}

/// A finite number of zero or more.
pub(crate) fn not_negative<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = number(deserializer, "a number", |_| None)?;
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{value} must not be negative")))
    }
}

/// Events per second: a number, or `500/60s`.
#[derive(Clone, Copy)]
pub(crate) struct Rate(pub(crate) f64);

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rate = number(
            deserializer,
            "a rate per second such as 50, or 500/60s",
            |text| {
                let (count, span) = text.split_once('/')?;
                let span = span.trim();
                let seconds = if span.starts_with(|first: char| first.is_ascii_digit()) {
                    parse_seconds(span)?
                } else {
                    parse_seconds(&format!("1{span}"))?
                };
                Some(count.trim().parse::<f64>().ok()? / seconds)
            },
        )?;
        if rate.is_finite() && rate > 0.0 {
            Ok(Rate(rate))
        } else {
            Err(D::Error::custom(format!("a rate of {rate} admits nothing")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_with_every_unit() {
        for (text, seconds) in [
            ("80ms", 0.08),
            ("5s", 5.0),
            ("1.5 s", 1.5),
            ("2m", 120.0),
            ("1h", 3600.0),
            ("-2s", -2.0),
            ("7", 7.0),
        ] {
            assert_eq!(parse_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "s", "5 days", "five"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_may_name_its_span() {
        for (yaml, rate) in [
            ("50", 50.0),
            ("500/60s", 500.0 / 60.0),
            ("17/m", 17.0 / 60.0),
        ] {
            let read: Rate = serde_saphyr::from_str(yaml).expect("a rate");
            assert_eq!(read.0, rate, "{yaml}");
        }
        for yaml in ["0", "-3", "5/0s", "fast"] {
            assert!(serde_saphyr::from_str::<Rate>(yaml).is_err(), "{yaml}");
        }
    }
}
