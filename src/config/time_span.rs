//! Lengths of time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::UnitError;
use super::units::digits;

/// A length of time such as `90s`, `5m`, `2h30m`, `250ms` or `1d`. Above 0, at
/// most 366 days, in whole milliseconds. A bare number is refused: it doesn't
/// say its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeSpan {
    milliseconds: u64,
}

impl TimeSpan {
    const UNITS: [(&'static str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    const MAX_MILLISECONDS: u64 = 366 * 86_400_000;

    /// A span of whole seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        Self {
            milliseconds: seconds as u64 * 1_000,
        }
    }

    /// The span that is so long, to the millisecond; `None` where a span can't be.
    #[must_use]
    pub fn of(duration: Duration) -> Option<Self> {
        let milliseconds = u64::try_from(duration.as_millis()).ok()?;
        (1..=Self::MAX_MILLISECONDS)
            .contains(&milliseconds)
            .then_some(Self { milliseconds })
    }

    /// The span as the standard library's type.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut milliseconds = 0_u64;
        // Units must fall, so that 30s2h, a slip, isn't taken for a time.
        let mut next_unit = 0;
        while !rest.is_empty() {
            let number_end = rest.find(|character: char| !character.is_ascii_digit())?;
            let count = digits(&rest[..number_end])?;
            rest = &rest[number_end..];
            let unit_end = rest
                .find(|character: char| !character.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let name = &rest[..unit_end];
            let index = Self::UNITS.iter().position(|(unit, _)| *unit == name)?;
            if index < next_unit {
                return None;
            }
            next_unit = index + 1;
            milliseconds = count
                .checked_mul(Self::UNITS[index].1)
                .and_then(|part| part.checked_add(milliseconds))?;
            rest = rest[unit_end..].trim_start();
        }
        Self::of(Duration::from_millis(milliseconds))
    }
}

impl FromStr for TimeSpan {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        Self::parse(text)
            .ok_or_else(|| UnitError::new(text, "length of time", "write 90s, 5m, 2h30m or 250ms"))
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.milliseconds;
        for (unit, size) in Self::UNITS {
            if rest >= size {
                write!(formatter, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}
