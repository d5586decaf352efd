//! The gentle beginning: 1, 2, 4 … at once, to the first refusal.

use serde::Serialize;

use super::bench::Bench;
use super::bounds::Stop;
use super::record::{Record, latency_quantile};
use super::target::Target;
use super::trial::{Shape, Trial};

/// Growth below which more at once brings no more.
const WORTH_IT: f64 = 1.1;
/// So much slower, in all and at least by so much, is the knee. What a client
/// or a network adds by itself stays below.
const SLOWER: f64 = 1.5;
const SLOWER_BY_S: f64 = 0.02;

/// Latency and throughput with so many requests at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Requests at once.
    pub in_flight: u32,
    /// Requests let in a second.
    pub admitted_per_s: f64,
    /// The latency that half of them stayed below, in milliseconds.
    pub p50_ms: f64,
    /// The latency that 99 of 100 stayed below, in milliseconds.
    pub p99_ms: f64,
    /// Refused requests.
    pub throttled: u32,
}

/// What the beginning showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ramp {
    pub(crate) steps: Vec<Step>,
    /// Requests at once beyond which replies only get slower.
    pub(crate) knee: Option<u32>,
    /// Whether the climb came to its end.
    pub(crate) is_through: bool,
    /// With how many at once it goes on.
    next_in_flight: u32,
}

/// How a climb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Climb {
    /// Nothing was refused.
    Through,
    /// With so many at once something was refused.
    Refused(u32),
    /// With so many at once something failed that may be a limit's refusal; it
    /// can go on from there.
    Doubted(u32),
}

impl Ramp {
    /// Doubles what is under way until something is refused, replies only get
    /// slower, or the bound is reached; there it stays a while. Called again it
    /// goes on where it ended.
    pub(crate) async fn climb<T: Target>(&mut self, bench: &mut Bench<T>) -> Result<Climb, Stop> {
        bench.begin("more and more requests at once");
        let bounds = bench.bounds();
        let most = (bounds.max_requests / 20).max(20);
        let mut in_flight = self.next_in_flight.max(1);
        loop {
            let most = most.max(2 * u64::from(in_flight));
            if let Some(ended) = self.step(bench, in_flight, most, 1.0).await? {
                return Ok(ended);
            }
            if self.has_knee() || in_flight >= bounds.max_in_flight {
                break;
            }
            in_flight = in_flight.saturating_mul(2).min(bounds.max_in_flight);
            self.next_in_flight = in_flight;
        }
        bench.begin("as many at once as it takes well, for a while");
        let held = self.knee.unwrap_or(in_flight);
        let most = bounds.max_requests * 2 / 5;
        if let Some(ended) = self.step(bench, held, most, 15.0).await? {
            return Ok(ended);
        }
        self.is_through = true;
        Ok(Climb::Through)
    }

    /// Requests a second in the best step.
    pub(crate) fn fastest_per_s(&self) -> f64 {
        let rates = self.steps.iter().map(|step| step.admitted_per_s);
        rates.fold(0.0, f64::max)
    }

    /// How the climb ended with this step, where it did.
    async fn step<T: Target>(
        &mut self,
        bench: &mut Bench<T>,
        in_flight: u32,
        most: u64,
        longest_s: f64,
    ) -> Result<Option<Climb>, Stop> {
        // Slow tenants get the time for a few replies.
        let calm_s = self.steps.first().map_or(0.0, |step| step.p50_ms / 1e3);
        let trial = Trial {
            shape: Shape::AtOnce(in_flight),
            most,
            longest_s: longest_s.max(4.0 * calm_s),
        };
        let first = bench.records.len();
        let bout = bench.run(&trial).await;
        if let Some(step) = step_of(&bench.records[first.min(bench.records.len())..], in_flight) {
            self.note(step);
        }
        let bout = bout?;
        Ok(if bout.was_refused {
            Some(Climb::Refused(in_flight))
        } else if bout.was_doubted {
            Some(Climb::Doubted(in_flight))
        } else {
            None
        })
    }

    fn note(&mut self, step: Step) {
        // Held longer, a step is measured better.
        match self
            .steps
            .iter_mut()
            .find(|known| known.in_flight == step.in_flight)
        {
            Some(known) => *known = step,
            None => self.steps.push(step),
        }
    }

    /// Whether two doublings in a row brought next to nothing but waiting. One
    /// alone may be the client's own hiccup, and would hide a cap just above.
    fn has_knee(&mut self) -> bool {
        let [.., before, one, two] = self.steps.as_slice() else {
            return false;
        };
        let calm_ms = self.steps[0].p50_ms;
        let is_slow = |step: &Step| {
            step.p50_ms > SLOWER * calm_ms && step.p50_ms > calm_ms + SLOWER_BY_S * 1e3
        };
        let best = one.admitted_per_s.max(two.admitted_per_s);
        if is_slow(one) && is_slow(two) && best < WORTH_IT * before.admitted_per_s {
            self.knee = Some(before.in_flight);
        }
        self.knee.is_some()
    }
}

fn step_of(records: &[Record], in_flight: u32) -> Option<Step> {
    let first = records.first()?;
    let admitted = records.iter().filter(|record| record.is_admitted()).count();
    if admitted == 0 {
        return None;
    }
    let ended_s = records
        .iter()
        .map(|record| record.replied_s)
        .fold(first.replied_s, f64::max);
    let millis = |quantile| latency_quantile(records, quantile).map_or(0.0, |s| s * 1e3);
    let refused = records.iter().filter(|record| record.is_refused()).count();
    Some(Step {
        in_flight,
        admitted_per_s: admitted as f64 / (ended_s - first.sent_s).max(1e-3),
        p50_ms: millis(0.5),
        p99_ms: millis(0.99),
        throttled: u32::try_from(refused).unwrap_or(u32::MAX),
    })
}
