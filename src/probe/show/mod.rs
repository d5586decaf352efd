//! A probe's finding for people and for machines: words, a table, plots, JSON
//! and a page of HTML. Pure.

mod html;
mod json;
mod plot;
mod table;
mod words;

pub use html::html_report;
pub use json::json_report;
pub use plot::plot;
pub use table::text_report;

use std::time::Duration;

use crate::limit::Share;
use crate::plan::time_for;

use super::bounds::Stop;
use super::run::Finding;

/// What stands around a finding.
#[derive(Clone, Debug)]
pub struct Context {
    /// The tenant's base address.
    pub tenant: String,
    /// What was asked.
    pub endpoint: String,
    /// When it began, in words.
    pub started_at: String,
    /// A load to forecast for.
    pub load: Option<ForecastLoad>,
}

/// A load that is to go under the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastLoad {
    /// Its rows.
    pub rows: u64,
    /// The requests that they take, look-ups included.
    pub requests: u64,
}

impl Context {
    /// The load, and the time that it will take under the limit found.
    #[must_use]
    pub fn forecast(&self, finding: &Finding) -> Option<(ForecastLoad, Duration)> {
        let verdict = &finding.verdict;
        let limit = verdict.limit.learned(verdict.retry_after.longest_s)?;
        let load = self.load?;
        let time = time_for(load.requests, Some(&limit), Share::WHOLE, None)?;
        Some((load, time))
    }
}

/// Why it ended early, as a clause.
fn stop_words(stop: &Stop) -> String {
    match stop {
        Stop::Requests => "its requests are used up (--max-requests allows more)".to_owned(),
        Stop::Duration => "its time is over (--max-duration allows more)".to_owned(),
        Stop::LongWait(wait) => format!(
            "the tenant asks for a wait of {}, and there isn't so much time left (--max-duration allows more)",
            crate::report::duration_words(*wait)
        ),
        Stop::Distress(what) => format!("the tenant shows distress: {what}"),
        Stop::Interrupted => "it was interrupted".to_owned(),
        Stop::Impossible(error) => error.to_string(),
    }
}
