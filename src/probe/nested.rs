//! A limit behind the limit: where a short one hides a longer one, the long
//! waits among the short ones are the second one's words.

use super::fit::{Family, Fit, fits};
use super::judge::sure_fit;
use super::record::{Record, cycles};

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

/// Looks at the records: does one limit explain them, or do two?
pub(crate) fn view(records: &[Record], by_date: bool) -> View {
    let whole = fits(records, by_date);
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
