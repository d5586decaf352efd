//! How a lane ends: at the end of its rows, when it is told to, and when the
//! run can't go on.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::FatalKind;
use crate::record::OutcomeKind;

use super::harness::*;
use super::tenant::*;

#[test]
fn a_lane_without_rows_ends_at_once() {
    let notes = under_paused_time(load(&LaneWish::default(), 0, |_| status(200, 10)));
    assert_eq!(notes.exchanges.borrow().len(), 0);
}

#[test]
fn a_drain_finishes_what_is_under_way_and_drops_the_rest() {
    under_paused_time(async {
        let wish = LaneWish {
            concurrency: Some(16),
            ..LaneWish::default()
        };
        let mut lane = RunningLane::start(&wish, |_| status(200, 8_000));
        lane.feed(rows_up_to(5_000));
        let told = Duration::from_secs(20);
        lane.reach(told).await;
        lane.drain.send_replace(true);
        let notes = lane.end().await;
        let exchanges = notes.exchanges.borrow();
        assert!(exchanges.iter().all(|exchange| exchange.call.at <= told));
        let after = exchanges.iter().filter(|exchange| exchange.ends > told);
        assert_eq!(after.count(), 16, "in flight when the drain began");
        let ends = notes.ends();
        assert_eq!(ends.len(), exchanges.len(), "what was sent has ended");
        assert!(ends.values().all(|kind| *kind == OutcomeKind::Updated));
    });
}

#[test]
fn a_row_that_fails_during_a_drain_is_left_to_the_next_leg() {
    under_paused_time(async {
        let mut lane = RunningLane::start(&LaneWish::default(), |call| {
            status(if call.row == 2 { 500 } else { 200 }, 8_000)
        });
        lane.feed(rows_up_to(4));
        lane.reach(Duration::from_secs(5)).await;
        lane.drain.send_replace(true);
        let notes = lane.end().await;
        let mut rows: Vec<u64> = notes.ends().into_keys().collect();
        rows.sort_unstable();
        assert_eq!(rows, [1, 3, 4]);
        assert_eq!(notes.of_row(2).len(), 1);
    });
}

/// Drains a lane whose requests are never answered: how long that takes, and
/// what it leaves behind.
fn drain_amid_silence(repeatable: bool) -> (Duration, Rc<Notes>) {
    under_paused_time(async move {
        let wish = LaneWish {
            repeatable,
            concurrency: Some(3),
            ..LaneWish::default()
        };
        let mut lane = RunningLane::start(&wish, |call| match call.row {
            ..=5 => status(200, 100),
            _ => status(200, 3_600_000),
        });
        lane.feed(rows_up_to(100));
        lane.reach(Duration::from_secs(5)).await;
        lane.drain.send_replace(true);
        let told = Instant::now();
        let notes = lane.end().await;
        (told.elapsed(), notes)
    })
}

#[test]
fn a_drain_waits_no_minute_for_replies_that_a_repeat_can_replace() {
    let (took, notes) = drain_amid_silence(true);
    assert!(took <= Duration::from_secs(31), "{took:?}");
    assert_eq!(notes.ends().len(), 5, "the others go to the next leg");
}

#[test]
fn a_drain_waits_for_replies_that_nothing_can_replace() {
    let (took, notes) = drain_amid_silence(false);
    assert!(took <= Duration::from_secs(61), "{took:?}");
    let ends = notes.ends();
    let unknown = ends.values().filter(|kind| **kind == OutcomeKind::Unknown);
    assert_eq!((ends.len(), unknown.count()), (8, 3));
    assert_eq!(notes.calls.borrow().len(), 8);
}

/// The lane ends within moments of a drain that comes while it waits.
fn ends_soon_when_drained(script: impl Fn(&Call) -> Answer + 'static) {
    under_paused_time(async move {
        let mut lane = RunningLane::start(&LaneWish::default(), script);
        lane.feed(rows_up_to(100));
        let told = Duration::from_secs(60);
        lane.reach(told).await;
        lane.drain.send_replace(true);
        let started = lane.started;
        lane.end().await;
        assert!(started.elapsed() < told + Duration::from_secs(1));
    });
}

#[test]
fn a_drain_does_not_wait_for_the_gate() {
    ends_soon_when_drained(|_| throttled(429, "3600", 10));
}

#[test]
fn a_drain_does_not_wait_for_a_backoff() {
    ends_soon_when_drained(|call| status(if call.at.as_secs() < 40 { 200 } else { 503 }, 4_000));
}

#[test]
fn whoever_could_drain_being_gone_is_a_drain() {
    under_paused_time(async {
        let mut lane = RunningLane::start(&LaneWish::default(), |_| status(200, 1_000));
        lane.feed(rows_up_to(100_000));
        lane.reach(Duration::from_secs(10)).await;
        lane.drain = tokio::sync::watch::Sender::new(false);
        let notes = lane.end().await;
        assert_eq!(notes.ends().len(), notes.exchanges.borrow().len());
    });
}

#[test]
fn without_a_recorder_nothing_more_is_sent() {
    under_paused_time(async {
        let wish = LaneWish {
            concurrency: Some(8),
            ..LaneWish::default()
        };
        let mut lane = RunningLane::start(&wish, |_| status(200, 1_000));
        lane.feed(rows_up_to(10_000));
        let killed = Duration::from_secs(30);
        lane.reach(killed).await;
        lane.kill_recorder();
        let notes = lane.end().await;
        let late = notes
            .exchanges
            .borrow()
            .iter()
            .filter(|exchange| exchange.call.at > killed + Duration::from_secs(1))
            .count();
        assert!(late <= 16, "{late} requests that nobody books");
    });
}

#[test]
fn a_first_reply_that_forbids_ends_the_run_and_rejects_nobody() {
    let notes = under_paused_time(load(&LaneWish::default(), 500, |_| status(403, 50)));
    assert_eq!(notes.ends().len(), 0);
    assert!(notes.exchanges.borrow().len() <= 4, "sent on regardless");
    let fatal = notes.fatal.borrow()[0].clone();
    assert_eq!(fatal.kind, FatalKind::Credentials);
    assert!(fatal.message.contains("403"), "{}", fatal.message);
    assert!(fatal.hint.contains("scope"), "{}", fatal.hint);
}

#[test]
fn a_single_forbidden_record_is_rejected_and_the_run_goes_on() {
    let notes = under_paused_time(load(&LaneWish::default(), 500, |call| {
        status(if call.row % 100 == 50 { 403 } else { 200 }, 50)
    }));
    let ends = notes.ends();
    assert_eq!(ends.len(), 500);
    let rejected = |row: &u64| ends[row] == OutcomeKind::Rejected;
    let rejected: Vec<u64> = (1..=500).filter(rejected).collect();
    assert_eq!(rejected, [50, 150, 250, 350, 450]);
    assert_eq!(notes.refusal(50).error, "http_403");
    assert_eq!(notes.fatal.borrow().as_slice(), []);
}

#[test]
fn a_permission_that_is_withdrawn_ends_the_run_after_few_rows() {
    let notes = under_paused_time(load(&LaneWish::default(), 5_000, |call| {
        status(if call.row <= 300 { 200 } else { 403 }, 50)
    }));
    let ends = notes.ends();
    let rejected = ends.values().filter(|kind| **kind == OutcomeKind::Rejected);
    assert!(rejected.count() < 10);
    assert!(!notes.fatal.borrow().is_empty());
    assert!(ends.len() < 330, "{} rows ended", ends.len());
}
