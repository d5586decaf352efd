//! What a user can set about the controller; everything else is learnt.

use std::num::NonZeroU32;
use std::time::Duration;

use super::learned::LearnedLimit;
use super::rate::{Rate, Share};

/// How the number of requests in flight is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// Found while running, between 1 and `max_in_flight`.
    #[default]
    Auto,
    /// Always this many (gate and pace still hold requests back).
    Fixed(NonZeroU32),
}

/// Settled settings of one controller.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitSettings {
    /// From `--concurrency`. Default [`Concurrency::Auto`].
    pub concurrency: Concurrency,
    /// Most requests in flight that `Auto` grows to. At least 1, default 512.
    pub max_in_flight: u32,
    /// Hard ceiling from `--max-rate`. Default none.
    pub max_rate: Option<Rate>,
    /// Courtesy share from `--share`. Default the whole limit.
    pub share: Share,
    /// What an earlier run or a probe learnt. A sure rate or cap is used at once
    /// and probed like one learnt here; an unsure one is trusted to 0.8 and
    /// searched from there. Default none.
    pub starting_point: Option<LearnedLimit>,
    /// How long nothing is sent at first, since the tenant has asked for that
    /// before. Default zero.
    pub closed_for: Duration,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            concurrency: Concurrency::Auto,
            max_in_flight: 512,
            max_rate: None,
            share: Share::WHOLE,
            starting_point: None,
            closed_for: Duration::ZERO,
        }
    }
}
