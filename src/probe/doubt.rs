//! A 503 or a closed connection: is the tenant in trouble, or is it a limit
//! that is worded so? (It is nginx's default.)
//!
//! Trouble comes when it likes; a limit comes when enough was sent, and by the
//! same count each time. So where nothing was refused in plain words, the probe
//! goes slowly until nothing fails, and then as fast as before: a few times in
//! turn. Only where the slow stretches are clean, and the fast ones end alike,
//! it was a limit.

use std::collections::BTreeMap;

use super::bounds::Stop;
use super::protocol::Protocol;
use super::record::{Answer, WaitForm};
use super::target::Target;
use super::trial::{Shape, Trial};

/// Requests of a slow stretch, all of which must be let in.
const SLOW_REQUESTS: u64 = 20;
/// The first slow stretch goes at this share of the rate at which it failed,
/// and the later ones by this factor slower, where there were failures still.
const SLOWER: f64 = 1.0 / 3.0;
/// No slower, or it would take minutes.
const SLOWEST_PER_S: f64 = 0.5;
/// Slow stretches with failures before it is trouble.
const SLOW_TRIES: u32 = 4;
/// Fast stretches that must end in failures after a like count of requests.
const FAST_ROUNDS: usize = 3;
const ALIKE: f64 = 1.6;
const ALIKE_COUNT: u32 = 3;
/// Where everything fails, it is asked again after this time and then ever
/// later, up to so many times: two minutes in all.
const FIRST_POLL_S: f64 = 0.25;
const POLLS_GROW: f64 = 1.6;
const POLLS: u32 = 12;
/// Doubts that were nothing before the next ones are taken for trouble at once.
const DOUBTS: u32 = 2;

/// What a 503 or a closed connection is taken for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doubt {
    /// That isn't known: the forms of the waits that came with them.
    Open(BTreeMap<WaitForm, u64>),
    /// A refusal.
    Limit,
    /// Trouble: the limit has plain words, or it was shown to be none.
    Trouble,
}

impl Default for Doubt {
    fn default() -> Self {
        Self::Open(BTreeMap::new())
    }
}

impl Doubt {
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// The answer as it is to be taken.
    pub(super) fn take(&mut self, answer: Answer, form: WaitForm) -> Answer {
        match (&mut *self, answer) {
            (Self::Limit, Answer::Doubtful { wait_s }) => Answer::Refused { wait_s },
            (Self::Open(forms), Answer::Doubtful { .. }) => {
                *forms.entry(form).or_default() += 1;
                answer
            }
            // Who refuses in plain words doesn't do it in others too.
            (Self::Open(_), Answer::Refused { .. }) => {
                *self = Self::Trouble;
                answer
            }
            _ => answer,
        }
    }

    /// Ends the doubt; the forms of the waits until then.
    pub(super) fn end(&mut self, as_what: Self) -> BTreeMap<WaitForm, u64> {
        match std::mem::replace(self, as_what) {
            Self::Open(forms) => forms,
            Self::Limit | Self::Trouble => BTreeMap::new(),
        }
    }
}

impl<T: Target> Protocol<T> {
    /// Finds out whether what failed with so many at once was a limit's doing.
    ///
    /// # Errors
    /// [`Stop::Distress`] where requests fail however slowly they come.
    pub(super) async fn settle_doubt(&mut self, in_flight: u32) -> Result<bool, Stop> {
        self.bench
            .begin("slowly and fast in turn: is the tenant in trouble, or is that its limit?");
        let mut ended_after: Vec<u32> = Vec::new();
        let mut slow_per_s = (self.ramp.fastest_per_s() * SLOWER).max(SLOWEST_PER_S);
        let mut tries = 0;
        // No quota is larger than all that was let in until it was used up.
        let records = self.bench.records.iter();
        let let_in_before = records.filter(|record| record.is_admitted()).count() as u64;
        while ended_after.len() < FAST_ROUNDS {
            self.until_it_answers().await?;
            let slow = Trial {
                shape: Shape::Evenly(slow_per_s),
                most: SLOW_REQUESTS,
                longest_s: 1e5,
            };
            if self.bench.run(&slow).await?.was_doubted {
                tries += 1;
                slow_per_s = (slow_per_s * SLOWER).max(SLOWEST_PER_S);
                ended_after.clear();
                if tries >= SLOW_TRIES {
                    return Err(self.in_trouble("however slowly they come"));
                }
                continue;
            }
            let furthest = ended_after.iter().copied().map(u64::from).max();
            let fast = Trial {
                // Clearly more than it bears: just above a limit's rate, small
                // changes of the latency move the end far.
                shape: Shape::AtOnce(
                    in_flight
                        .saturating_mul(2)
                        .min(self.bench.bounds().max_in_flight),
                ),
                // Further than this, and it ended before by chance.
                most: furthest.map_or(let_in_before + 20, |furthest| furthest * 2 + 50),
                longest_s: 60.0,
            };
            let bout = self.bench.run(&fast).await?;
            if bout.was_refused {
                return Ok(false);
            }
            ended_after.push(bout.admitted);
            if !bout.was_doubted || !are_alike(&ended_after) {
                return self.was_nothing();
            }
        }
        self.bench.take_doubt_as_limit();
        Ok(true)
    }

    /// Whatever failed now and then had nothing to do with what was sent.
    fn was_nothing(&mut self) -> Result<bool, Stop> {
        self.doubts += 1;
        if self.doubts >= DOUBTS {
            self.bench.take_doubt_as_trouble();
        }
        Ok(false)
    }

    /// Single requests, as told or ever further apart, until one is let in.
    async fn until_it_answers(&mut self) -> Result<(), Stop> {
        let mut wait_s = FIRST_POLL_S;
        for _ in 0..POLLS {
            let at_s = if self.bench.is_closed() {
                0.0
            } else {
                self.bench.now_s() + wait_s
            };
            self.bench.wait_until_s(at_s).await?;
            wait_s *= POLLS_GROW;
            let one = Trial {
                shape: Shape::AtOnce(1),
                most: 1,
                longest_s: 60.0,
            };
            if self.bench.run(&one).await?.admitted > 0 {
                return Ok(());
            }
        }
        Err(self.in_trouble("and nothing was let in any more"))
    }

    fn in_trouble(&self, how: &str) -> Stop {
        let records = &self.bench.records;
        let failed = records.iter().filter(|record| record.is_doubtful());
        let what = self.bench.doubtful.keys().last().cloned();
        Stop::Distress(format!(
            "{} requests failed, {how}, the last one with: {}",
            failed.count(),
            what.unwrap_or_default()
        ))
    }
}

/// Whether stretches ended after about as many requests.
fn are_alike(ended_after: &[u32]) -> bool {
    let least = ended_after.iter().copied().min().unwrap_or(0);
    let most = ended_after.iter().copied().max().unwrap_or(0);
    f64::from(most) <= ALIKE * f64::from(least) || most - least <= ALIKE_COUNT
}
