//! Small jobs against small limits: what matters is the end of the job, not the long run.

use std::time::Duration;

use loadtest::benchmark::best_possible;
use loadtest::tenant::Scenario;
use sluice::limit::LimitSettings;

use super::product::Product;
use super::tally::Tally;
use super::world::{CLOCK_AT_ZERO, World};

/// A job, and the tenant in a scenario's words.
pub struct SmallJob {
    pub name: &'static str,
    pub tenant: &'static str,
    pub rows: u64,
    /// How much later than it should be the job is known to end.
    pub known_late: Duration,
}

/// Where the time of a round trip goes.
#[derive(Clone, Copy)]
pub struct RoundTrip {
    pub median: Duration,
    pub network_share: f64,
}

pub struct Outcome {
    pub tally: Tally,
    pub best: Duration,
}

const BUCKET: &str = "limits: [{ kind: token_bucket, rate: 50, burst: 20 }]";
const SILENT_BUCKET: &str =
    "limits: [{ kind: token_bucket, rate: 50, burst: 20 }]\nretry_after: { form: none }";
const WINDOW: &str = "limits: [{ kind: fixed_window, requests: 100, window: 5s }]";
const CLOCK_WINDOW: &str =
    "limits: [{ kind: fixed_window, requests: 100, window: 5s, anchor: clock }]";
const SILENT_WINDOW: &str =
    "limits: [{ kind: fixed_window, requests: 100, window: 5s }]\nretry_after: { form: none }";
const CAP: &str = "limits: [{ kind: concurrency, cap: 16 }]";
const SILENT_CAP: &str = "limits: [{ kind: concurrency, cap: 16 }]\nretry_after: { form: none }";

pub fn jobs() -> Vec<SmallJob> {
    let job = |name, tenant, rows| SmallJob {
        name,
        tenant,
        rows,
        known_late: Duration::ZERO,
    };
    // A cap met by the very first requests is mostly taken for a quota: its one-second waits are then learnt from.
    let late = |rows, seconds| SmallJob {
        known_late: Duration::from_secs(seconds),
        ..job("cap 16", CAP, rows)
    };
    vec![
        job("bucket 50/s burst 20", BUCKET, 300),
        job("bucket 50/s burst 20", BUCKET, 1000),
        job("bucket 50/s burst 20", BUCKET, 3000),
        job("bucket 50/s burst 20, no Retry-After", SILENT_BUCKET, 1000),
        job("window 100 per 5 s", WINDOW, 1000),
        job("window 100 per 5 s", WINDOW, 3000),
        job("window 100 per 5 s by the clock", CLOCK_WINDOW, 1000),
        job("window 100 per 5 s, no Retry-After", SILENT_WINDOW, 1000),
        late(1000, 13),
        late(3000, 21),
        job("cap 16, no Retry-After", SILENT_CAP, 1000),
        job("cap 16, no Retry-After", SILENT_CAP, 3000),
    ]
}

pub fn run(job: &SmallJob, round_trip: RoundTrip, seed: u64) -> Outcome {
    let network_s = round_trip.median.as_secs_f64() * round_trip.network_share;
    let inside_s = round_trip.median.as_secs_f64() - network_s;
    let yaml = format!(
        "{}\nlatency: {{ median: {inside_s}, network: {network_s}, sigma: 0.3 }}",
        job.tenant
    );
    let scenario = Scenario::from_yaml(&yaml, job.name).unwrap_or_else(|error| panic!("{error}"));
    let mut world = World::new(&scenario, Duration::from_secs(100_000), seed);
    let client = Product::new(LimitSettings::default(), Duration::ZERO, seed);
    world.add(client, Duration::ZERO, job.rows);
    let mut outcome = world.run();
    Outcome {
        tally: outcome.tallies.remove(0),
        best: best_time(&scenario, job.rows) + round_trip.median,
    }
}

/// The shortest time in which any client could get so many rows done, to a millisecond.
fn best_time(scenario: &Scenario, rows: u64) -> Duration {
    let enough = |milliseconds: u64| {
        let to = Duration::from_millis(milliseconds);
        best_possible(scenario, CLOCK_AT_ZERO, Duration::ZERO, to) >= rows as f64
    };
    let (mut short, mut long) = (0_u64, 1_000_000_u64);
    while long - short > 1 {
        let middle = short.midpoint(long);
        if enough(middle) {
            long = middle;
        } else {
            short = middle;
        }
    }
    Duration::from_millis(long)
}
