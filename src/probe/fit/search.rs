//! Finding the value with the least misfit, and how sharply it is found.

use crate::probe::model::Misfit;

/// A figure and the range in which it explains the records about as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Span {
    /// Half of the range, as a share of the value.
    pub(crate) fn uncertainty(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.value.max(f64::MIN_POSITIVE)
    }
}

/// Misfit within which two values are equally good: one request in a hundred.
const TOLERANCE: f64 = 0.01;
/// Steps of the walk, in shares of the value.
const STEPS: [f64; 5] = [0.08, 0.03, 0.012, 0.005, 0.002];
/// How finely and how far the range is measured.
const RANGE_FIRST: f64 = 0.004;
const RANGE_MOST: f64 = 0.5;

/// The value with the least misfit near one of the candidates, and its range.
/// `judge` gives the misfit of a value.
pub(super) fn search(
    candidates: &[f64],
    mut judge: impl FnMut(f64) -> Misfit,
) -> Option<(Span, Misfit)> {
    let mut ranked: Vec<(f64, f64)> = candidates
        .iter()
        .filter(|value| value.is_finite() && **value > 0.0)
        .map(|value| (judge(*value).total(), *value))
        .collect();
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut best = *ranked.first()?;
    let mut found_nearby = Vec::new();
    for start in ranked.iter().take(4) {
        let found = walk(*start, &mut judge);
        found_nearby.push(found);
        if found.0 < best.0 {
            best = found;
        }
    }
    let (best_score, value) = best;
    // Out in growing strides to where the misfit has grown, then back in by
    // halves.
    let mut edge = |direction: f64| {
        let at = |distance: f64| value * (direction * distance).exp();
        let mut is_good = |distance: f64| judge(at(distance)).total() <= best_score + TOLERANCE;
        let (mut good, mut bad) = (0.0, RANGE_FIRST);
        while bad < RANGE_MOST && is_good(bad) {
            (good, bad) = (bad, bad * 1.7);
        }
        for _ in 0..4 {
            let middle = (good + bad) / 2.0;
            if is_good(middle) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        at(good)
    };
    let (low, high) = (edge(-1.0), edge(1.0));
    // Values far from the best one that are as good make it a guess.
    let as_good = |score: f64| score <= best_score + TOLERANCE;
    let elsewhere = ranked.iter().filter(|(score, _)| as_good(*score));
    let far = elsewhere
        .chain(found_nearby.iter().filter(|(score, _)| as_good(*score)))
        .fold((low, high), |(low, high), (_, value)| {
            (low.min(*value), high.max(*value))
        });
    let span = Span {
        value: (low * high).sqrt(),
        low: far.0,
        high: far.1,
    };
    // The misfit of the best point: the middle of a flat range is as good.
    let misfit = judge(value);
    Some((span, misfit))
}

fn walk(start: (f64, f64), judge: &mut impl FnMut(f64) -> Misfit) -> (f64, f64) {
    let mut best = start;
    for step in STEPS {
        // A few strides of each size: the candidates aren't far off.
        for _ in 0..6 {
            let next = [-step, step]
                .map(|step| best.1 * (1.0 + step))
                .map(|value| (judge(value).total(), value))
                .into_iter()
                .min_by(|one, other| one.0.total_cmp(&other.0));
            match next {
                Some(next) if next.0 < best.0 => best = next,
                _ => break,
            }
        }
    }
    best
}

/// Lengths that people choose, the most usual first.
const ROUND_S: [f64; 16] = [
    60.0, 3600.0, 1.0, 10.0, 30.0, 5.0, 300.0, 900.0, 600.0, 120.0, 20.0, 15.0, 1800.0, 2.0,
    86_400.0, 0.1,
];

/// Whether people choose such a length.
pub(crate) fn is_round(length_s: f64) -> bool {
    ROUND_S
        .iter()
        .any(|round_s| (length_s / round_s - 1.0).abs() < 1e-3)
}

/// Moves a span's value to the roundest length that its range leaves open:
/// people write windows in round numbers, and a tenant that rounds its words
/// up to seconds gives no finer measure.
pub(super) fn rounded(span: Span) -> Span {
    let is_within = |length_s: &f64| span.low <= *length_s && *length_s <= span.high * 1.0001;
    let whole = (span.low.ceil() <= span.high).then(|| span.value.round());
    let round = ROUND_S
        .into_iter()
        .find(is_within)
        .or_else(|| whole.filter(|length_s| *length_s >= 1.0).filter(is_within));
    Span {
        value: round.unwrap_or(span.value),
        ..span
    }
}

/// The middle one of some values.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
