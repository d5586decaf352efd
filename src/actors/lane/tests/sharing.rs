//! Lanes that share one limit.

use std::sync::Arc;
use std::time::Duration;

use super::harness::*;
use super::tenant::*;

fn one_at_a_time() -> LaneWish {
    LaneWish {
        concurrency: Some(1),
        ..LaneWish::default()
    }
}

#[test]
fn lanes_that_share_one_place_both_come_to_their_end() {
    under_paused_time(async {
        let wish = one_at_a_time();
        let limit = limit_of(&wish);
        let start = || RunningLane::start_under(&limit, &wish, |_| status(200, 100));
        let mut lanes = [start(), start(), start()];
        for (lane, rows) in lanes.iter_mut().zip([200, 50, 1]) {
            lane.feed(rows_up_to(rows));
        }
        let mut exchanges = Vec::new();
        for (lane, rows) in lanes.into_iter().zip([200, 50, 1]) {
            let notes = lane.end_among_others().await;
            notes.assert_all_updated(rows);
            exchanges.extend(notes.exchanges.borrow().iter().cloned());
        }
        assert_eq!(permits_out(&limit), 0);
        exchanges.sort_by_key(|exchange| exchange.call.at);
        for pair in exchanges.windows(2) {
            assert!(
                pair[0].ends <= pair[1].call.at,
                "two at once: {:?} and {:?}",
                pair[0].call,
                pair[1].call
            );
        }
        let last = exchanges.last().expect("some were sent").ends;
        // 251 requests of 100 ms, one after the other, after the first token.
        assert!(last < Duration::from_secs(26), "{last:?}");
    });
}

#[test]
fn a_lane_that_dies_gives_its_places_back_to_the_others() {
    under_paused_time(async {
        let wish = LaneWish {
            concurrency: Some(4),
            ..LaneWish::default()
        };
        let limit = limit_of(&wish);
        let mut dying = RunningLane::start_under(&limit, &wish, |_| status(200, 50_000));
        dying.feed(rows_up_to(100));
        dying.reach(Duration::from_secs(5)).await;
        assert_eq!(permits_out(&limit), 4);
        let mut other = RunningLane::start_under(&limit, &wish, |_| status(200, 10));
        other.feed(rows_up_to(100));
        other.reach(Duration::from_secs(5)).await;
        assert_eq!(other.notes.exchanges.borrow().len(), 0, "there was no room");
        assert!(dying.tear_down().await);
        let started = other.started;
        other.end().await.assert_all_updated(100);
        assert!(started.elapsed() < Duration::from_secs(15));
        assert_eq!(Arc::strong_count(&limit), 1, "somebody holds on to it");
    });
}

#[test]
fn a_gate_that_one_lane_meets_is_closed_for_all() {
    under_paused_time(async {
        let wish = LaneWish::default();
        let limit = limit_of(&wish);
        let mut throttling = RunningLane::start_under(&limit, &wish, |call| match call.at {
            at if at < Duration::from_secs(1) => throttled(429, "40", 10),
            _ => status(200, 10),
        });
        let mut other = RunningLane::start_under(&limit, &wish, |_| status(200, 10));
        throttling.feed(rows_up_to(50));
        throttling.reach(Duration::from_secs(2)).await;
        other.feed(rows_up_to(50));
        for lane in [throttling, other] {
            let notes = lane.end_among_others().await;
            notes.assert_all_updated(50);
            let exchanges = notes.exchanges.borrow();
            let closed = Duration::from_secs(1)..Duration::from_secs(40);
            assert!(
                !exchanges
                    .iter()
                    .any(|exchange| closed.contains(&exchange.call.at))
            );
        }
    });
}
