//! `summary.json`: the run in figures. The fields' names are the product's
//! contract; fields may be added.

use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record::{Counts, RequestCounts};

use super::words::{counted, duration_words, thousands};
use super::{LimitSummary, LimiterHistory};

/// One entity of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntitySummary {
    /// The entity's name.
    pub name: String,
    /// Rows of the input.
    pub read: u64,
    /// Records that the tenant made.
    pub created: u64,
    /// Records that the tenant changed.
    pub updated: u64,
    /// Records that already were as they should be.
    pub unchanged: u64,
    /// Rows refused, missing records among them.
    pub rejected: u64,
    /// Rows that the user's choice left out.
    pub skipped: u64,
    /// Rows whose fate isn't known.
    pub unknown: u64,
    /// Rows that the run did not get to.
    pub not_reached: u64,
}

impl EntitySummary {
    /// The entity's counts under its name.
    #[must_use]
    pub fn new(name: impl Into<String>, counts: &Counts) -> Self {
        Self {
            name: name.into(),
            read: counts.read,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            rejected: counts.rejected,
            skipped: counts.skipped,
            unknown: counts.unknown,
            not_reached: counts.not_reached,
        }
    }
}

/// How fast the run was.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RateSummary {
    /// Rows that ended, divided by the time of all legs.
    pub mean_per_s: f64,
    /// The middle duration of answered requests of this leg, in milliseconds.
    pub p50_ms: f64,
    /// The duration that 99 of 100 answered requests of this leg stayed below.
    pub p99_ms: f64,
    /// The most requests under way at once in this leg.
    pub max_in_flight: u32,
    /// What the limiter learned that the tenant allows, in requests a second;
    /// null where it never met a limit.
    pub learned_limit: Option<f64>,
}

/// Where the time of one stage went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageSummary {
    /// The stage.
    pub name: String,
    /// Seconds it worked; of a stage with several threads, all of them.
    pub busy_s: f64,
    /// Seconds it waited for the stage behind it, or for the tenant's limit.
    pub waited_s: f64,
}

/// What was asked of a source that is a platform, over all legs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSummary {
    /// Requests for pages.
    pub requests: u64,
    /// Of these, those that were told to wait.
    pub throttled: u64,
    /// Pages that came.
    pub pages: u64,
    /// Rows of them.
    pub rows: u64,
    /// How often the list was read: again where it changed meanwhile.
    #[serde(default = "once")]
    pub readings: u64,
    /// Why it can't be told whether every record of the list came; none where it
    /// can.
    #[serde(default)]
    pub doubt: Option<String>,
}

fn once() -> u64 {
    1
}

/// How one part of a run has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSummary {
    /// The part's name, and its folder's in the run's directory, where its own
    /// `summary.json` stands.
    pub name: String,
    /// As the run's `state`; `not_started` of a part that waits for another.
    pub state: String,
    /// The exit code that the part alone would end with.
    pub exit_code: u8,
    /// Why it isn't finished, in words.
    pub reason: Option<String>,
}

/// A run in figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// The run's id.
    pub run_id: String,
    /// The job's name.
    pub job: String,
    /// `finished`, `interrupted`, `paused`, `stopped` or `failed`.
    pub state: String,
    /// The exit code of the command.
    pub exit_code: u8,
    /// Why the run stopped before its end, in words.
    pub reason: Option<String>,
    /// When the run was started, RFC 3339.
    pub started_at: String,
    /// When this leg ended, RFC 3339.
    pub ended_at: String,
    /// Seconds that all legs took together.
    pub elapsed_s: f64,
    /// Legs: 1, and one more for every resume.
    pub legs: u32,
    /// Of a run that has parts: how each has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartSummary>,
    /// The entities; of a run that has parts, one for each.
    pub entities: Vec<EntitySummary>,
    /// The entities' counts, summed.
    pub counts: Counts,
    /// Requests of all legs.
    pub requests: RequestCounts,
    /// Of a run whose source is a platform: what was asked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceSummary>,
    /// Tokens minted for the target, in all legs.
    pub tokens_minted: u64,
    /// How fast it was.
    pub rate: RateSummary,
    /// What is known of the tenant's limits at the end of this leg.
    #[serde(default)]
    pub limits: Vec<LimitSummary>,
    /// Where the time of this leg went.
    pub stages: Vec<StageSummary>,
    /// What the limiter decided in this leg.
    pub limiter: LimiterHistory,
    /// The most memory that this leg's process held, in bytes; 0 where the
    /// system doesn't tell.
    pub peak_memory_bytes: u64,
}

impl Summary {
    /// `summary.json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a summary is plain data");
        text.push('\n');
        text
    }

    /// The summary on one line.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        let mut text = serde_json::to_string(self).expect("a summary is plain data");
        text.push('\n');
        text
    }

    /// The summary for people: the books first, then how it went.
    #[must_use]
    pub fn to_text(&self) -> String {
        let counts = &self.counts;
        let mut text = self.parts_text();
        let mut line = |label: &str, number: u64| {
            // The first two always stand there; the others where they count.
            if number > 0 || label == "read" || label == "updated" {
                writeln!(text, "  {label:<12}{:>12}", thousands(number))
                    .expect("writing to memory doesn't fail");
            }
        };
        line("read", counts.read);
        line("created", counts.created);
        line("updated", counts.updated);
        line("unchanged", counts.unchanged);
        line("rejected", counts.rejected);
        line("skipped", counts.skipped);
        line("unknown", counts.unknown);
        line("not reached", counts.not_reached);
        let requests = &self.requests;
        writeln!(
            text,
            "  {} in {}: {:.0} rows/s, {} ({} × 429, {} repeated), p99 {:.0} ms",
            self.state,
            duration_words(Duration::from_secs_f64(self.elapsed_s.max(0.0))),
            self.rate.mean_per_s,
            counted(requests.sent, "request"),
            thousands(requests.throttled),
            thousands(requests.retried),
            self.rate.p99_ms,
        )
        .expect("writing to memory doesn't fail");
        for limit in &self.limits {
            let whose = match (limit.endpoint.as_str(), self.limits.len()) {
                ("*", _) => " of the whole client".to_owned(),
                (_, 1) => String::new(),
                (endpoint, _) => format!(" of {endpoint}"),
            };
            let whose = match &limit.part {
                Some(part) => format!("{whose} for {part}"),
                None => whose,
            };
            writeln!(text, "  limit{whose}: {}", limit.words())
                .expect("writing to memory doesn't fail");
        }
        text
    }
}
