//! What the fits mean: which limit it is, how sure that is, and what to try
//! next to be surer. Pure.

use super::fit::{Family, Fit};
use super::record::Cycle;

/// Misfit up to which a limit explains what happened.
pub(crate) const FITS_WELL: f64 = 0.05;
/// The same of a window whose every wait is told as it should be: what others
/// take of it makes its quota look uneven.
const FITS_AS_TOLD: f64 = 0.12;
/// What words may say against a limit: a tenant that pads its waits, or always
/// tells the same, does so each time.
const WORDS_AGAINST: f64 = 0.4;
/// Misfit by which another limit has to be worse for the first to be sure, and
/// more where the first isn't perfect.
const CLEAR: f64 = 0.02;
/// The same while there is still something to try: the trials go on until the
/// difference is plain.
const PLAIN: f64 = 0.05;
const TIMES_WORSE: f64 = 1.5;
/// An even rate that was refused up to here above a window's own shows that the
/// window didn't end before its told wait.
pub(crate) const ABOVE: f64 = 1.1;
/// An even rate that was refused bounds a bucket's rate up to here.
const BOUNDED: f64 = 1.5;
/// Uncertainty of a figure that is still worth another trial.
const SHARP: f64 = 0.02;

/// What is known, for the choice of the next trial.
pub(crate) struct Open<'probe> {
    pub(crate) fits: &'probe [Fit],
    pub(crate) cycles: &'probe [Cycle],
    /// The highest even rate that was borne, and the lowest that wasn't.
    pub(crate) borne_per_s: f64,
    pub(crate) refused_per_s: f64,
    pub(crate) requests_left: u64,
    pub(crate) time_left_s: f64,
}

/// The next trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// As many as at the climb's end, at once after the wait.
    Again,
    /// The same after such a rest: is more there than after a short one?
    AfterRest { rest_s: f64 },
    /// Most of a quota late in a window, and a whole one early in the next.
    Edge { quota: u32, length_s: f64 },
    /// An even rate, until something is refused.
    Evenly {
        rate_per_s: f64,
        most: u64,
        /// So long after the last refusal, at least.
        rest_s: f64,
    },
}

/// Families that are one kind for the user.
fn kind_of(family: Family) -> u8 {
    match family {
        Family::Cap => 0,
        Family::Bucket | Family::Chunks => 1,
        Family::FirstRequest | Family::Clock => 2,
        Family::Sliding => 3,
    }
}

/// The limit that explains it and that no limit of another kind explains
/// nearly as well; a simpler one goes before one with more figures.
pub(crate) fn sure_fit(fits: &[Fit]) -> Option<Fit> {
    clearer_than_rivals(fits, CLEAR)
}

/// The same where the difference is plain: nothing more has to be tried.
pub(crate) fn plain_fit(fits: &[Fit]) -> Option<Fit> {
    clearer_than_rivals(fits, PLAIN)
}

fn clearer_than_rivals(fits: &[Fit], by: f64) -> Option<Fit> {
    let best = simplest(fits)?;
    let is_window = matches!(best.family, Family::FirstRequest | Family::Clock);
    let borne = match best.misfit.is_spoken && is_window {
        true => FITS_AS_TOLD,
        false => FITS_WELL,
    };
    if best.misfit.share > borne || best.misfit.words > WORDS_AGAINST {
        return None;
    }
    let rival = rival(fits).map_or(1.0, |rival| rival.misfit.total());
    let clear = by.max(TIMES_WORSE * best.misfit.share);
    (rival - best.misfit.total() >= clear).then_some(best)
}

/// The best fit, or a simpler one that is about as good.
pub(crate) fn simplest(fits: &[Fit]) -> Option<Fit> {
    let best = fits.first()?;
    let nearly = fits
        .iter()
        .filter(|fit| fit.misfit.total() <= best.misfit.total() + 0.01);
    nearly.min_by_key(|fit| fit.family).copied()
}

/// What would tell most; `None` where all is clear, or too dear.
pub(crate) fn next_trial(open: &Open<'_>) -> Option<Next> {
    let best = simplest(open.fits)?;
    let is_sure = plain_fit(open.fits).is_some();
    match best.family {
        Family::Cap => None,
        Family::Bucket => even_for_bucket(open, &best, is_sure),
        Family::FirstRequest | Family::Clock | Family::Sliding | Family::Chunks => {
            for_window(open, &best, is_sure)
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests within the budget"
)]
fn even(open: &Open<'_>, rate_per_s: f64, most: f64) -> Option<Next> {
    let affordable = (open.requests_left as f64 * 0.6).min(open.time_left_s * 0.5 * rate_per_s);
    let most = most.min(affordable);
    (most >= 8.0).then_some(Next::Evenly {
        rate_per_s,
        most: most as u64,
        rest_s: 0.0,
    })
}

/// From a full bucket `burst * rate / (rate - refill)` requests get through:
/// the closer the rate to the refill the sharper, and the dearer.
fn even_for_bucket(open: &Open<'_>, best: &Fit, is_sure: bool) -> Option<Next> {
    let rate = best.rate_per_s?;
    // Floods and what came unevenly may fit a rate that is too low by far: an
    // even rate, a little above, has to be refused.
    let is_bounded = open.refused_per_s <= BOUNDED * rate.value;
    if is_sure && is_bounded && rate.uncertainty() <= SHARP && open.cycles.len() >= 5 {
        return None;
    }
    let budget = open.requests_left as f64 * 0.3;
    // Long enough that a few requests that overtake others don't count.
    let long = (LONG_S * rate.value).clamp(30.0, LONG);
    let wanted = (best.burst * 3.0).max(long).min(budget);
    // burst * p / (p - r) = wanted, for p; a little above the rate at least.
    let dear = rate.value * wanted / (wanted - best.burst).max(wanted * 0.1);
    let pace_per_s = match is_sure {
        true => dear.clamp(rate.value * 1.04, rate.value * 4.0),
        false => between(open, rate.value),
    };
    // An empty bucket refuses whatever comes faster than it fills.
    let full_after_s = (best.burst / rate.value).min(LONGEST_REST_S);
    even(open, pace_per_s, (wanted * 1.5).max(60.0)).map(|next| match next {
        Next::Evenly {
            rate_per_s, most, ..
        } => Next::Evenly {
            rate_per_s,
            most,
            rest_s: full_after_s,
        },
        other => other,
    })
}

impl Open<'_> {
    /// The highest even rate near that one that was borne, and the lowest that
    /// wasn't.
    fn around(&self, rate_per_s: f64) -> (f64, f64) {
        let low = self.borne_per_s.clamp(rate_per_s * 0.9, rate_per_s * 1.2);
        (low, self.refused_per_s.min(rate_per_s * 1.25))
    }
}

/// A rate between the highest borne and the lowest refused.
fn between(open: &Open<'_>, rate_per_s: f64) -> f64 {
    let low = open.borne_per_s.max(rate_per_s * 0.5);
    let high = open.refused_per_s.min(rate_per_s * 4.0).max(low * 1.1);
    (low * high).sqrt().min(low * 2.0)
}

fn for_window(open: &Open<'_>, best: &Fit, is_sure: bool) -> Option<Next> {
    let length_s = best.window_s?;
    let quota = best.burst;
    let told = open.cycles.iter().any(|cycle| cycle.told_s.is_some());
    let is_affordable =
        quota * 1.15 + 40.0 <= open.requests_left as f64 && length_s.high * 1.6 <= open.time_left_s;
    if !is_affordable {
        return None;
    }
    let is_sharp = length_s.uncertainty() <= SHARP;
    let seen = open.cycles.len();
    let rate = quota / length_s.value;
    // That it opens after the told wait doesn't say that it didn't before.
    let is_told_alone = told
        && best.family == Family::FirstRequest
        && open.refused_per_s > ABOVE * rate
        && length_s.value > 2.0;
    if is_sure && is_sharp && seen >= 4 && !is_told_alone {
        return None;
    }
    let rival = rival(open.fits);
    let is_like_sliding = best.family == Family::FirstRequest
        && rival.is_some_and(|rival| rival.family == Family::Sliding);
    if !is_sure && is_like_sliding && seen < 9 && quota * 2.2 <= open.requests_left as f64 {
        return Some(edge(quota, length_s.value));
    }
    let is_like_portions = rival.is_some_and(|rival| rival.family == Family::Chunks);
    if !is_sure && is_like_portions && PERIODS * length_s.high < open.time_left_s * 0.5 {
        return Some(Next::AfterRest {
            rest_s: PERIODS * length_s.high,
        });
    }
    if length_s.value <= 2.0 && !is_sharp {
        // Short enough to see several windows pass: is this rate borne?
        let (low, high) = open.around(rate);
        return (high > 1.03 * low)
            .then(|| even(open, (low * high).sqrt(), quota * 4.0))
            .flatten()
            .or_else(|| (seen < 6).then_some(Next::Again));
    }
    if is_told_alone && seen < 9 {
        let above = rate.max(open.borne_per_s);
        return even(open, 1.06 * above, quota * 1.2);
    }
    if told && !is_sharp && seen < 8 {
        // Used up at such a time that the told wait, rounded up, falls on one
        // side or the other of what is still possible.
        let used_up_s = (length_s.value.fract() + (SLOW * length_s.value).floor())
            .clamp(0.1 * length_s.value, 0.8 * length_s.value);
        return even(open, quota / used_up_s, quota * 1.3);
    }
    if seen < 6 {
        return Some(Next::Again);
    }
    let is_open = !is_sure && seen < 9;
    is_open.then(|| even(open, between(open, quota / length_s.value), quota * 4.0))?
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests within the budget"
)]
fn edge(quota: f64, length_s: f64) -> Next {
    Next::Edge {
        quota: quota as u32,
        length_s,
    }
}

/// The next best limit of another kind.
fn rival(fits: &[Fit]) -> Option<&Fit> {
    let best = simplest(fits)?;
    fits.iter()
        .find(|fit| kind_of(fit.family) != kind_of(best.family))
}

/// An even bout at a bucket lasts so many requests, or so long at its rate.
const LONG: f64 = 200.0;
const LONG_S: f64 = 20.0;
/// A bucket is given so long to fill before it is measured.
const LONGEST_REST_S: f64 = 20.0;
/// Portions that a rest saves up, where they can be saved.
const PERIODS: f64 = 2.3;
/// Where in the window a slow bout is to use it up.
const SLOW: f64 = 0.5;
