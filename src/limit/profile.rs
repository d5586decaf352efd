//! A limit profile: what is known about one limit before a run starts, from a
//! probe or from the run before.

use serde::{Deserialize, Serialize};

use super::key::LimitKey;
use super::learned::LearnedLimit;

/// One limit, and how it came to be known. Unknown fields are ignored and
/// missing ones take their defaults, so old and new files mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitProfile {
    /// What the limit belongs to.
    pub key: LimitKey,
    /// When it was found, in seconds of the Unix epoch.
    pub found_at_epoch_s: u64,
    /// By what.
    pub found_by: FoundBy,
    /// How far it can be trusted.
    #[serde(default)]
    pub confidence: Confidence,
    /// The limit.
    pub limit: LearnedLimit,
}

/// What found a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// `sluice probe`: its shape was tried out.
    Probe,
    /// A load: its rate was learnt on the way.
    Run,
}

/// How far a finding can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The measures contradict each other, or there is only one.
    #[default]
    Low,
    /// They agree within a quarter.
    Medium,
    /// They agree within a twentieth.
    High,
}
