//! Which part of the rows is looked at.

use std::fmt;
use std::str::FromStr;

use super::units::{ErrorBudget, UnitError};

/// A part of the rows, spread over all of them: a number (`500`) or a share
/// (`5%`). The same rows are picked each time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// So many rows, at least 1; all of them where there are fewer.
    Rows(u64),
    /// About this share of them, in percent above 0 and up to 100.
    Percent(f64),
}

impl FromStr for Sample {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text.parse() {
            Ok(ErrorBudget::Rows(rows)) if rows > 0 => Ok(Self::Rows(rows)),
            Ok(ErrorBudget::Percent(percent)) if percent > 0.0 => Ok(Self::Percent(percent)),
            _ => Err(UnitError::new(
                text,
                "sample",
                "write a number of rows such as 500, or a share such as 5%",
            )),
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(formatter, "{rows}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_some_rows_or_a_share_of_them() {
        assert_eq!("500".parse(), Ok(Sample::Rows(500)));
        assert_eq!("2.5%".parse(), Ok(Sample::Percent(2.5)));
        for nothing in ["0", "0%", "101%", "all", ""] {
            let refused = nothing.parse::<Sample>().expect_err("no sample");
            assert!(refused.to_string().contains("such as 5%"), "{refused}");
        }
    }
}
