//! Limits that are worded as trouble, and trouble that is no limit.

use std::time::Duration;

use sluice::limit::{LimitEvent, LimitSettings};

use super::tenant::{Limit, Refusing, Storm, Tenant, Wording};
use super::world::{Tally, World};

pub struct Failing {
    pub name: &'static str,
    pub tenant: Tenant,
    pub horizon_s: f64,
    /// Most that could have been admitted by then.
    pub best: f64,
    /// Whether the 503s are a limit.
    pub is_limit: bool,
    /// Percent of the best, and of the answers, that must and may be.
    pub goodput: f64,
    pub refused: f64,
}

fn bucket() -> Limit {
    Limit::Bucket {
        rate_per_s: 50.0,
        burst: 20.0,
    }
}

fn places() -> Limit {
    Limit::AtOnce { places: 16.0 }
}

/// As a local limiter in front of a platform that takes 50 ms.
fn tenant(limit: Limit, wording: Wording, refusing: Refusing) -> Tenant {
    let mut tenant = Tenant::new(vec![limit], wording);
    (tenant.round_trip_s, tenant.network_share) = (0.05, 0.05);
    tenant.refusing = refusing;
    tenant
}

fn limited(
    name: &'static str,
    limit: Limit,
    wording: Wording,
    refusing: Refusing,
    (goodput, refused): (f64, f64),
) -> Failing {
    let tenant = tenant(limit.clone(), wording, refusing);
    let horizon_s = 120.0;
    let best = match limit {
        Limit::Bucket { rate_per_s, burst } => burst + rate_per_s * horizon_s,
        Limit::AtOnce { places } => places / tenant.mean_service_s() * horizon_s,
        _ => f64::NAN,
    };
    Failing {
        name,
        tenant,
        horizon_s,
        best,
        is_limit: refusing == Refusing::Unavailable,
        goodput,
        refused,
    }
}

fn storming(name: &'static str, share: f64, wait: Option<Duration>, goodput: f64) -> Failing {
    let mut tenant = tenant(bucket(), Wording::Seconds, Refusing::TooMany);
    let (from_s, to_s) = (60.0, 90.0);
    tenant.storms = vec![Storm {
        from_s,
        to_s,
        share,
    }];
    tenant.storm_wait = wait;
    Failing {
        name,
        tenant,
        horizon_s: 120.0,
        best: 20.0 + 50.0 * (120.0 - share * (to_s - from_s)),
        is_limit: false,
        goodput,
        refused: 100.0,
    }
}

pub fn all() -> Vec<Failing> {
    use Refusing::{Reset, Unavailable};
    use Wording::{Always, Nothing};
    let second = Some(Duration::from_secs(1));
    vec![
        limited("bucket, 503", bucket(), Nothing, Unavailable, (88.0, 4.5)),
        limited(
            "bucket, 503 with a wait",
            bucket(),
            Always(1),
            Unavailable,
            (88.0, 1.0),
        ),
        limited("places, 503", places(), Nothing, Unavailable, (93.0, 3.0)),
        limited(
            "places, 503 with a wait",
            places(),
            Always(1),
            Unavailable,
            (50.0, 1.0),
        ),
        limited(
            "places, connections reset",
            places(),
            Nothing,
            Reset,
            (93.0, 0.2),
        ),
        storming("storm of 5 %", 0.05, None, 90.0),
        storming("storm of 50 %", 0.5, None, 75.0),
        storming("outage", 1.0, None, 85.0),
        storming("storm of 5 % that names a wait", 0.05, second, 70.0),
        storming("outage that names a wait", 1.0, second, 85.0),
    ]
}

pub struct Outcome {
    pub tally: Tally,
    pub taken_as_limit: usize,
    pub taken_back: usize,
}

pub fn run(failing: &Failing, seed: u64) -> Outcome {
    let mut world = World::new(failing.tenant.clone(), failing.horizon_s, seed);
    world.trace_every_s = std::env::var("SLUICE_LIMITS_TRACE")
        .ok()
        .and_then(|text| text.parse().ok());
    world.add_client(LimitSettings::default(), 0.0, u64::MAX, seed);
    let (mut tallies, _, _) = world.run();
    let tally = tallies.remove(0);
    let count = |event| tally.decisions.iter().filter(|one| **one == event).count();
    Outcome {
        taken_as_limit: count(LimitEvent::UnavailableIsLimit),
        taken_back: count(LimitEvent::UnavailableIsTrouble),
        tally,
    }
}
