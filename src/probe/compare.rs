//! Whether another token, or another read, draws on the limit that was found.
//!
//! Both are asked in turn, each well below the limit and the two together above
//! it: what is refused then is refused by a limit that they share.

use serde::Serialize;

use crate::limit::{Confidence, WindowStart};

use super::bounds::Stop;
use super::protocol::Protocol;
use super::target::{Other, Target};
use super::trial::{Shape, Trial};
use super::verdict::{Kind, Limit};

/// Of the limit, what both together ask for: each of them asks for half of it.
const TOGETHER: f64 = 1.5;
/// A window from its first request on, or one that slides, may be used up
/// sooner: by this multiple of its mean rate.
const SOONER: f64 = 3.0;
/// So much more than what a shared limit would let in is sent.
const BEYOND: f64 = 1.15;
/// A bucket that holds less may refuse what merely arrives unevenly.
const LEAST_BURST: f64 = 5.0;
/// The pace has to be reached, or nothing follows from what got through.
const REACHED: f64 = 0.9;
/// Trials whose refusals were all the other's, before there is no more to say.
const TRIALS: u32 = 4;
/// So many refusals, all of the other, aren't chance any more.
const BEYOND_CHANCE: u32 = 7;

/// Whether something else has a limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Differs {
    /// It draws on the same limit.
    No,
    /// It has a limit of its own.
    Yes,
    /// It was tried, and more than one answer is possible.
    NotSure,
    /// It wasn't tried: nothing else is known, or the budget doesn't allow it.
    #[default]
    NotTried,
}

/// What was found about the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Another token of the same client.
    pub by_token: Differs,
    /// The other read that the connector names.
    pub by_endpoint: Differs,
}

/// How the two are asked in turn.
struct InTurn {
    trial: Trial,
    /// How long nothing is to be sent before.
    rest_s: f64,
    pace_per_s: Option<f64>,
}

impl<T: Target> Protocol<T> {
    /// Compares with whatever else the target can ask.
    ///
    /// # Errors
    /// [`Stop`] where the bounds are met, the tenant suffers or the user asks.
    pub(super) async fn compare(&mut self) -> Result<(), Stop> {
        let (limit, _) = self.limits();
        // What is sent here is no evidence about the one limit.
        self.tried.get_or_insert(self.bench.records.len());
        if limit.confidence() < Confidence::Medium || matches!(limit.kind, Kind::None) {
            return Ok(());
        }
        self.differences.by_token = self.compare_with(Other::Token, &limit).await?;
        self.differences.by_endpoint = self.compare_with(Other::Read, &limit).await?;
        Ok(())
    }

    async fn compare_with(&mut self, other: Other, limit: &Limit) -> Result<Differs, Stop> {
        if self.in_turn(limit).is_none() || !self.bench.target().can_ask(other).await {
            return Ok(Differs::NotTried);
        }
        self.bench.begin(match other {
            Other::Token => "two tokens in turn: do they share the limit?",
            Other::Read => "two reads in turn: do they share the limit?",
        });
        if !self.answers(other, limit).await? {
            return Ok(Differs::NotTried);
        }
        let mut others_refused = 0;
        for trial in 0..TRIALS {
            let Some(in_turn) = self.in_turn(limit) else {
                return Ok(if trial == 0 {
                    Differs::NotTried
                } else {
                    Differs::NotSure
                });
            };
            if in_turn.rest_s > 0.0 {
                self.bench
                    .wait_until_s(self.bench.now_s() + in_turn.rest_s)
                    .await?;
            } else {
                self.reopen().await?;
            }
            let Some(in_turn) = self.in_turn(limit) else {
                return Ok(Differs::NotSure);
            };
            // A window's last place falls to the other one now, and then not.
            let bout = self
                .bench
                .run_in_turn(&in_turn.trial, other, trial % 2 == 1)
                .await?;
            if bout.usual_refused > 0 {
                return Ok(Differs::No);
            }
            if bout.others_refused == 0 {
                let is_reached = in_turn
                    .pace_per_s
                    .is_none_or(|pace_per_s| bout.paced_per_s >= REACHED * pace_per_s);
                return Ok(match is_reached && self.bench.target().is_steady() {
                    true => Differs::Yes,
                    false => Differs::NotSure,
                });
            }
            others_refused += bout.others_refused;
            let is_window = matches!(limit.kind, Kind::FixedWindow | Kind::SlidingWindow);
            if others_refused >= BEYOND_CHANCE || (is_window && trial > 0) {
                return Ok(Differs::Yes);
            }
        }
        Ok(Differs::NotSure)
    }

    /// Whether the other is answered at all, beside the usual one: a few
    /// requests, far apart.
    async fn answers(&mut self, other: Other, limit: &Limit) -> Result<bool, Stop> {
        self.reopen().await?;
        let few = Trial {
            shape: Shape::Evenly(limit.rate_per_s.map_or(1.0, |rate| rate.value) / 2.0),
            most: 4,
            longest_s: 1e5,
        };
        match self.bench.run_in_turn(&few, other, false).await {
            // Another read may be one that this tenant doesn't have.
            Err(Stop::Impossible(_)) => Ok(false),
            Err(stop) => Err(stop),
            Ok(_) => Ok(self.bench.target().is_steady()),
        }
    }

    /// The trial that a limit of this kind would end, were it shared; `None`
    /// where there is none, or it can't be afforded.
    fn in_turn(&self, limit: &Limit) -> Option<InTurn> {
        let rate_per_s = limit.rate_per_s?.value;
        let since_use_s = self.bench.now_s() - self.bench.records.last()?.sent_s;
        let (pace_per_s, most, rest_s) = match (limit.kind, limit.window_s) {
            (Kind::ConcurrencyCap, _) => return self.in_salvos(limit.concurrency_cap?),
            (Kind::TokenBucket, period) => {
                let burst = limit.burst?.value;
                if burst < LEAST_BURST {
                    return None;
                }
                let refused = self
                    .bench
                    .records
                    .iter()
                    .rev()
                    .find(|record| record.is_refused());
                let rested_s = self.bench.now_s() - refused.map_or(0.0, |record| record.sent_s);
                let portion = limit.portion.unwrap_or(0.0);
                let saved_up = match period {
                    Some(_) => burst,
                    None => burst.min(rate_per_s * rested_s + 2.0),
                };
                let most = (saved_up + portion) * TOGETHER / (TOGETHER - 1.0);
                (TOGETHER * rate_per_s, most, 0.0)
            }
            // What is left of one window, and all of the next one.
            (_, Some(_)) if limit.window_starts == Some(WindowStart::Clock) => {
                (TOGETHER * rate_per_s, limit.burst?.value * 1.8, 0.0)
            }
            (_, Some(length_s)) => {
                let rest_s = (1.02 * length_s.value - since_use_s).max(0.0);
                (SOONER * rate_per_s, limit.burst?.value, rest_s)
            }
            _ => return None,
        };
        let most = (BEYOND * most).ceil() + 20.0;
        let takes_s = rest_s + most / pace_per_s;
        let is_affordable =
            most <= self.bench.requests_left() as f64 && takes_s <= self.bench.time_left_s() * 0.8;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of requests within the budget"
        )]
        is_affordable.then_some(InTurn {
            trial: Trial {
                shape: Shape::Evenly(pace_per_s),
                most: most as u64,
                longest_s: 1e5,
            },
            rest_s,
            pace_per_s: Some(pace_per_s),
        })
    }

    /// Half as many again at once as a cap has places.
    fn in_salvos(&self, cap: u32) -> Option<InTurn> {
        let at_once = cap + cap / 2 + cap % 2;
        let calm_s = self.ramp.steps.first()?.p99_ms / 1e3;
        let bounds = self.bench.bounds();
        let is_affordable = cap >= 4
            && at_once <= bounds.max_in_flight
            && u64::from(at_once) * 2 <= self.bench.requests_left();
        is_affordable.then_some(InTurn {
            trial: Trial {
                shape: Shape::Salvos([(at_once, 0.0), (at_once, 4.0 * calm_s), (0, 0.0)]),
                most: 2 * u64::from(at_once),
                longest_s: 20.0,
            },
            rest_s: 4.0 * calm_s,
            pace_per_s: None,
        })
    }
}
