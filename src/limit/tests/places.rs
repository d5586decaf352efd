//! What refusals without a wait do to the window.

use super::bench::{Bench, DONE, REFUSED, bench};
use crate::limit::{Decision, GateState, Permit};

/// Sends until the window is full.
fn fill(bench: &mut Bench) -> Vec<Permit> {
    let mut permits = Vec::new();
    while bench.poll() == Decision::Go {
        permits.push(bench.send());
    }
    permits
}

fn window(bench: &Bench) -> u32 {
    bench.controller.snapshot(bench.now).window
}

#[test]
fn a_refusal_amid_successes_costs_one_place() {
    let mut bench = bench();
    let permits: Vec<Permit> = (0..4).map(|_| bench.send()).collect();
    assert_eq!(bench.poll(), Decision::WaitForReply);
    for (index, permit) in permits.into_iter().enumerate() {
        bench.reply(permit, if index == 0 { REFUSED } else { DONE });
    }
    let snapshot = bench.controller.snapshot(bench.now);
    assert_eq!((snapshot.window, snapshot.gate), (3, GateState::Open));
}

#[test]
fn where_nothing_gets_through_the_places_come_back() {
    let mut bench = bench();
    let round_trip_s = 0.1;
    for round in 1..=3 {
        let permits = fill(&mut bench);
        bench.at(f64::from(round) * round_trip_s);
        for permit in permits {
            bench.reply(permit, DONE);
        }
    }
    let places = window(&bench);
    assert!(places >= 16, "{places}");
    // A quota is used up: a few of these are admitted still, and then no more.
    let permits = fill(&mut bench);
    bench.at(4.0 * round_trip_s);
    for (index, permit) in permits.into_iter().enumerate() {
        bench.reply(permit, if index % 4 == 1 { DONE } else { REFUSED });
    }
    for round in 5..30 {
        let permits = fill(&mut bench);
        bench.at(f64::from(round) * round_trip_s);
        for permit in permits {
            bench.reply(permit, REFUSED);
        }
        if bench.closed_for() > 0.0 {
            assert!(
                window(&bench) >= places / 2,
                "{} of {places}",
                window(&bench)
            );
            return;
        }
    }
    panic!("the gate never closed");
}
