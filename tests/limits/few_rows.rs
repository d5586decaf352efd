//! Small jobs against small limits, as a local server would set them: what
//! matters is the end of the job, not the long run.

use super::tenant::{Limit, Tenant, Wording};
use super::world::{Tally, World};
use sluice::limit::LimitSettings;

pub struct SmallJob {
    pub name: &'static str,
    pub limit: Limit,
    pub wording: Wording,
    pub rows: u64,
}

/// What a small job must keep, with the best possible time for comparison.
pub struct Outcome {
    pub tally: Tally,
    pub best_s: f64,
}

pub fn jobs() -> Vec<SmallJob> {
    let job = |name, limit: &Limit, wording, rows| SmallJob {
        name,
        limit: limit.clone(),
        wording,
        rows,
    };
    let bucket = Limit::Bucket {
        rate_per_s: 50.0,
        burst: 20.0,
    };
    let window = Limit::Window {
        quota: 100.0,
        length_s: 5.0,
        anchored: true,
    };
    let clock_window = Limit::Window {
        quota: 100.0,
        length_s: 5.0,
        anchored: false,
    };
    let cap = Limit::AtOnce { places: 16.0 };
    vec![
        job(
            "bucket 50/s burst 20, 300 rows",
            &bucket,
            Wording::Seconds,
            300,
        ),
        job(
            "bucket 50/s burst 20, 1000 rows",
            &bucket,
            Wording::Seconds,
            1000,
        ),
        job(
            "bucket 50/s burst 20, 3000 rows",
            &bucket,
            Wording::Seconds,
            3000,
        ),
        job(
            "bucket 50/s burst 20, no Retry-After",
            &bucket,
            Wording::Nothing,
            1000,
        ),
        job(
            "window 100 per 5 s, 1000 rows",
            &window,
            Wording::Seconds,
            1000,
        ),
        job(
            "window 100 per 5 s, 3000 rows",
            &window,
            Wording::Seconds,
            3000,
        ),
        job(
            "window 100 per 5 s by the clock",
            &clock_window,
            Wording::Seconds,
            1000,
        ),
        job(
            "window 100 per 5 s, no Retry-After",
            &window,
            Wording::Nothing,
            1000,
        ),
        job(
            "cap 16, Retry-After 1 s, 1000 rows",
            &cap,
            Wording::Always(1),
            1000,
        ),
        job(
            "cap 16, Retry-After 1 s, 3000 rows",
            &cap,
            Wording::Always(1),
            3000,
        ),
        job(
            "cap 16, no Retry-After, 1000 rows",
            &cap,
            Wording::Nothing,
            1000,
        ),
        job(
            "cap 16, no Retry-After, 3000 rows",
            &cap,
            Wording::Nothing,
            3000,
        ),
    ]
}

pub fn run(job: &SmallJob, round_trip_s: f64, network_share: f64, seed: u64) -> Outcome {
    let mut tenant = Tenant::new(vec![job.limit.clone()], job.wording);
    (tenant.round_trip_s, tenant.network_share) = (round_trip_s, network_share);
    let rows = job.rows as f64;
    let best_s = match job.limit {
        Limit::Bucket { rate_per_s, burst } => (rows - burst).max(0.0) / rate_per_s,
        Limit::Window {
            quota, length_s, ..
        } => ((rows / quota).ceil() - 1.0) * length_s,
        Limit::AtOnce { places } => rows * tenant.mean_service_s() / places,
        Limit::Chunks { .. } | Limit::Sliding { .. } => f64::NAN,
    } + round_trip_s;
    let mut world = World::new(tenant, 100_000.0, seed);
    world.trace_every_s = std::env::var("SLUICE_LIMITS_TRACE")
        .ok()
        .and_then(|text| text.parse().ok());
    world.add_client(LimitSettings::default(), 0.0, job.rows, seed);
    let (mut tallies, _, _) = world.run();
    Outcome {
        tally: tallies.remove(0),
        best_s,
    }
}
