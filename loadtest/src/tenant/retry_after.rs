//! How a refusal says when to come back: in which form, how honestly, by which clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::units;

/// The wording of a refusal's wait.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryAfter {
    /// The form. Default: whole seconds.
    pub form: RetryAfterForm,
    /// How the stated wait relates to the true one. Default: exact.
    pub honesty: Honesty,
    /// Seconds that the tenant's clock is ahead of the true time (negative: behind); shifts the `Date` header and HTTP
    /// dates. Default: 0.
    #[serde(deserialize_with = "units::signed_seconds")]
    pub clock_skew: f64,
}

/// The form of a `Retry-After` (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterForm {
    /// Whole seconds, rounded up, at least 1. The default.
    #[default]
    Seconds,
    /// Seconds with three decimals: against the RFC, but seen in the wild.
    Fraction,
    /// An IMF-fixdate on the tenant's clock, rounded up to its next whole second.
    HttpDate,
    /// Nothing is said.
    None,
    /// No header; the message of the body says "[N] seconds" (Genesys).
    Body,
}

/// How a stated wait relates to the true one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Honesty {
    /// The true wait. The default.
    #[default]
    Exact,
    /// So much longer than the truth.
    Add(Duration),
    /// So many times the truth; below 1 the wait is too short.
    Scale(f64),
    /// Always the same.
    Fixed(Duration),
}

impl<'de> Deserialize<'de> for Honesty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case", rename = "honesty")]
        enum Text {
            Exact,
            Add(#[serde(deserialize_with = "units::duration")] Duration),
            Scale(#[serde(deserialize_with = "units::not_negative")] f64),
            Fixed(#[serde(deserialize_with = "units::duration")] Duration),
        }
        Ok(match Text::deserialize(deserializer)? {
            Text::Exact => Honesty::Exact,
            Text::Add(more) => Honesty::Add(more),
            Text::Scale(factor) => Honesty::Scale(factor),
            Text::Fixed(wait) => Honesty::Fixed(wait),
        })
    }
}

/// What a refusal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// Value of the `Retry-After` header.
    pub(crate) header: Option<String>,
    /// Seconds named in the body.
    pub(crate) in_body: Option<u64>,
    /// How long a client that takes the tenant at its word stays away.
    pub(crate) lasts: Duration,
}

impl RetryAfter {
    /// The tenant's clock for a true Unix time.
    pub(crate) fn clock(&self, unix_time: Duration) -> Duration {
        let skew = units::bounded_seconds(self.clock_skew.abs());
        if self.clock_skew < 0.0 {
            unix_time.saturating_sub(skew)
        } else {
            unix_time + skew
        }
    }

    /// Words a true wait that begins at a Unix time; none if the tenant keeps silent.
    pub(crate) fn speak(&self, wait: Duration, unix_time: Duration) -> Option<Spoken> {
        let stated = match self.honesty {
            Honesty::Exact => wait,
            Honesty::Add(more) => wait + more,
            Honesty::Scale(factor) => units::bounded_seconds(wait.as_secs_f64() * factor),
            Honesty::Fixed(fixed) => fixed,
        };
        let whole_seconds = units::whole_seconds(stated);
        match self.form {
            RetryAfterForm::None => None,
            RetryAfterForm::Seconds => Some(Spoken {
                header: Some(whole_seconds.to_string()),
                in_body: None,
                lasts: Duration::from_secs(whole_seconds),
            }),
            RetryAfterForm::Body => Some(Spoken {
                header: None,
                in_body: Some(whole_seconds),
                lasts: Duration::from_secs(whole_seconds),
            }),
            RetryAfterForm::Fraction => {
                let milliseconds = ((stated.as_secs_f64() * 1000.0).ceil() as u64).max(1);
                let lasts = Duration::from_millis(milliseconds);
                Some(Spoken {
                    header: Some(format!("{:.3}", lasts.as_secs_f64())),
                    in_body: None,
                    lasts,
                })
            }
            RetryAfterForm::HttpDate => {
                let clock = self.clock(unix_time);
                let date = ((clock + stated).as_secs_f64().ceil() as u64).max(clock.as_secs() + 1);
                let date = Duration::from_secs(date);
                Some(Spoken {
                    header: Some(http_date(date)),
                    in_body: None,
                    lasts: date - clock,
                })
            }
        }
    }
}

/// An IMF-fixdate of a Unix time, cut to whole seconds.
pub(crate) fn http_date(unix_time: Duration) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_time.as_secs()))
}

/// The true Unix time.
pub(crate) fn unix_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Duration = Duration::from_millis(1_700_000_000_400);

    fn spoken(form: RetryAfterForm, honesty: Honesty, wait_ms: u64) -> Spoken {
        let words = RetryAfter {
            form,
            honesty,
            clock_skew: 0.0,
        };
        words
            .speak(Duration::from_millis(wait_ms), NOON)
            .expect("this form speaks")
    }

    #[test]
    fn seconds_are_rounded_up_and_never_zero() {
        for (wait_ms, header) in [
            (0, "1"),
            (20, "1"),
            (1000, "1"),
            (1001, "2"),
            (59_999, "60"),
        ] {
            let words = spoken(RetryAfterForm::Seconds, Honesty::Exact, wait_ms);
            assert_eq!(words.header.as_deref(), Some(header));
        }
    }

    #[test]
    fn a_fraction_keeps_milliseconds() {
        let words = spoken(RetryAfterForm::Fraction, Honesty::Exact, 825);
        assert_eq!(words.header.as_deref(), Some("0.825"));
        assert_eq!(words.lasts, Duration::from_millis(825));
    }

    #[test]
    fn a_date_is_not_before_the_truth_and_moves_with_the_skew() {
        let words = spoken(RetryAfterForm::HttpDate, Honesty::Exact, 2000);
        assert_eq!(
            words.header.as_deref(),
            Some("Tue, 14 Nov 2023 22:13:23 GMT")
        );
        assert_eq!(words.lasts, Duration::from_millis(2600));
        let ahead = RetryAfter {
            clock_skew: 2.0,
            form: RetryAfterForm::HttpDate,
            ..RetryAfter::default()
        };
        let words = ahead.speak(Duration::from_secs(2), NOON).expect("a date");
        assert_eq!(
            words.header.as_deref(),
            Some("Tue, 14 Nov 2023 22:13:25 GMT")
        );
        assert_eq!(words.lasts, Duration::from_millis(2600));
    }

    #[test]
    fn a_liar_adds_scales_or_repeats_himself() {
        for (honesty, header) in [
            (Honesty::Add(Duration::from_secs(10)), "15"),
            (Honesty::Scale(0.3), "2"),
            (Honesty::Fixed(Duration::from_secs(7)), "7"),
        ] {
            let words = spoken(RetryAfterForm::Seconds, honesty, 5000);
            assert_eq!(words.header.as_deref(), Some(header));
        }
    }

    #[test]
    fn silence_and_the_body_send_no_header() {
        let silent = RetryAfter {
            form: RetryAfterForm::None,
            ..RetryAfter::default()
        };
        assert_eq!(silent.speak(Duration::from_secs(1), NOON), None);
        let words = spoken(RetryAfterForm::Body, Honesty::Exact, 5000);
        assert_eq!((words.header, words.in_body), (None, Some(5)));
    }
}
