//! The verdict in sentences.

use std::time::Duration;

use crate::limit::{Confidence, WindowStart};
use crate::probe::compare::{Differences, Differs};
use crate::probe::record::WaitForm;
use crate::probe::verdict::{Figure, Honesty, Kind, Limit, RetryAfter, Verdict};
use crate::report::{counted, duration_words, thousands};

/// A figure with as many digits as mean something.
pub(super) fn number(value: f64) -> String {
    let whole = value.round();
    if (value - whole).abs() < 1e-6 || value >= 100.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "figures of limits are far below"
        )]
        return thousands(whole.max(0.0) as u64);
    }
    let text = match value {
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How far something can be trusted, in a word.
pub(super) fn trust(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    }
}

/// The verdict in sentences.
pub(super) fn verdict_words(verdict: &Verdict) -> String {
    let mut sentences = vec![limit_words(&verdict.limit, verdict)];
    if let Some(also) = &verdict.also {
        sentences.push(format!(
            "In front of it another limit: {}",
            limit_words(also, verdict)
        ));
    }
    if let Some(what) = verdict
        .refused_with
        .as_ref()
        .filter(|_| verdict.throttled > 0)
        && what != "status 429"
    {
        sentences.push(format!(
            "Refusals are worded as trouble ({what}), but they come only above the limit and end below it"
        ));
    }
    if verdict.throttled > 0 {
        sentences.push(waits_words(&verdict.retry_after));
    }
    if let Some(told) = &verdict.told {
        sentences.extend(
            told.limit
                .map(|limit| format!("Headers tell of a limit of {}", number(limit))),
        );
    }
    if let Some(knee) = verdict.knee {
        sentences.push(format!(
            "Beyond {knee} requests at once replies only get slower"
        ));
    }
    sentences.join(". ") + "."
}

fn limit_words(limit: &Limit, verdict: &Verdict) -> String {
    let value = |figure: Option<Figure>| figure.map_or("?".to_owned(), |f| number(f.value));
    let (rate, burst, window) = (
        value(limit.rate_per_s),
        value(limit.burst),
        value(limit.window_s),
    );
    match limit.kind {
        Kind::FixedWindow => {
            let starts = match limit.window_starts {
                Some(WindowStart::FirstRequest) => ", which begin with their first request",
                Some(WindowStart::Clock) => ", which begin by the clock",
                None => "; what begins a window isn't sure",
            };
            format!("fixed window: {burst} requests in each {window} s ({rate} a second){starts}")
        }
        Kind::SlidingWindow => {
            format!("sliding window: {burst} requests in any {window} s ({rate} a second)")
        }
        Kind::TokenBucket => match limit.portion {
            Some(portion) => format!(
                "token bucket, refilled in portions: {} requests every {window} s ({rate} a second), {burst} at once after a rest",
                number(portion)
            ),
            None => {
                format!("token bucket: {rate} requests a second, and {burst} at once after a rest")
            }
        },
        Kind::ConcurrencyCap => format!(
            "concurrency cap: {} requests at once, which is about {rate} a second here",
            limit.concurrency_cap.unwrap_or_default()
        ),
        Kind::None => format!(
            "no limit met: {} got through in {}, up to {rate} a second and {} at once; a limit above that, or a quota of more requests than that, wouldn't show",
            counted(verdict.requests, "request"),
            duration_words(Duration::from_secs_f64(verdict.elapsed_s.max(0.0))),
            verdict
                .steps
                .iter()
                .map(|step| step.in_flight)
                .max()
                .unwrap_or(0)
        ),
        Kind::NotSure if verdict.throttled == 0 => format!(
            "not sure: nothing was refused, with up to {rate} requests a second, and not enough was tried"
        ),
        Kind::NotSure => {
            let rate = match limit.rate_per_s {
                Some(_) => format!("; about {rate} requests a second get through"),
                None => String::new(),
            };
            format!(
                "not sure: what was let in and what was refused fits more than one kind of limit, or none well{rate}. A longer probe (--max-requests, --max-duration) tells more, and so does one while others need less of the limit"
            )
        }
    }
}

fn waits_words(words: &RetryAfter) -> String {
    let form = match words.form {
        WaitForm::None => "",
        WaitForm::Body => "in the reply's text",
        WaitForm::Seconds => "in whole seconds",
        WaitForm::Fraction => "in seconds with a fraction",
        WaitForm::HttpDate => "as a date",
    };
    match words.honest {
        Honesty::NotTold => "Refusals name no wait".to_owned(),
        Honesty::Honest => format!(
            "Retry-After ({form}) is honest: open after {} of {} waits",
            words.kept,
            words.kept + words.too_short
        ),
        Honesty::TooShort => format!(
            "Retry-After ({form}) is too short: still closed after {} of {} waits",
            words.too_short,
            words.kept + words.too_short
        ),
        Honesty::LongerThanNeeded => {
            format!("Retry-After ({form}) is longer than needed")
        }
        Honesty::NotSure => format!("Whether Retry-After ({form}) is honest isn't sure"),
    }
}

/// What was found about other tokens and other endpoints, and how to find out
/// what wasn't.
pub(super) fn difference_words(found: Differences) -> [&'static str; 2] {
    let by_token = match found.by_token {
        Differs::No => "Two tokens of this client share the limit.",
        Differs::Yes => "Each token of this client has a limit of its own.",
        Differs::NotSure => "Whether two tokens of this client share the limit isn't sure.",
        Differs::NotTried => {
            "Whether two tokens share the limit wasn't tried: probe again with another client's --credentials, and compare."
        }
    };
    let by_endpoint = match found.by_endpoint {
        Differs::No => "The connector's other read shares the limit.",
        Differs::Yes => "The connector's other read has a limit of its own.",
        Differs::NotSure => "Whether the connector's other read shares the limit isn't sure.",
        Differs::NotTried => {
            "Whether other endpoints share the limit wasn't tried: name another read under `probe`, `other` in a copy of the connector file, or probe again with --write, and compare."
        }
    };
    [by_token, by_endpoint]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_mean_something() {
        for (value, text) in [
            (300.0, "300"),
            (8.3333, "8.33"),
            (49.98, "50"),
            (2_000.4, "2,000"),
            (0.0167, "0.0167"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
