//! The order of the trials: each says something that those before left open.
//!
//! ```text
//! climb ─► none refused ─► "none below N/s"
//!   └─► once more, at once after the wait
//!         └─► looks like a cap? ─► just below it for a while; two salvos
//!               └─► later than told, and slowly   (bank? window or bucket?)
//!                     └─► at once after the wait  (all there again, or only what has expired?)
//!                           └─► refine what is still open ─► soak ─► compare with others
//! ```

use std::cell::RefCell;
use std::rc::Rc;

use super::bench::Bench;
use super::bounds::Stop;
use super::compare::Differences;
use super::fit::{Family, Fit};
use super::judge::{self, FITS_WELL};
use super::nested::{Front, View, view};
use super::ramp::{Climb, Ramp};
use super::record::{Cycle, WaitForm, cycles};
use super::target::Target;
use super::trial::{Bout, Shape, Trial};

/// Requests in a row that may find the tenant still closed although it named
/// the wait, before the probe asks less often than it may.
const POLLS_AS_TOLD: u32 = 12;
/// Where the tenant names no wait: the first one, and how it grows.
const FIRST_POLL_S: f64 = 0.1;
const POLLS_GROW: f64 = 1.25;
/// A known reopening is looked for in so many steps.
const SCAN_STEPS: f64 = 12.0;
/// The slow bout is to use the quota up within this share of the cycle.
const SLOW_SHARE: f64 = 0.6;
/// So much of a cycle later than told the slow bout begins.
const LATE_SHARE: f64 = 0.3;
/// Refinements at most.
const REFINEMENTS: u32 = 8;

/// A probe under way.
pub(crate) struct Protocol<T> {
    pub(crate) bench: Bench<T>,
    pub(crate) ramp: Ramp,
    /// Polls that were sent as told, and found the tenant still closed.
    pub(crate) told_too_short: u32,
    /// Polls that were sent as told and were let in.
    pub(crate) told_kept: u32,
    /// Even rates that were borne, and those that were not.
    pub(super) borne_per_s: f64,
    /// All even rates that were borne, and for how many requests.
    pub(super) borne: Vec<(f64, f64)>,
    pub(super) refused_per_s: f64,
    /// Requests a second that the loader's own controller got through.
    pub(crate) soaked_per_s: Option<f64>,
    /// Records of the trials; what the controller sent after them was sent to
    /// be let in, so it fits most limits and tells none apart.
    pub(crate) tried: Option<usize>,
    /// Failures that looked like a limit's refusals, and were not.
    pub(super) doubts: u32,
    /// What was found about another token and another read.
    pub(super) differences: Differences,
    /// The short limit that a longer one is looked for behind.
    pub(super) front: Option<Front>,
    last_seen: RefCell<Option<(usize, Rc<View>)>>,
}

impl<T: Target> Protocol<T> {
    pub(crate) fn new(bench: Bench<T>) -> Self {
        Self {
            bench,
            ramp: Ramp::default(),
            told_too_short: 0,
            told_kept: 0,
            borne_per_s: 0.0,
            borne: Vec::new(),
            refused_per_s: f64::INFINITY,
            soaked_per_s: None,
            tried: None,
            doubts: 0,
            differences: Differences::default(),
            front: None,
            last_seen: RefCell::default(),
        }
    }

    /// Runs all trials; what was found stands in the books, also after a stop.
    ///
    /// # Errors
    /// [`Stop`] where it ends early.
    pub(crate) async fn run(&mut self) -> Result<(), Stop> {
        self.find().await?;
        self.compare().await
    }

    /// Finds the limit.
    async fn find(&mut self) -> Result<(), Stop> {
        let Some(in_flight) = self.climb().await? else {
            return Ok(());
        };
        self.bench.begin("again, as soon as it opens");
        self.reopen().await?;
        self.flood(in_flight).await?;
        if self.may_be_cap() && self.is_cap(in_flight).await? {
            return Ok(());
        }
        self.slow_and_late().await?;
        self.bench.begin("again, as soon as it opens");
        self.reopen().await?;
        self.flood(in_flight).await?;
        for _ in 0..REFINEMENTS {
            if !self.refine(in_flight).await? {
                break;
            }
        }
        self.soak().await
    }

    /// How many at once met a limit.
    async fn climb(&mut self) -> Result<Option<u32>, Stop> {
        loop {
            match self.ramp.climb(&mut self.bench).await? {
                Climb::Through => return Ok(None),
                Climb::Refused(in_flight) => return Ok(Some(in_flight)),
                Climb::Doubted(in_flight) => {
                    if self.settle_doubt(in_flight).await? {
                        return Ok(Some(in_flight));
                    }
                }
            }
        }
    }

    /// What the first so many records show. Asked for again and again between
    /// two trials, so what was worked out last is kept.
    pub(super) fn seen(&self, records: usize) -> Rc<View> {
        if let Some((known, view)) = &*self.last_seen.borrow()
            && *known == records
        {
            return Rc::clone(view);
        }
        let view = Rc::new(view(
            &self.bench.records[..records],
            self.is_by_date(),
            self.front.as_ref(),
        ));
        *self.last_seen.borrow_mut() = Some((records, Rc::clone(&view)));
        view
    }

    /// What all records show.
    pub(super) fn seen_by_now(&self) -> Rc<View> {
        self.seen(self.bench.records.len())
    }

    pub(crate) fn is_by_date(&self) -> bool {
        self.bench.forms.contains_key(&WaitForm::HttpDate)
    }

    pub(super) fn last_cycle(&self) -> Option<Cycle> {
        cycles(&self.bench.records).last().copied()
    }

    /// So many at once, until something is refused.
    pub(super) async fn flood(&mut self, in_flight: u32) -> Result<Bout, Stop> {
        let trial = Trial {
            shape: Shape::AtOnce(in_flight),
            most: self.bench.requests_left().max(1),
            longest_s: 60.0,
        };
        self.bench.run(&trial).await
    }

    /// An even rate, until something is refused or `most` have been sent.
    pub(super) async fn evenly(&mut self, rate_per_s: f64, most: u64) -> Result<Bout, Stop> {
        let trial = Trial {
            shape: Shape::Evenly(rate_per_s),
            most: most.max(1),
            longest_s: 1e5,
        };
        let bout = self.bench.run(&trial).await?;
        if bout.was_refused {
            self.refused_per_s = self.refused_per_s.min(rate_per_s);
        } else if !bout.was_cut {
            self.borne_per_s = self.borne_per_s.max(rate_per_s);
            self.borne.push((rate_per_s, f64::from(bout.admitted)));
        }
        Ok(bout)
    }

    /// Single requests until one is let in: as told, else ever further apart,
    /// or closely around the time that earlier cycles make likely.
    pub(super) async fn reopen(&mut self) -> Result<(), Stop> {
        let scan = self.expected_reopening();
        let mut wait_s = FIRST_POLL_S;
        let mut polls = 0_u32;
        loop {
            let was_told = self.bench.is_closed();
            let now_s = self.bench.now_s();
            match scan.filter(|_| !was_told) {
                Some((from_s, _)) if now_s < from_s => self.bench.wait_until_s(from_s).await?,
                Some((_, step_s)) => {
                    // Missed by far: no longer so closely.
                    let step_s = step_s * (f64::from(polls) / SCAN_STEPS / 2.0).exp2().max(1.0);
                    self.bench.wait_until_s(now_s + step_s).await?;
                }
                None if was_told && polls > POLLS_AS_TOLD => {
                    let patience_s = (self.bench.gate_s() - now_s).max(0.0);
                    wait_s = (wait_s * POLLS_GROW).max(patience_s);
                    self.bench.wait_until_s(now_s + wait_s).await?;
                }
                None if was_told => self.bench.wait_until_s(0.0).await?,
                None => {
                    self.bench.wait_until_s(now_s + wait_s).await?;
                    wait_s *= POLLS_GROW;
                }
            }
            let trial = Trial {
                shape: Shape::AtOnce(1),
                most: 1,
                longest_s: 60.0,
            };
            let bout = self.bench.run(&trial).await?;
            polls += 1;
            if was_told {
                match bout.was_refused {
                    true => self.told_too_short += 1,
                    false => self.told_kept += 1,
                }
            }
            if !bout.was_refused {
                return Ok(());
            }
        }
    }

    /// Where the tenant names no wait, or one that was too short: when the
    /// next reopening is likely, and steps to look for it.
    fn expected_reopening(&self) -> Option<(f64, f64)> {
        let found = cycles(&self.bench.records);
        let says_nothing = found.last()?.told_s.is_none() || self.told_too_short > 2;
        // Before a reopening was seen, nothing makes a time likely.
        if !says_nothing || found.len() < 2 {
            return None;
        }
        let seen = self.seen_by_now();
        let best = seen
            .fits
            .iter()
            .find(|fit| fit.window_s.is_some() && fit.misfit.share < FITS_WELL)?;
        let length_s = best.window_s?;
        let opened_s = found.last()?.opened_s;
        let low_s = length_s.low.min(length_s.value * 0.97);
        let step_s = ((length_s.high - low_s) / SCAN_STEPS).max(0.01 * length_s.value);
        Some((opened_s + low_s, step_s.max(0.02)))
    }

    /// A bout that begins later than told and goes slowly. A window gives its
    /// quota all the same, a bucket more. Whether the window began with it or
    /// with the clock shows in when it ends.
    async fn slow_and_late(&mut self) -> Result<(), Stop> {
        let found = cycles(&self.bench.records);
        let (Some(first), Some(last)) = (found.first(), found.last()) else {
            return Ok(());
        };
        // A wait longer than the climb means that the climb was one window's.
        let was_one = first
            .told_s
            .or_else(|| found.get(1)?.closed_for_s())
            .is_some_and(|wait_s| wait_s > first.open_for_s());
        let quota = match was_one {
            true => first.admitted.max(last.admitted),
            false => last.admitted,
        };
        let wait_of = |cycle: &Cycle| cycle.told_s.or(cycle.closed_for_s()).unwrap_or(1.0);
        let cycle_s = match was_one {
            true => first.open_for_s() + wait_of(first).max(wait_of(last)),
            false => last.open_for_s() + wait_of(last),
        };
        self.bench.begin("later than it opens, and slowly");
        let late_s = LATE_SHARE * cycle_s;
        let wait_s = if last.told_s.is_some() {
            0.0
        } else {
            wait_of(last) * POLLS_GROW
        };
        let from_s = self.bench.gate_s().max(self.bench.now_s() + wait_s) + late_s;
        self.bench.wait_until_s(from_s).await?;
        self.reopen().await?;
        let quota = f64::from(quota.max(4));
        let enough = (quota * 1.6).min(quota + 400.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of requests"
        )]
        self.evenly(quota / (SLOW_SHARE * cycle_s.max(0.05)), enough as u64)
            .await?;
        Ok(())
    }

    /// One more trial about what is still open; false where nothing is, or
    /// nothing affordable would tell.
    async fn refine(&mut self, in_flight: u32) -> Result<bool, Stop> {
        let seen = self.seen_by_now();
        let Some(next) = judge::next_trial(&judge::Open {
            fits: &seen.fits,
            cycles: &cycles(&self.bench.records),
            borne_per_s: self.borne_per_s,
            refused_per_s: self.refused_per_s,
            requests_left: self.bench.requests_left(),
            time_left_s: self.bench.time_left_s(),
        }) else {
            return Ok(false);
        };
        match next {
            judge::Next::Again => {
                self.bench.begin("once more, to be sure");
                self.reopen().await?;
                self.flood(in_flight).await?;
            }
            judge::Next::Evenly {
                rate_per_s,
                most,
                rest_s,
            } => {
                self.bench.begin("at an even rate, to measure it");
                let emptied_s = self.last_cycle().map_or(0.0, |cycle| cycle.refused_s);
                self.bench.wait_until_s(emptied_s + rest_s).await?;
                self.reopen().await?;
                self.evenly(rate_per_s, most).await?;
            }
            judge::Next::AfterRest { rest_s } => {
                self.bench.begin("after a rest: is more there than usual?");
                let now_s = self.bench.now_s();
                self.bench.wait_until_s(now_s + rest_s).await?;
                self.flood(in_flight).await?;
            }
            judge::Next::Edge { quota, length_s } => {
                self.bench.begin("across a window's edge");
                self.reopen().await?;
                // The request that found it open began the window.
                let most = quota.saturating_sub(2);
                let trial = Trial {
                    shape: Shape::Salvos([
                        (0, 0.0),
                        (most, 0.6 * length_s),
                        (quota, 1.06 * length_s),
                    ]),
                    most: u64::from(most + quota),
                    longest_s: 4.0 * length_s,
                };
                self.bench.run(&trial).await?;
            }
        }
        Ok(true)
    }

    /// The best fit that is one of windows or buckets.
    pub(super) fn best_quota(&self) -> Option<Fit> {
        let seen = self.seen_by_now();
        seen.fits
            .iter()
            .find(|fit| fit.family != Family::Cap)
            .copied()
    }
}
