//! From the books of a probe to its verdict. Pure but for reading the books.

use crate::limit::{Confidence, WindowStart};

use super::fit::{Family, Fit, Span, is_round};
use super::judge::{ABOVE, simplest, sure_fit};
use super::nested::{View, is_met_behind};
use super::protocol::Protocol;
use super::record::{Record, WaitForm, latency_quantile};
use super::target::Target;
use super::verdict::{Figure, Honesty, Kind, Limit, RetryAfter, Verdict};

/// Half of a range, as a share of the figure: within 5 % in all, within 25 %.
const HIGH: f64 = 0.025;
const MEDIUM: f64 = 0.125;
/// Beyond this a figure is no finding.
const VAGUE: f64 = 0.07;
const VAGUE_BUT_ROUND: f64 = 0.1;
/// Cycles that have to agree.
const CYCLES_FOR_HIGH: usize = 3;
const CYCLES_FOR_MEDIUM: usize = 2;
/// A burst that doesn't make up for uneven arrivals, and how many times the
/// jitter of replies a token must take to come all the same.
const SMALL_BURST: f64 = 3.0;
const JITTER: f64 = 2.5;
/// The tokens that come while a request is on its way, of all that the bucket
/// holds: beyond that nobody knows what it held when the request came.
const SHARE_ON_THE_WAY: f64 = 0.15;
/// And how many times the jitter a window must last.
const WINDOW_JITTER: f64 = 8.0;
/// Requests that uneven arrivals may have added to a bucket's burst.
const UNCOUNTED: f64 = 3.0;
/// Misfit by which the other start of a window has to be worse.
const CLEAR_START: f64 = 0.02;
/// Misfit up to which a quota is the same each time.
const EVEN: f64 = 0.004;
/// Share of the told waits that may be a little off.
const WORDS_OFF: f64 = 0.3;

impl<T: Target> Protocol<T> {
    /// What was found out so far.
    pub(crate) fn verdict(&self) -> Verdict {
        let records = &self.bench.records;
        let throttled = records.iter().filter(|record| record.is_refused()).count();
        let seen = self.seen(self.tried.unwrap_or(records.len()));
        let (limit, also) = self.limits();
        let none_below_per_s = (throttled == 0)
            .then(|| limit.rate_per_s.map(|rate| rate.value))
            .flatten();
        Verdict {
            retry_after: self.words(&seen),
            limit,
            also,
            none_below_per_s,
            differences: self.differences,
            told: self.bench.hint,
            steps: self.ramp.steps.clone(),
            knee: self.ramp.knee,
            soaked_per_s: self.soaked_per_s,
            refused_with: self.refused_with(),
            requests: records.len() as u64,
            throttled: throttled as u64,
            elapsed_s: self.bench.now_s(),
        }
    }

    /// The limit that counts in the long run, and a shorter one in front of it.
    pub(super) fn limits(&self) -> (Limit, Option<Limit>) {
        let records = &self.bench.records[..self.tried.unwrap_or(self.bench.records.len())];
        match records.iter().any(Record::is_refused) {
            false => (self.no_limit(), None),
            true => {
                let seen = self.seen(records.len());
                let (limit, also) = limits_of(&seen, records);
                match self.is_told_alone(&limit, &seen)
                    || self.bore_more(&limit)
                    || (also.is_none() && self.is_met_behind())
                {
                    true => (not_sure(&seen.fits), None),
                    false => (limit, also),
                }
            }
        }
    }

    /// Whether the controller met a longer limit, too late to find out which.
    fn is_met_behind(&self) -> bool {
        let front = self.front.as_ref();
        front.is_some_and(|front| is_met_behind(&self.bench.records, front))
    }

    /// Whether nothing but the waits speaks of the window: that it opens after
    /// them doesn't say that it didn't before. A round length speaks for itself.
    fn is_told_alone(&self, limit: &Limit, seen: &View) -> bool {
        let (Some(rate), Some(length_s)) = (limit.rate_per_s, limit.window_s) else {
            return false;
        };
        // The clock's waits, too, speak for it only where they differ, and where
        // no short limit says when they are asked for.
        let is_clock = seen.behind.is_none()
            && simplest(&seen.fits).is_some_and(|fit| {
                fit.misfit.is_spoken && starts_of(&fit, &seen.fits) == Some(WindowStart::Clock)
            });
        limit.kind == Kind::FixedWindow
            && !is_clock
            && !self.bench.forms.keys().all(|form| *form == WaitForm::None)
            && self.refused_per_s > ABOVE * rate.value
            && length_s.value > 2.0
            && !is_round(length_s.value)
    }

    /// Whether an even rate was borne for longer than that bucket can have.
    fn bore_more(&self, limit: &Limit) -> bool {
        let (Kind::TokenBucket, Some(rate), Some(burst), None) =
            (limit.kind, limit.rate_per_s, limit.burst, limit.portion)
        else {
            return false;
        };
        self.borne.iter().any(|(per_s, requests)| {
            // What came in meanwhile is what the burst didn't give.
            let refilled = (requests - burst.value - UNCOUNTED).max(0.0);
            per_s * refilled / requests > rate.value * (1.0 + VAGUE)
        })
    }

    /// Nothing was refused: the limit, if there is one, lies above the best of
    /// the steps.
    fn no_limit(&self) -> Limit {
        let best = self.ramp.fastest_per_s();
        Limit {
            kind: if best > 0.0 && self.ramp.is_through {
                Kind::None
            } else {
                Kind::NotSure
            },
            rate_per_s: (best > 0.0).then_some(Figure {
                value: best,
                low: best,
                high: f64::MAX,
                // It was held for seconds: a quota of a minute or an hour that
                // is larger than what was sent wouldn't show.
                confidence: Confidence::Low,
            }),
            burst: None,
            window_s: None,
            window_starts: None,
            portion: None,
            concurrency_cap: None,
        }
    }

    /// The words of most refusals.
    fn refused_with(&self) -> Option<String> {
        let all = self.bench.refusals.iter();
        let most = all.max_by_key(|(_, count)| **count);
        most.map(|(what, _)| what.clone())
    }

    fn words(&self, seen: &View) -> RetryAfter {
        let forms = &self.bench.forms;
        let form = forms
            .iter()
            .max_by_key(|(form, count)| (**form != WaitForm::None, **count))
            .map_or(WaitForm::None, |(form, _)| *form);
        let longest_s = self.bench.records.iter().filter_map(Record::wait_s);
        let (kept, too_short) = (self.told_kept, self.told_too_short);
        let honest = if form == WaitForm::None {
            Honesty::NotTold
        } else if too_short > 0 && too_short * 5 >= kept {
            Honesty::TooShort
        } else {
            match sure_fit(&seen.fits) {
                None => Honesty::NotSure,
                // A place under a cap is free with the next reply, not by time.
                Some(fit) if fit.family == Family::Cap => Honesty::LongerThanNeeded,
                Some(fit) if fit.misfit.untrue > WORDS_OFF => Honesty::LongerThanNeeded,
                Some(_) if kept == 0 => Honesty::NotSure,
                Some(_) => Honesty::Honest,
            }
        };
        RetryAfter {
            form,
            honest,
            kept,
            too_short,
            longest_s: longest_s.fold(0.0, f64::max),
        }
    }
}

/// The limit that counts in the long run, and a shorter one in front of it.
fn limits_of(seen: &View, records: &[Record]) -> (Limit, Option<Limit>) {
    let front = limit_of(&seen.fits, seen.cycles, records);
    let behind = seen
        .behind
        .as_ref()
        .map(|fits| limit_of(fits, seen.cycles_behind, records));
    match behind {
        Some(behind) => (behind, Some(front)),
        None => (front, None),
    }
}

pub(super) fn limit_of(fits: &[Fit], cycles: usize, records: &[Record]) -> Limit {
    match sure_fit(fits) {
        Some(fit) if cycles >= needed(&fit) && !is_hidden_by_jitter(&fit, records) => {
            // A kind whose figures are guesses is a guess.
            match is_vague(&fit) {
                true => not_sure(fits),
                false => limit_of_fit(&fit, cycles, records, told_start_of(&fit, fits)),
            }
        }
        // One cycle is no rate: what is left of a burst looks like one.
        _ if cycles < CYCLES_FOR_MEDIUM => not_sure(&[]),
        _ => not_sure(fits),
    }
}

/// Whether requests arrive so unevenly that the limit's own doing can't be made
/// out: a bucket that holds little refuses well below its rate then, and the
/// ends of a short window are blurred.
fn is_hidden_by_jitter(fit: &Fit, records: &[Record]) -> bool {
    let quantile_s = |quantile| latency_quantile(records, quantile).unwrap_or(0.0);
    let jitter_s = quantile_s(0.99) - quantile_s(0.5);
    match (fit.family, fit.rate_per_s, fit.window_s) {
        (Family::Bucket, Some(rate), _) => {
            let on_the_way = rate.value * refusal_way_s(records);
            (fit.burst < SMALL_BURST && 1.0 / rate.value < JITTER * jitter_s)
                || on_the_way > SHARE_ON_THE_WAY * fit.burst
        }
        (_, _, Some(length_s)) => length_s.value < WINDOW_JITTER * jitter_s,
        _ => false,
    }
}

/// The kind isn't sure; a rate may be all the same, where all that explain it
/// more or less agree on one.
fn not_sure(fits: &[Fit]) -> Limit {
    let rates = fits
        .iter()
        .filter(|fit| fit.misfit.share < 0.2)
        .filter_map(|fit| fit.rate_per_s);
    let rates: Vec<Span> = rates.collect();
    let low = rates
        .iter()
        .map(|span| span.low)
        .fold(f64::INFINITY, f64::min);
    let high = rates.iter().map(|span| span.high).fold(0.0, f64::max);
    let best = simplest(fits).and_then(|fit| fit.rate_per_s);
    Limit {
        kind: Kind::NotSure,
        rate_per_s: best.filter(|_| high < 1.5 * low).map(|span| Figure {
            value: span.value,
            low,
            high,
            confidence: Confidence::Low,
        }),
        burst: None,
        window_s: None,
        window_starts: None,
        portion: None,
        concurrency_cap: None,
    }
}

/// Cycles without which a limit isn't one: as many as a bucket or a sliding
/// window has figures can be met by any of them.
fn needed(fit: &Fit) -> usize {
    match fit.family {
        Family::Bucket | Family::Sliding => CYCLES_FOR_HIGH,
        _ => CYCLES_FOR_MEDIUM,
    }
}

/// Whether rate or window may as well be quite different.
fn is_vague(fit: &Fit) -> bool {
    let is_usual = fit
        .window_s
        .is_some_and(|length_s| is_round(length_s.value));
    let borne = match is_usual {
        true => VAGUE_BUT_ROUND,
        false => VAGUE,
    };
    let figures = [fit.rate_per_s, fit.window_s];
    let mut spans = figures.into_iter().flatten();
    spans.any(|span| span.uncertainty() > borne)
}

/// What starts a window, where the other way to start it explains less.
fn starts_of(fit: &Fit, fits: &[Fit]) -> Option<WindowStart> {
    let (starts, other) = match fit.family {
        Family::FirstRequest => (WindowStart::FirstRequest, Family::Clock),
        Family::Clock => (WindowStart::Clock, Family::FirstRequest),
        _ => return None,
    };
    let other = fits.iter().find(|fit| fit.family == other);
    other
        .is_none_or(|other| other.misfit.total() - fit.misfit.total() >= CLEAR_START)
        .then_some(starts)
}

/// The same, as it may be told. Where others take a part of the quota, it is
/// their requests that begin a window as soon as the one before has ended, and
/// it looks like one of the clock: others show in quotas that aren't the same
/// each time.
fn told_start_of(fit: &Fit, fits: &[Fit]) -> Option<WindowStart> {
    let is_even = fit.misfit.share <= EVEN;
    starts_of(fit, fits).filter(|starts| is_even || *starts != WindowStart::Clock)
}

fn limit_of_fit(
    fit: &Fit,
    cycles: usize,
    records: &[Record],
    window_starts: Option<WindowStart>,
) -> Limit {
    let figure = |span: Span| Figure {
        value: span.value,
        low: span.low.min(span.value),
        high: span.high.max(span.value),
        confidence: confidence(span.uncertainty(), cycles),
    };
    let exact = |value: f64, off: f64| Figure {
        value,
        low: value * (1.0 - off),
        high: value * (1.0 + off),
        confidence: confidence(off, cycles),
    };
    let is_cap = fit.family == Family::Cap;
    // What is refused first was late on its way, and tokens came meanwhile.
    let late = match (fit.family, fit.rate_per_s) {
        (Family::Bucket, Some(rate)) => rate.value * refusal_way_s(records) / 2.0,
        _ => 0.0,
    };
    let off = (fit.misfit.share / 2.0).max((0.5 + late) / fit.burst.max(1.0));
    Limit {
        kind: match fit.family {
            Family::Cap => Kind::ConcurrencyCap,
            Family::Bucket | Family::Chunks => Kind::TokenBucket,
            Family::FirstRequest | Family::Clock => Kind::FixedWindow,
            Family::Sliding => Kind::SlidingWindow,
        },
        rate_per_s: match is_cap {
            true => rate_of_cap(fit.burst, records).map(|rate| exact(rate, 0.05)),
            false => fit.rate_per_s.map(figure),
        },
        burst: (!is_cap).then(|| {
            let value = match fit.family {
                Family::Bucket => (fit.burst - late).max(1.0).round(),
                _ => fit.burst,
            };
            exact(value, off)
        }),
        window_s: fit.window_s.map(figure),
        window_starts,
        portion: fit.portion,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of places"
        )]
        concurrency_cap: is_cap.then_some(fit.burst as u32),
    }
}

/// The usual time that a refused request is under way to the tenant.
fn refusal_way_s(records: &[Record]) -> f64 {
    let refused = records.iter().filter(|record| record.is_refused());
    let mut latencies_s: Vec<f64> = refused.map(Record::latency_s).collect();
    latencies_s.sort_by(f64::total_cmp);
    let middle_s = latencies_s.get(latencies_s.len() / 2).copied();
    middle_s.unwrap_or(0.0) / 2.0
}

/// Places by the time that a request holds one.
fn rate_of_cap(places: f64, records: &[Record]) -> Option<f64> {
    latency_quantile(records, 0.5)?;
    let admitted = || records.iter().filter(|record| record.is_admitted());
    let mean_s = admitted().map(Record::latency_s).sum::<f64>() / admitted().count() as f64;
    Some(places / mean_s.max(1e-6))
}

fn confidence(uncertainty: f64, cycles: usize) -> Confidence {
    if uncertainty <= HIGH && cycles >= CYCLES_FOR_HIGH {
        Confidence::High
    } else if uncertainty <= MEDIUM && cycles >= CYCLES_FOR_MEDIUM {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}
