//! From when on changes are wanted.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::UnitError;

/// From when on changes are wanted: `last`, or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Since the newest finished run of the same job.
    Last,
    /// Since this time.
    At(Timestamp),
}

impl FromStr for Since {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        if text == "last" {
            return Ok(Self::Last);
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        // A day begins at midnight in UTC.
        let day = text.parse::<Date>().ok().filter(|_| text.len() == 10);
        day.and_then(|day| day.to_zoned(TimeZone::UTC).ok())
            .map(|midnight| Self::At(midnight.timestamp()))
            .ok_or_else(|| UnitError {
                found: text.chars().take(40).collect(),
                unit: "time that changes are wanted from",
                advice: "write last, a day such as 2026-01-31 (in UTC) or a time such as 2026-01-31T08:00:00Z",
            })
    }
}

impl fmt::Display for Since {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => formatter.write_str("last"),
            Self::At(time) => time.fmt(formatter),
        }
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        String::deserialize(source)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Since {
    fn schema_name() -> Cow<'static, str> {
        "Since".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "last (since the newest finished run of this job), a day such as 2026-01-31 or a time such as 2026-01-31T08:00:00Z",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_last_a_day_or_a_moment_with_its_zone() {
        let shown = |text: &str| text.parse::<Since>().map(|since| since.to_string());
        assert_eq!(shown("last"), Ok("last".to_owned()));
        assert_eq!(shown("2026-01-31"), Ok("2026-01-31T00:00:00Z".to_owned()));
        assert_eq!(
            shown("2026-01-31T10:00:00+02:00"),
            Ok("2026-01-31T08:00:00Z".to_owned())
        );
        for wrong in [
            "",
            "yesterday",
            "31.01.2026",
            "2026-01-31T10:00:00",
            "2026-02-30",
        ] {
            let error = wrong.parse::<Since>().expect_err(wrong);
            assert!(error.to_string().contains("write last"), "{error}");
        }
    }
}
