//! The bucket that explains the records best.

use crate::probe::model::{Bucket, Misfit, misfit};

use super::search::search;
use super::sharpen::sharpened;
use super::{Evidence, Family, Fit};

pub(super) fn fit(evidence: &Evidence<'_>) -> Option<Fit> {
    let (rate_per_s, misfit) = search(&rates(evidence), |rate_per_s| {
        best_burst(evidence, rate_per_s).1
    })?;
    let (burst, _) = best_burst(evidence, rate_per_s.value);
    let (rate_per_s, burst) = sharpened(evidence, rate_per_s, burst);
    Some(Fit {
        family: Family::Bucket,
        misfit,
        rate_per_s: Some(rate_per_s),
        burst,
        window_s: None,
        portion: None,
    })
}

/// Rates that the cycles suggest: from empty to empty what came in went out,
/// and two bouts of different length from a full bucket differ by the rate.
fn rates(evidence: &Evidence<'_>) -> Vec<f64> {
    let cycles = &evidence.cycles;
    let mut rates = Vec::new();
    for (index, cycle) in cycles.iter().enumerate() {
        let admitted = f64::from(cycle.admitted);
        if let Some(emptied_s) = cycle.emptied_s {
            rates.push(admitted / (cycle.refused_s - emptied_s).max(1e-3));
        }
        for other in &cycles[..index] {
            let longer_s = cycle.open_for_s() - other.open_for_s();
            let more = admitted - f64::from(other.admitted);
            if longer_s.abs() > 1e-3 {
                rates.push(more / longer_s);
            }
        }
    }
    let most = cycles
        .iter()
        .map(|cycle| f64::from(cycle.admitted) / cycle.open_for_s().max(1e-3))
        .fold(0.0, f64::max);
    let least = rates
        .iter()
        .copied()
        .filter(|rate| *rate > 0.0)
        .fold(most, f64::min);
    let ratio = (most / least.max(1e-6)).clamp(1.0, 1e4);
    rates.extend((0..=8).map(|step| least * ratio.powf(f64::from(step) / 8.0)));
    rates.retain(|rate| *rate > 0.0 && *rate <= most * 1.2);
    rates.sort_by(f64::total_cmp);
    rates.dedup_by(|one, other| (*one / *other - 1.0).abs() < 0.01);
    rates
}

/// The burst that fits a rate best.
fn best_burst(evidence: &Evidence<'_>, rate_per_s: f64) -> (f64, Misfit) {
    let judge = |burst: f64| {
        let mut bucket = Bucket::new(rate_per_s, burst);
        misfit(&mut bucket, evidence.records, evidence.by_date)
    };
    let mut best = (1.0, judge(1.0));
    let consider = |burst: f64, best: &mut (f64, Misfit)| {
        let found = judge(burst.max(1.0));
        if found.total() < best.1.total() {
            *best = (burst.max(1.0), found);
        }
    };
    let mut bursts: Vec<f64> = evidence
        .cycles
        .iter()
        .map(|cycle| f64::from(cycle.admitted) - rate_per_s * cycle.open_for_s())
        .filter(|burst| *burst > 1.0)
        .collect();
    bursts.extend(first_burst(evidence, rate_per_s));
    bursts.sort_by(f64::total_cmp);
    bursts.dedup_by(|one, other| (*one / *other - 1.0).abs() < 0.02);
    for burst in bursts {
        consider(burst, &mut best);
    }
    for step in [0.12, 0.04, 0.012, 0.004] {
        // A few strides of each size: the candidates aren't far off.
        for _ in 0..4 {
            let before = best.0;
            consider(before * (1.0 - step), &mut best);
            consider(before * (1.0 + step), &mut best);
            if best.0 == before {
                break;
            }
        }
    }
    best
}

/// The burst with which the first refusal comes just then: the level at it
/// grows with the burst, so it is found by halving.
fn first_burst(evidence: &Evidence<'_>, rate_per_s: f64) -> Option<f64> {
    let first = evidence.cycles.first()?;
    let sent_s: Vec<f64> = evidence
        .records
        .iter()
        .take_while(|record| record.sent_s < first.refused_s)
        .filter(|record| record.is_admitted())
        .map(|record| record.sent_s)
        .collect();
    let level_at_refusal = |burst: f64| {
        let (mut level, mut at_s) = (burst, 0.0);
        for sent_s in &sent_s {
            level = (level + rate_per_s * (sent_s - at_s)).min(burst) - 1.0;
            at_s = *sent_s;
        }
        (level + rate_per_s * (first.refused_s - at_s)).min(burst)
    };
    let (mut low, mut high) = (1.0, sent_s.len() as f64 + 1.0);
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if level_at_refusal(middle) < 0.5 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some((low + high) / 2.0)
}
