//! A limit behind the limit: where a short one hides a longer one, refusals
//! that the short one has no reason for are the second one's, and so are the
//! long waits among the short ones.

use super::fit::{Family, Fit, fits};
use super::judge::sure_fit;
use super::record::{Answer, Record, cycles, latency_quantile};

/// What a limit must have had left, at least and of all that it can give, for a
/// refusal to be another one's.
const LEFT: f64 = 2.5;
const LEFT_SHARE: f64 = 0.3;
/// Misfit up to which one limit is enough, where the second one isn't clear.
const ONE_IS_ENOUGH: f64 = 0.02;
/// Two limits of one kind and about one rate are one that was misread.
const SAME_RATE: f64 = 0.1;

/// Waits this much longer than the usual one are another limit's.
const LONGER: f64 = 4.0;
/// The usual wait of a limit that can hide another one.
const SHORT_S: f64 = 3.0;

/// The records as one limit's, or as two.
pub(crate) struct View {
    /// What explains the refusals; of two limits those of the short one.
    pub(crate) fits: Vec<Fit>,
    /// What explains the long waits, where there are two limits.
    pub(crate) behind: Option<Vec<Fit>>,
    /// How often each of them was met.
    pub(crate) cycles: usize,
    pub(crate) cycles_behind: usize,
}

/// A short limit that was sure before a longer one was looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    pub(crate) fit: Fit,
    /// The records from this one on may be refusals of the longer one.
    pub(crate) from: usize,
}

/// Looks at the records: does one limit explain them, or do two?
pub(crate) fn view(records: &[Record], by_date: bool, front: Option<&Front>) -> View {
    let whole = fits(records, by_date);
    if let Some(front) = front
        && let Some(view) = two_by_front(records, by_date, front, &whole)
    {
        return view;
    }
    let as_one = |fits: Vec<Fit>| View {
        fits,
        behind: None,
        cycles: cycles(records).len(),
        cycles_behind: 0,
    };
    let Some(longest_usual_s) = longest_usual_wait_s(records) else {
        return as_one(whole);
    };
    // A sliding window, too, asks for a long wait first and for short ones then.
    if sure_fit(&whole).is_some_and(|fit| fit.family == Family::Sliding) {
        return as_one(whole);
    }
    let without = |is_left_out: &dyn Fn(f64) -> bool| -> Vec<Record> {
        let kept = records
            .iter()
            .filter(|record| !record.wait_s().is_some_and(is_left_out));
        kept.copied().collect()
    };
    let front = without(&|wait_s| wait_s > longest_usual_s);
    let behind = without(&|wait_s| wait_s <= longest_usual_s);
    let front_fits = fits(&front, by_date);
    if sure_fit(&front_fits).is_none() {
        return as_one(whole);
    }
    View {
        fits: front_fits,
        behind: Some(fits(&behind, by_date)),
        cycles: cycles(&front).len(),
        cycles_behind: cycles(&behind).len(),
    }
}

/// Whether a limit behind that one was met, whatever it is.
pub(crate) fn is_met_behind(records: &[Record], front: &Front) -> bool {
    // A window tells short waits and long ones, up to its own length.
    let own_s = front
        .fit
        .window_s
        .map_or(0.0, |length_s| 2.0 * length_s.high);
    let is_longer = |record: &Record| record.wait_s().is_some_and(|wait_s| wait_s > own_s);
    refused_behind(records, front).is_some()
        || (longest_usual_wait_s(records).is_some() && records.iter().any(is_longer))
}

/// Two limits, where some refusals aren't the front one's.
fn two_by_front(records: &[Record], by_date: bool, front: &Front, whole: &[Fit]) -> Option<View> {
    let is_behind = refused_behind(records, front)?;
    let without = |of_behind: bool| -> Vec<Record> {
        let all = records.iter().zip(&is_behind);
        all.filter(|(record, is_behind)| !record.is_refused() || **is_behind != of_behind)
            .map(|(record, _)| *record)
            .collect()
    };
    let (before, behind) = (without(true), without(false));
    let front_fits = fits(&before, by_date);
    let behind_fits = fits(&behind, by_date);
    let sure_front = sure_fit(&front_fits)?;
    let is_same = |one: &Fit, other: &Fit| {
        let rates = one.rate_per_s.zip(other.rate_per_s);
        one.family == other.family
            && rates.is_some_and(|(one, other)| (one.value / other.value - 1.0).abs() <= SAME_RATE)
    };
    let is_one = match sure_fit(&behind_fits) {
        Some(behind) => behind.family == Family::Chunks || is_same(&behind, &sure_front),
        None => sure_fit(whole).is_some_and(|whole| whole.misfit.share <= ONE_IS_ENOUGH),
    };
    (!is_one).then(|| View {
        cycles: cycles(&before).len(),
        cycles_behind: cycles(&behind).len(),
        fits: front_fits,
        behind: Some(behind_fits),
    })
}

/// Which refusals came although the limit had a good deal left; `None` where
/// there are none.
fn refused_behind(records: &[Record], front: &Front) -> Option<Vec<bool>> {
    let mut model = front.fit.at_least()?;
    // Requests that come closer together than they were sent take more at once.
    let quantile_s = |quantile| latency_quantile(records, quantile).unwrap_or(0.0);
    let uneven = front.fit.rate_per_s?.value * (quantile_s(0.99) - quantile_s(0.1));
    let much = LEFT.max(LEFT_SHARE * model.capacity()) + uneven;
    let much = much.min((0.9 * model.capacity()).max(1.0 + uneven));
    let mut found = vec![false; records.len()];
    // Refusals with nothing let in between have one reason.
    let mut streak_from = 0;
    for (index, record) in records.iter().enumerate() {
        match record.answer {
            Answer::Failed | Answer::Doubtful { .. } => {}
            Answer::Admitted => {
                // It rolls to the time of the request before it takes.
                let _ = model.room(record.sent_s);
                model.take(record.sent_s);
                streak_from = index + 1;
            }
            Answer::Refused { .. } => {
                let left = model.room(record.sent_s) - overtakers(&records[index..]);
                if index >= front.from && left >= much {
                    for (record, is_behind) in records
                        .iter()
                        .zip(&mut found)
                        .take(index + 1)
                        .skip(streak_from)
                    {
                        *is_behind = record.is_refused();
                    }
                } else {
                    model.empty(record.sent_s);
                }
            }
        }
    }
    found.contains(&true).then_some(found)
}

/// Requests let in that left soon after the first of these, and may have come
/// before it.
fn overtakers(records: &[Record]) -> f64 {
    let Some((refused, later)) = records.split_first() else {
        return 0.0;
    };
    let soon = later
        .iter()
        .take_while(|later| later.sent_s <= refused.overtaken_until_s());
    soon.filter(|later| later.is_admitted()).count() as f64
}

/// The longest wait that is still a usual one, where some are much longer.
fn longest_usual_wait_s(records: &[Record]) -> Option<f64> {
    let mut waits_s: Vec<f64> = cycles(records)
        .iter()
        .filter_map(|cycle| cycle.told_s)
        .collect();
    waits_s.sort_by(f64::total_cmp);
    let usual_s = *waits_s.get(waits_s.len() / 2)?;
    let longest_s = *waits_s.last()?;
    let is_other = usual_s <= SHORT_S && longest_s > (LONGER * usual_s).max(SHORT_S);
    (is_other && waits_s.len() >= 3).then_some((LONGER * usual_s).max(SHORT_S))
}
