//! A wide family of tenants that nobody made by hand (`draw.rs`): how many of
//! them a probe names right, how many it isn't sure of, and that it names none
//! wrong.
//!
//! Every day a few are drawn; `SLUICE_PROBE_SEEDS=40 cargo test --release --lib
//! survey -- --nocapture` draws more and prints each, `SLUICE_PROBE_FROM=13`
//! begins with another one.

use std::time::Instant;

use super::draw::Draw;
use super::tenant::{Probed, bounds, probe, tenant};
use super::truth::{Truth, Worth};
use crate::probe::Bounds;
use crate::probe::verdict::Figure;

pub(super) fn described(probed: &Probed) -> String {
    let limit = &probed.verdict.limit;
    let value = |figure: Option<Figure>| {
        figure.map_or("-".to_owned(), |figure| format!("{:.2}", figure.value))
    };
    format!(
        "{:?} ({:?}) rate {} burst {} window {} {:?} cap {:?}, {:?}, also {:?}; {} sent, {} refused, {:.0} s, {:?}",
        limit.kind,
        limit.confidence(),
        value(limit.rate_per_s),
        value(limit.burst),
        value(limit.window_s),
        limit.window_starts,
        limit.concurrency_cap,
        probed.verdict.retry_after.honest,
        probed.verdict.also.as_ref().map(|also| also.kind),
        probed.verdict.requests,
        probed.verdict.throttled,
        probed.verdict.elapsed_s,
        probed.stop,
    )
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a probe of a large tenant may cost.
fn wide() -> Bounds {
    Bounds {
        max_requests: 10_000,
        max_in_flight: 256,
        max_duration: bounds().max_duration * 2,
    }
}

/// Draws tenants of a family: none may be named wrong, and in a hundred at least
/// so many have to be named right.
#[track_caller]
fn surveyed(family: &str, number: u64, percent_right: usize) {
    let from = asked("SLUICE_PROBE_FROM").unwrap_or(1);
    let to = asked("SLUICE_PROBE_SEEDS").unwrap_or(3);
    let mut found = Vec::new();
    for seed in from..=to {
        let mut draw = Draw::new(seed * 100 + number);
        let yaml = draw.tenant(family);
        let bounds = match family == "cap" || draw.happens(0.3) {
            true => wide(),
            false => bounds(),
        };
        let began = Instant::now();
        let scenario = tenant(&yaml);
        let probed = probe(&scenario, bounds, seed);
        let worth = Truth::of(&scenario).judge(&probed);
        println!(
            "{worth:?} {family} {seed} ({} requests): {} | {} | took {:.1} s",
            bounds.max_requests,
            yaml.replace('\n', "; "),
            described(&probed),
            began.elapsed().as_secs_f64(),
        );
        assert_eq!(
            probed.undercuts, 0,
            "a wait was cut short: {yaml}, seed {seed}"
        );
        found.push((worth, yaml));
    }
    let of = |worth: Worth| found.iter().filter(move |(found, _)| *found == worth);
    let wrong: Vec<&String> = of(Worth::Wrong).map(|(_, yaml)| yaml).collect();
    assert!(wrong.is_empty(), "named wrong: {wrong:#?}");
    let right = of(Worth::Right).count();
    println!("{family}: {right} of {} right", found.len());
    assert!(
        right * 100 >= percent_right * found.len(),
        "{family}: no more than {right} of {} right",
        found.len()
    );
}

#[test]
fn windows_drawn_at_random() {
    surveyed("window", 0, 60);
}

#[test]
fn windows_of_the_clock_drawn_at_random() {
    surveyed("clock", 1, 33);
}

#[test]
fn sliding_windows_drawn_at_random() {
    surveyed("sliding", 2, 60);
}

#[test]
fn buckets_drawn_at_random() {
    surveyed("bucket", 3, 60);
}

#[test]
fn portions_drawn_at_random() {
    surveyed("portions", 4, 50);
}

#[test]
fn caps_drawn_at_random() {
    surveyed("cap", 5, 60);
}

#[test]
fn limits_behind_limits_drawn_at_random() {
    surveyed("nested", 6, 30);
}

#[test]
fn limits_beside_others_drawn_at_random() {
    surveyed("beside", 7, 50);
}

#[test]
fn windows_with_headers_drawn_at_random() {
    surveyed("headers", 8, 33);
}

#[test]
fn buckets_in_trouble_drawn_at_random() {
    surveyed("trouble", 9, 40);
}
