//! Rates and shares as a user writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Requests per second, from a text such as `250/s`, `300/min` or `1000/h`.
///
/// Finite and above zero. Read from and written as text in configuration.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    per_second: f64,
}

/// Why a text or number is no [`Rate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateError {
    text: String,
}

impl Rate {
    /// A rate in requests per second; `None` unless finite and above zero.
    #[must_use]
    pub fn per_second(requests: f64) -> Option<Self> {
        (requests.is_finite() && requests > 0.0).then_some(Self {
            per_second: requests,
        })
    }

    /// Requests per second, above zero.
    #[must_use]
    pub fn requests_per_second(self) -> f64 {
        self.per_second
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || RateError {
            text: text.to_owned(),
        };
        let (count, unit) = text.trim().split_once('/').ok_or_else(error)?;
        let unit_s = match unit.trim() {
            "s" | "sec" | "second" => 1.0,
            "m" | "min" | "minute" => 60.0,
            "h" | "hour" => 3600.0,
            "d" | "day" => 86_400.0,
            _ => return Err(error()),
        };
        let count: f64 = count.trim().replace('_', "").parse().map_err(|_| error())?;
        Self::per_second(count / unit_s).ok_or_else(error)
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The unit in which the number reads best: 5/s, but 300/min rather than 5.0000001/s.
        let per_second = self.per_second;
        let whole = |number: f64| (number - number.round()).abs() < 1e-9 * number.max(1.0);
        for (unit, seconds) in [("s", 1.0), ("min", 60.0), ("h", 3600.0)] {
            let count = per_second * seconds;
            if count >= 1.0 && whole(count) {
                return write!(formatter, "{}/{unit}", count.round());
            }
        }
        write!(formatter, "{per_second}/s")
    }
}

impl fmt::Display for RateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` is not a rate; write it as 250/s, 300/min or 1000/h",
            self.text
        )
    }
}

impl std::error::Error for RateError {}

/// The share of a learnt limit that this client may use, in (0, 1].
///
/// Default 1. Below 1 the rest is left to the tenant's other clients, and the
/// limit isn't probed once it is known. Of a quota that headers tell, it is the
/// share of what is left at any time.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

/// A number outside (0, 1] was given for a [`Share`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareError(f64);

impl Share {
    /// The whole limit.
    pub const WHOLE: Self = Self(1.0);

    /// A share of the limit.
    ///
    /// # Errors
    /// [`ShareError`] unless above 0 and at most 1.
    pub fn try_new(share: f64) -> Result<Self, ShareError> {
        if share > 0.0 && share <= 1.0 {
            Ok(Self(share))
        } else {
            Err(ShareError(share))
        }
    }

    /// The number in (0, 1].
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl TryFrom<f64> for Share {
    type Error = ShareError;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        Self::try_new(share)
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl fmt::Display for ShareError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a share lies above 0 and at most at 1, not at {}",
            self.0
        )
    }
}

impl std::error::Error for ShareError {}
