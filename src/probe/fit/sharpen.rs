//! A bucket's rate to the last request.
//!
//! The search weighs cycles alike, so that no long one hides what many short
//! ones say of the kind. Once the kind is a bucket, a cycle of 500 requests says
//! more of the rate than one of 20: what a wrong rate misses grows with the time,
//! and what uneven arrivals add doesn't.

use crate::probe::record::{Answer, latency_quantile};

use super::Evidence;
use super::search::Span;

/// How far the search may have been off, and steps on either side.
const FAR: f64 = 0.12;
const STEPS: i32 = 24;
/// The same for the burst, which matters for the bouts after a rest.
const BURST_FAR: f64 = 0.12;
const BURST_STEPS: i32 = 6;
/// Tokens more than at the best rate that say nothing against another one:
/// what a refusal can't tell, and uneven arrivals.
const GRAIN: f64 = 1.5;
const UNEVEN: f64 = 2.0;
/// Cycles that say something of a rate.
const CYCLES: usize = 4;

/// The rate that the longest cycles agree on, and the burst that goes with it.
pub(super) fn sharpened(evidence: &Evidence<'_>, found: Span, burst: f64) -> (Span, f64) {
    if evidence.cycles.len() < CYCLES {
        return (found, burst);
    }
    let quantile_s = |quantile| latency_quantile(evidence.records, quantile).unwrap_or(0.0);
    let uneven_s = (quantile_s(0.75) - quantile_s(0.25)) / 2.0;
    let within = GRAIN + UNEVEN * found.value * uneven_s;
    let around = |value: f64, far: f64, steps: i32| {
        (-steps..=steps).map(move |step| value * (far * f64::from(step) / f64::from(steps)).exp())
    };
    let mut tried = Vec::new();
    for rate_per_s in around(found.value, FAR, STEPS) {
        let best = around(burst, BURST_FAR, BURST_STEPS)
            .map(|burst| (mended(evidence, rate_per_s, burst), burst))
            .min_by(|one, other| one.0.total_cmp(&other.0));
        tried.extend(best.map(|(cost, burst)| (cost, rate_per_s, burst)));
    }
    let Some(best) = tried.iter().min_by(|one, other| one.0.total_cmp(&other.0)) else {
        return (found, burst);
    };
    let good = tried.iter().filter(|(cost, _, _)| *cost <= best.0 + within);
    let (low, high) = good.fold((best.1, best.1), |(low, high), (_, rate_per_s, _)| {
        (low.min(*rate_per_s), high.max(*rate_per_s))
    });
    let half_a_step = FAR / f64::from(STEPS) / 2.0;
    let span = Span {
        // All of them are about as good, and the best one is so by chance.
        value: (low * high).sqrt(),
        low: low * (1.0 - half_a_step),
        high: high * (1.0 + half_a_step),
    };
    (span, best.2)
}

/// Tokens that have to be added or taken away for the bucket to have answered
/// as it did: a rate that is a little off needs some again and again.
fn mended(evidence: &Evidence<'_>, rate_per_s: f64, burst: f64) -> f64 {
    let (mut level, mut at_s) = (burst, 0.0);
    let mut mended = 0.0;
    // Requests that left before the first refusal was known belong to its bout.
    let mut bout_ends_s = f64::NEG_INFINITY;
    let records = evidence.records;
    let mut overtook = vec![false; records.len()];
    for (index, record) in records.iter().enumerate() {
        if matches!(record.answer, Answer::Failed | Answer::Doubtful { .. }) {
            continue;
        }
        level = (level + rate_per_s * (record.sent_s - at_s).max(0.0)).min(burst);
        at_s = record.sent_s;
        if record.is_admitted() {
            if !overtook[index] {
                mended += (1.0 - level).max(0.0);
                level = (level - 1.0).max(0.0);
            }
            continue;
        }
        if record.sent_s > bout_ends_s {
            // What left soon after it may have come first.
            for (other, later) in records.iter().enumerate().skip(index + 1) {
                if record.overtaken_until_s() < later.sent_s || level < 1.0 {
                    break;
                }
                if later.is_admitted() {
                    overtook[other] = true;
                    level -= 1.0;
                }
            }
        }
        bout_ends_s = bout_ends_s.max(record.replied_s);
        mended += (level - 1.0).max(0.0);
        level = level.min(1.0);
    }
    mended
}
