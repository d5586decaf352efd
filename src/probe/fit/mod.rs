//! From records to the limit that explains them best. Pure.
//!
//! Each family of limits has one figure that is searched for (a bucket's rate,
//! a window's length) and others that follow from it. The search starts at
//! values that the cycles suggest, walks down to the least misfit, and then
//! measures how far the figure can be moved before the misfit grows: that is
//! its uncertainty.

mod bucket;
mod hints;
mod search;
mod sharpen;
mod windows;

pub(crate) use search::{Span, is_round};

use super::model::{Bucket, Misfit, Model, Sliding, fit_cap};
use super::record::{Cycle, Record, cycles, latency_quantile};

/// A kind of limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Cap,
    Bucket,
    FirstRequest,
    Clock,
    Sliding,
    Chunks,
}

/// A limit that explains the records, and how well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    pub(crate) family: Family,
    /// Share of the requests that it contradicts.
    pub(crate) misfit: Misfit,
    /// Requests a second in the long run; for a cap none follows from it.
    pub(crate) rate_per_s: Option<Span>,
    /// Requests at once: a bucket's, a window's quota, or the places of a cap.
    pub(crate) burst: f64,
    /// The window's length, or the time between two portions.
    pub(crate) window_s: Option<Span>,
    /// Requests of a portion.
    pub(crate) portion: Option<f64>,
}

impl Fit {
    /// A model that has no more left than the limit itself, whenever its windows
    /// began: what it would let in, the limit lets in for sure.
    pub(crate) fn at_least(&self) -> Option<Box<dyn Model>> {
        match (self.family, self.window_s) {
            (Family::Bucket, _) => Some(Box::new(Bucket::new(self.rate_per_s?.value, self.burst))),
            (Family::FirstRequest | Family::Clock | Family::Sliding, Some(length_s)) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count of requests"
                )]
                let quota = self.burst as usize;
                Some(Box::new(Sliding::new(quota, length_s.high, false)))
            }
            _ => None,
        }
    }
}

/// Records with what every search needs of them.
pub(crate) struct Evidence<'probe> {
    pub(crate) records: &'probe [Record],
    pub(crate) cycles: Vec<Cycle>,
    pub(crate) by_date: bool,
}

impl<'probe> Evidence<'probe> {
    pub(crate) fn new(records: &'probe [Record], by_date: bool) -> Self {
        Self {
            records,
            cycles: cycles(records),
            by_date,
        }
    }
}

/// What each family makes of the records, the best first.
///
/// A window not longer than a round trip or two looks like a cap, and is left
/// out: its requests would be at once whatever started it.
pub(crate) fn fits(records: &[Record], by_date: bool) -> Vec<Fit> {
    let evidence = Evidence::new(records, by_date);
    if evidence.cycles.is_empty() {
        return Vec::new();
    }
    let cap = fit_cap(records).map(|cap| Fit {
        family: Family::Cap,
        misfit: Misfit {
            share: cap.share.min(1.0),
            words: 0.0,
            untrue: 0.0,
            is_spoken: false,
        },
        rate_per_s: None,
        burst: f64::from(cap.places),
        window_s: None,
        portion: None,
    });
    let mut fits: Vec<Fit> = cap
        .into_iter()
        .chain(bucket::fit(&evidence))
        .chain(windows::fit_first_request(&evidence))
        .chain(windows::fit_clock(&evidence))
        .chain(windows::fit_sliding(&evidence))
        .chain(windows::fit_chunks(&evidence))
        .collect();
    let round_trip_s = latency_quantile(records, 0.5).unwrap_or(0.0);
    fits.retain(|fit| {
        fit.window_s
            .is_none_or(|length_s| length_s.value > 2.0 * round_trip_s)
    });
    fits.sort_by(|one, other| one.misfit.total().total_cmp(&other.misfit.total()));
    fits
}
