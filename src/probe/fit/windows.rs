//! The windows, the sliding window and the portions that explain the records
//! best.

use std::collections::VecDeque;

use crate::probe::model::{Anchor, Chunks, Misfit, Sliding, Window, misfit};
use crate::probe::record::{Cycle, Record};

use super::search::{Span, median, rounded, search};
use super::{Evidence, Family, Fit};

/// Smaller portions are a bucket that refills all the time.
const LEAST_PORTION: f64 = 3.0;

/// Beginnings of windows that are tried, and those that are looked at closely.
const PHASES: f64 = 20.0;
const EDGES_KEPT: usize = 2;

pub(super) fn fit_first_request(evidence: &Evidence<'_>) -> Option<Fit> {
    let judge = |length_s: f64| first_request(evidence, length_s).1;
    let (length_s, misfit) = search(&evidence.window_lengths_s(), judge)?;
    let length_s = rounded(length_s);
    let (quota, _) = first_request(evidence, length_s.value);
    Some(window_fit(Family::FirstRequest, quota, length_s, misfit))
}

pub(super) fn fit_clock(evidence: &Evidence<'_>) -> Option<Fit> {
    let told_s = evidence.edges_s();
    let (first_s, first) = search(&evidence.window_lengths_s(), |length_s| {
        clock(evidence, &told_s, length_s).1
    })?;
    // Where neither words nor openings say when the windows begin, it is tried.
    let edges_s = best_edges_s(&told_s, first_s.value, |edge_s| {
        window(evidence, first_s.value, Anchor::Clock { edge_s }).1
    });
    let again = search(&[first_s.value, rounded(first_s).value], |length_s| {
        clock(evidence, &edges_s, length_s).1
    });
    let (length_s, misfit, edges_s) = match again {
        Some((length_s, misfit)) if misfit.total() < first.total() => (length_s, misfit, edges_s),
        _ => (first_s, first, told_s),
    };
    let length_s = rounded(length_s);
    let (quota, _) = clock(evidence, &edges_s, length_s.value);
    Some(window_fit(Family::Clock, quota, length_s, misfit))
}

pub(super) fn fit_sliding(evidence: &Evidence<'_>) -> Option<Fit> {
    let judge = |length_s: f64| sliding(evidence, length_s).1;
    let (length_s, misfit) = search(&evidence.window_lengths_s(), judge)?;
    let length_s = rounded(length_s);
    let (quota, _) = sliding(evidence, length_s.value);
    Some(window_fit(Family::Sliding, quota, length_s, misfit))
}

/// Portions, where a longer rest brought more than one of them.
pub(super) fn fit_chunks(evidence: &Evidence<'_>) -> Option<Fit> {
    let admitted = |cycle: &Cycle| f64::from(cycle.admitted);
    let portion = median(evidence.cycles.iter().skip(1).map(admitted).collect())?;
    // What a rest saved up: all that wasn't refilled meanwhile.
    let burst_of = |period_s: f64| {
        let saved = |cycle: &Cycle| {
            let refills = (cycle.open_for_s() / period_s).floor();
            admitted(cycle) - portion * refills
        };
        evidence.cycles.iter().map(saved).fold(portion, f64::max)
    };
    if portion < LEAST_PORTION {
        return None;
    }
    let told_s = evidence.edges_s();
    let at = |period_s: f64, edge_s: f64| -> Misfit {
        let burst = burst_of(period_s);
        if burst < 1.2 * portion {
            return Misfit::WHOLE;
        }
        let mut model = Chunks::new(portion, period_s, burst, edge_s);
        misfit(&mut model, evidence.records, evidence.by_date)
    };
    let judge = |edges_s: &[f64], period_s: f64| {
        best_of(edges_s, |edge_s| at(period_s, edge_s)).unwrap_or(Misfit::WHOLE)
    };
    let (first_s, first) = search(&evidence.window_lengths_s(), |period_s| {
        judge(&told_s, period_s)
    })?;
    let edges_s = best_edges_s(&told_s, first_s.value, |edge_s| at(first_s.value, edge_s));
    let again = search(&[first_s.value, rounded(first_s).value], |period_s| {
        judge(&edges_s, period_s)
    });
    let (period_s, found) = match again {
        Some(again) if again.1.total() < first.total() => again,
        _ => (first_s, first),
    };
    let period_s = rounded(period_s);
    let burst = burst_of(period_s.value);
    Some(Fit {
        burst,
        portion: Some(portion),
        ..window_fit(Family::Chunks, portion, period_s, found)
    })
}

fn window_fit(family: Family, quota: f64, length_s: Span, misfit: Misfit) -> Fit {
    Fit {
        family,
        misfit,
        rate_per_s: Some(Span {
            value: quota / length_s.value,
            low: quota / length_s.high,
            high: quota / length_s.low,
        }),
        burst: quota,
        window_s: Some(length_s),
        portion: None,
    }
}

/// The moments among the told ones and some spread over a length at which the
/// windows begin best, and some between these and their neighbours.
fn best_edges_s(told_s: &[f64], length_s: f64, judge: impl Fn(f64) -> Misfit) -> Vec<f64> {
    let step_s = length_s / PHASES;
    let spread = (0..PHASES as u32).map(|phase| f64::from(phase) * step_s);
    let mut ranked: Vec<(f64, f64)> = told_s
        .iter()
        .copied()
        .chain(spread)
        .map(|edge_s| (judge(edge_s).total(), edge_s))
        .collect();
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
    ranked.truncate(EDGES_KEPT);
    let around = |edge_s: f64| [-0.5, -0.25, 0.0, 0.25, 0.5].map(|part| edge_s + part * step_s);
    ranked
        .into_iter()
        .flat_map(|(_, edge_s)| around(edge_s))
        .collect()
}

fn best_of(edges_s: &[f64], judge: impl Fn(f64) -> Misfit) -> Option<Misfit> {
    edges_s
        .iter()
        .map(|edge_s| judge(*edge_s))
        .min_by(|one, other| one.total().total_cmp(&other.total()))
}

fn first_request(evidence: &Evidence<'_>, length_s: f64) -> (f64, Misfit) {
    window(evidence, length_s, Anchor::FirstRequest)
}

fn clock(evidence: &Evidence<'_>, edges_s: &[f64], length_s: f64) -> (f64, Misfit) {
    edges_s
        .iter()
        .map(|edge_s| window(evidence, length_s, Anchor::Clock { edge_s: *edge_s }))
        .min_by(|one, other| one.1.total().total_cmp(&other.1.total()))
        .unwrap_or((1.0, Misfit::WHOLE))
}

/// The quota that a window of this length has, and how well both fit.
fn window(evidence: &Evidence<'_>, length_s: f64, anchor: Anchor) -> (f64, Misfit) {
    let quota = quota_of(evidence.records, length_s, anchor);
    let mut model = Window::new(quota, length_s, anchor);
    (
        quota,
        misfit(&mut model, evidence.records, evidence.by_date),
    )
}

/// Requests let in since the window's start, at the refusals: the middle one
/// of these counts, since a request more or less slips in now and then.
fn quota_of(records: &[Record], length_s: f64, anchor: Anchor) -> f64 {
    let (mut starts_s, mut used) = (f64::NEG_INFINITY, 0.0_f64);
    let mut counts = Vec::new();
    let mut counted_to_s = f64::NEG_INFINITY;
    for record in records {
        let at_s = record.sent_s;
        let is_over = match anchor {
            Anchor::FirstRequest => at_s >= starts_s + length_s,
            Anchor::Clock { edge_s } => {
                let number = |at_s: f64| ((at_s - edge_s) / length_s).floor();
                starts_s == f64::NEG_INFINITY || number(at_s) > number(starts_s)
            }
        };
        if record.is_admitted() {
            if is_over {
                (starts_s, used) = (at_s, 0.0);
            }
            used += 1.0;
        } else if record.is_refused() {
            if used > 0.0 && !is_over && starts_s > counted_to_s {
                counts.push(used);
                counted_to_s = starts_s;
            } else if !is_over && let Some(last) = counts.last_mut() {
                // What slipped in after the window's first refusal.
                *last = used.max(*last);
            }
        }
    }
    median(counts).unwrap_or(1.0)
}

/// The quota that a sliding window of this length has, and how well both fit;
/// some count what they refuse as well.
fn sliding(evidence: &Evidence<'_>, length_s: f64) -> (f64, Misfit) {
    let of = |counts_refused: bool| {
        let quota = sliding_quota(evidence.records, length_s, counts_refused);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of requests"
        )]
        let mut model = Sliding::new(quota as usize, length_s, counts_refused);
        (
            quota,
            misfit(&mut model, evidence.records, evidence.by_date),
        )
    };
    let (plain, strict) = (of(false), of(true));
    match strict.1.total() < plain.1.total() {
        true => strict,
        false => plain,
    }
}

/// Requests in the log at the first refusal of each bout: the middle one.
fn sliding_quota(records: &[Record], length_s: f64, counts_refused: bool) -> f64 {
    let mut log = VecDeque::new();
    let mut counts = Vec::new();
    let mut after_refusal = false;
    for (index, record) in records.iter().enumerate() {
        while log
            .front()
            .is_some_and(|taken_s| taken_s + length_s <= record.sent_s)
        {
            log.pop_front();
        }
        if record.is_refused() && !after_refusal {
            // What left soon after it may have come first.
            let overtook = records[index + 1..]
                .iter()
                .take_while(|later| later.sent_s <= record.overtaken_until_s())
                .filter(|later| later.is_admitted());
            counts.push((log.len() + overtook.count()) as f64);
        }
        if record.is_admitted() || (counts_refused && record.is_refused()) {
            log.push_back(record.sent_s);
        }
        if record.is_admitted() || record.is_refused() {
            after_refusal = record.is_refused();
        }
    }
    median(counts).unwrap_or(1.0).max(1.0)
}
