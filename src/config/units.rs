//! The units of the job file and the flags: how each is read, and how it
//! prints. What prints can be read again, to the same value.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::TimeSpan;
use super::scalar::TextOrNumber;

/// A text that is no value of its unit: what was found, and what would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {unit}; {advice}")]
pub struct UnitError {
    /// The text that was found.
    pub found: String,
    /// The unit's name, such as `rate`.
    pub unit: &'static str,
    /// What to write instead.
    pub advice: &'static str,
}

impl UnitError {
    pub(super) fn new(found: &str, unit: &'static str, advice: &'static str) -> Self {
        Self {
            // A value of any length must not fill the screen.
            found: found.chars().take(40).collect(),
            unit,
            advice,
        }
    }
}

/// The period a rate is counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// `/s`
    Second,
    /// `/min`
    Minute,
    /// `/h`
    Hour,
}

impl Period {
    fn seconds(self) -> f64 {
        match self {
            Self::Second => 1.0,
            Self::Minute => 60.0,
            Self::Hour => 3_600.0,
        }
    }
}

/// Requests per period, such as `250/s`, `300/min` or `1000/h`; a bare number
/// is per second. Above 0, at most a million a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    count: f64,
    period: Period,
}

impl Rate {
    const ADVICE: &'static str = "write 250/s, 300/min or 1000/h, above 0";

    /// The rate in requests a second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.count / self.period.seconds()
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let refuse = || UnitError::new(text, "rate", Self::ADVICE);
        let (count, period) = match text.trim().split_once('/') {
            None => (text, Period::Second),
            Some((count, period)) => match period.trim() {
                "s" | "sec" | "second" => (count, Period::Second),
                "m" | "min" | "minute" => (count, Period::Minute),
                "h" | "hour" => (count, Period::Hour),
                _ => return Err(refuse()),
            },
        };
        let count = number(count).ok_or_else(refuse)?;
        let rate = Self { count, period };
        if count > 0.0 && rate.per_second() <= 1_000_000.0 {
            Ok(rate)
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = match self.period {
            Period::Second => "s",
            Period::Minute => "min",
            Period::Hour => "h",
        };
        write!(formatter, "{}/{period}", self.count)
    }
}

/// A share of what the tenant allows: `80%` or `0.8`. Above 0, at most 100%.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    percent: f64,
}

impl Share {
    const ADVICE: &'static str = "write 80% or 0.8, above 0 and at most 100%";

    /// The whole of what the tenant allows.
    pub const WHOLE: Self = Self { percent: 100.0 };

    /// The share as a fraction, above 0 and at most 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.percent / 100.0
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let refuse = || UnitError::new(text, "share", Self::ADVICE);
        let percent = percent_or_fraction(text).ok_or_else(refuse)?;
        if percent > 0.0 && percent <= 100.0 {
            Ok(Self { percent })
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.percent)
    }
}

/// How much may go wrong before the run stops: a number of rows (`100`) or a
/// share of the rows ended so far (`1%`). `0` stops at the first rejected row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ErrorBudget {
    /// This many rejected rows are borne; one more stops the run.
    Rows(u64),
    /// This share of rejected rows is borne, in percent from 0 to 100.
    Percent(f64),
}

impl FromStr for ErrorBudget {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let refuse = || {
            UnitError::new(
                text,
                "error budget",
                "write a number of rows such as 100, or a share such as 1%",
            )
        };
        let text = text.trim();
        if text.ends_with('%') {
            return percent_or_fraction(text)
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percent)
                .ok_or_else(refuse);
        }
        digits(text).map(Self::Rows).ok_or_else(refuse)
    }
}

impl fmt::Display for ErrorBudget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(formatter, "{rows}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

/// How many requests may be under way at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// The limiter finds out: `auto`.
    #[default]
    Auto,
    /// Exactly this many at most, 1 to 10,000.
    Fixed(NonZeroU32),
}

impl FromStr for Concurrency {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        digits(text)
            .filter(|&count| count <= 10_000)
            .and_then(|count| NonZeroU32::new(u32::try_from(count).ok()?))
            .map(Self::Fixed)
            .ok_or_else(|| {
                UnitError::new(
                    text,
                    "concurrency",
                    "write auto, or a number from 1 to 10000",
                )
            })
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Fixed(count) => write!(formatter, "{count}"),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    // The standard parser also takes `inf`, `NaN` and `1e9`, which are slips here.
    plain.then(|| text.parse().ok()).flatten()
}

/// A number of decimal digits alone.
pub(super) fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A percentage, from `80%` or from a fraction such as `0.8`, rounded to a
/// millionth of a percent so that 0.07 prints as 7%.
fn percent_or_fraction(text: &str) -> Option<f64> {
    let text = text.trim();
    let percent = match text.strip_suffix('%') {
        Some(percent) => number(percent)?,
        None => number(text)? * 100.0,
    };
    Some((percent * 1e6).round() / 1e6)
}

/// Reads each unit from a YAML text or number, and describes it in the schema.
macro_rules! unit_in_yaml {
    ($($unit:ident, $expected:literal, $pattern:literal, $number:literal;)+) => {$(
        impl<'de> Deserialize<'de> for $unit {
            fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
                let text = source.deserialize_any(TextOrNumber { expected: $expected })?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $unit {
            fn schema_name() -> Cow<'static, str> {
                stringify!($unit).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let text = json_schema!({"type": "string", "pattern": $pattern});
                if $number {
                    json_schema!({
                        "description": $expected,
                        "anyOf": [text, {"type": "number", "minimum": 0}],
                    })
                } else {
                    json_schema!({"description": $expected, "anyOf": [text]})
                }
            }
        }
    )+};
}

unit_in_yaml! {
    Rate, "a rate such as 250/s, 300/min or 1000/h", r"^\s*[0-9.]+\s*(/\s*(s|sec|second|m|min|minute|h|hour)\s*)?$", true;
    Share, "a share such as 80% or 0.8", r"^\s*[0-9.]+\s*%?\s*$", true;
    ErrorBudget, "an error budget such as 100 (rows) or 1%", r"^\s*[0-9.]+\s*%?\s*$", true;
    Concurrency, "`auto` or a number from 1 to 10000", r"^\s*([aA][uU][tT][oO]|[0-9]+)\s*$", true;
    TimeSpan, "a length of time such as 90s, 5m, 2h30m or 250ms", r"^\s*([0-9]+(d|h|ms|m|s)\s*)+$", false;
}
