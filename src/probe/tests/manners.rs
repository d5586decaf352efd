//! What a probe may not do, whatever the tenant is like.

use std::time::Duration;

use loadtest::tenant::Anchor;

use super::tenant::{Simulated, Words, bounds, bucket, probe, window};
use crate::probe::Bounds;
use crate::probe::bounds::Stop;
use crate::probe::verdict::Kind;

#[test]
fn no_more_requests_than_allowed_and_what_was_found_is_told() {
    let few = Bounds {
        max_requests: 120,
        ..bounds()
    };
    let (verdict, stop, _) = probe(few, || {
        Simulated::new(&[bucket(50.0, 100.0)], Words::Seconds, 3)
    });
    assert_eq!(stop, Some(Stop::Requests));
    assert_eq!(verdict.requests, 120);
    assert_eq!(verdict.limit.kind, Kind::NotSure, "it was never met");
    assert!(!verdict.steps.is_empty());
}

#[test]
fn a_wait_longer_than_the_time_left_ends_the_probe_at_once() {
    let short = Bounds {
        max_duration: Duration::from_secs(30),
        ..bounds()
    };
    let limit = [window(300, 3600, Anchor::FirstRequest)];
    let (verdict, stop, _) = probe(short, || Simulated::new(&limit, Words::Seconds, 1));
    let Some(Stop::LongWait(wait)) = stop else {
        panic!("it ended with {stop:?}");
    };
    assert!(wait > Duration::from_secs(3500), "{wait:?}");
    assert!(verdict.elapsed_s < 30.0);
    assert_eq!(verdict.limit.kind, Kind::NotSure);
}

#[test]
fn distress_ends_the_probe() {
    let (_, stop, _) = probe(bounds(), || {
        Simulated::new(&[bucket(500.0, 500.0)], Words::Seconds, 1).failing(0.2)
    });
    assert!(
        matches!(&stop, Some(Stop::Distress(what)) if what.contains("503")),
        "{stop:?}"
    );
}

#[test]
fn without_a_limit_none_is_claimed() {
    let (verdict, stop, _) = probe(bounds(), || Simulated::new(&[], Words::Nothing, 1));
    assert_eq!((stop, verdict.limit.kind), (None, Kind::None));
    assert_eq!(verdict.throttled, 0);
    assert!(verdict.none_below_per_s.expect("a rate") > 500.0);
    assert_eq!(verdict.steps.last().map(|step| step.in_flight), Some(64));
}
