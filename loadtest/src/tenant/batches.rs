//! How a tenant takes several contacts in one request, and how it tells what became of each.

use std::time::Duration;

use serde::Deserialize;

use super::units;

/// How batches are taken and answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Batches {
    /// The most contacts in one request. Default: 200.
    pub cap: usize,
    /// Status of a request over the cap: 413, or 400 with a text that says so. Default: 413.
    pub over_cap: u16,
    /// What the reply tells. Default: a result for each contact.
    pub reply: BatchReply,
    /// Whether the results come in another order than the contacts. Default: no.
    pub shuffled: bool,
    /// Status of a reply that tells of failures and successes. Default: 207.
    pub partial_status: u16,
    /// Contacts that fail inside a request that succeeds; they are not applied. Default: none.
    pub item_faults: Vec<ItemFault>,
    /// How long a platform works on a file that goes up as a job. Default: 200 ms.
    #[serde(deserialize_with = "units::duration")]
    pub job_time: Duration,
    /// The most contacts that a look-up of many shows; it names a next page where there are more. Default: all of them.
    pub page: Option<usize>,
}

/// What a batch's reply tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchReply {
    /// `results`, one for each contact. The default.
    #[default]
    Results,
    /// `results`, only for those that failed.
    Failures,
    /// `errorIndexes`, the places of those that failed, and no reasons.
    ErrorIndexes,
    /// A bad contact refuses the whole request with a 400 that doesn't say which.
    AllOrNothing,
}

/// A share of a batch's contacts that fails with a status of its own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemFault {
    /// The status in its result, such as 429 or 500.
    pub status: u16,
    /// Share of contacts, 0 to 1.
    #[serde(deserialize_with = "units::ratio")]
    pub ratio: f64,
}

impl Default for Batches {
    fn default() -> Self {
        Batches {
            cap: 200,
            over_cap: 413,
            reply: BatchReply::default(),
            shuffled: false,
            partial_status: 207,
            item_faults: Vec::new(),
            job_time: Duration::from_millis(200),
            page: None,
        }
    }
}
