//! Whether a cap on requests at once explains it all, and not a quota.

use super::bounds::Stop;
use super::fit::Family;
use super::judge::{FITS_WELL, plain_fit};
use super::model::fit_cap;
use super::protocol::Protocol;
use super::record::cycles;
use super::target::Target;
use super::trial::{Shape, Trial};

/// Tries to hold just below the cap, as it is known by then.
const HOLDS: u32 = 3;

/// As many at once as a cap lets in for sure.
fn just_below(places: u32) -> u32 {
    (places * 9).div_ceil(10)
}

impl<T: Target> Protocol<T> {
    /// Whether what was refused so far may be a cap's.
    pub(super) fn may_be_cap(&self) -> bool {
        fit_cap(&self.bench.records).is_some_and(|cap| cap.share < FITS_WELL * 2.0)
    }

    /// Whether a cap explains it all: holds just below it, where a quota would
    /// soon be used up, and sends salvos within one round trip.
    pub(super) async fn is_cap(&mut self, in_flight: u32) -> Result<bool, Stop> {
        self.bench
            .begin("just below what may be a cap, for a while");
        for _ in 0..HOLDS {
            let Some(cap) = fit_cap(&self.bench.records) else {
                return Ok(false);
            };
            let held = just_below(cap.places);
            self.reopen().await?;
            // A bucket that let so many through at first would be empty by then.
            let seen = cycles(&self.bench.records);
            let longest = seen.iter().map(|cycle| u64::from(cycle.admitted)).max();
            let most = (10 * u64::from(cap.places))
                .max(150)
                .max(longest.unwrap_or(0) * 4 / 3);
            let trial = Trial {
                shape: Shape::AtOnce(held),
                most: most.min(self.bench.requests_left() / 2),
                longest_s: 20.0,
            };
            if self.bench.run(&trial).await?.was_refused {
                continue;
            }
            let latency_s = self
                .ramp
                .steps
                .first()
                .map_or(0.05, |step| step.p50_ms / 1e3);
            for _ in 0..2 {
                let salvos = Trial {
                    shape: Shape::Salvos([
                        (cap.places, 0.0),
                        (cap.places, latency_s / 3.0),
                        (0, 0.0),
                    ]),
                    most: 2 * u64::from(cap.places),
                    longest_s: 20.0,
                };
                self.reopen().await?;
                self.bench.run(&salvos).await?;
            }
            self.reopen().await?;
            self.flood(in_flight).await?;
            // A cap that turns out larger wasn't held, and a bucket may bear less.
            if fit_cap(&self.bench.records).is_some_and(|cap| just_below(cap.places) > held) {
                continue;
            }
            let is_cap =
                plain_fit(&self.seen_by_now().fits).is_some_and(|fit| fit.family == Family::Cap);
            return Ok(is_cap && self.may_be_cap());
        }
        Ok(false)
    }
}
