//! How long each scenario runs here.
//!
//! A whole run of every scenario is some two million requests: seconds for an optimised build, a minute for another. The
//! latter cuts the largest, unless more seeds are asked for.

use std::time::Duration;

use super::measure::Case;

/// The largest scenarios: label, seconds of the shorter run, and whether the limit is found on the way. Where it is, the
/// seconds lost by then weigh more in a shorter run.
const LARGEST: [(&str, u64, bool); 6] = [
    ("2b", 60, true),
    ("2t", 300, true),
    ("4", 150, false),
    ("4r", 250, false),
    ("5", 200, true),
    ("decimals", 300, true),
];

/// What a run may do worse because it was cut.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Points of goodput lost while learning.
    pub goodput: f64,
    /// The refusals that learning takes are so many times their share of a whole run.
    pub throttled: f64,
}

impl Allowance {
    /// For a whole run.
    pub const NONE: Allowance = Allowance {
        goodput: 0.0,
        throttled: 1.0,
    };
}

/// Cuts a run short if it is a large one.
pub fn shorten(case: &mut Case) -> Allowance {
    let found = LARGEST
        .iter()
        .find(|(label, ..)| *label == case.benchmark.label);
    let Some((_, seconds, learns)) = found else {
        return Allowance::NONE;
    };
    let whole_s = case.duration.as_secs_f64();
    case.duration = Duration::from_secs(*seconds);
    if !learns {
        return Allowance::NONE;
    }
    let times_shorter = whole_s / case.duration.as_secs_f64();
    // What a whole run may lose in percent, all of it lost before the cut.
    let may_lose = 100.0 - (case.benchmark.expect.goodput - 1.0);
    Allowance {
        goodput: may_lose * (times_shorter - 1.0),
        throttled: times_shorter,
    }
}
