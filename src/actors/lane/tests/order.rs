//! Every row ends once, and rows of one key keep their order.

use std::collections::HashMap;
use std::time::Duration;

use crate::record::OutcomeKind;
use crate::transport::{Cause, Stage};

use super::harness::*;
use super::tenant::*;

#[test]
fn every_row_is_sent_once_and_ends_once() {
    let notes = under_paused_time(load(&LaneWish::default(), 1_000, |call| {
        status(204, 3 + call.row % 40)
    }));
    notes.assert_all_updated(1_000);
    assert_eq!(notes.exchanges.borrow().len(), 1_000);
    assert_eq!(notes.tokens_accepted.borrow().as_slice(), [1]);
    for call in notes.calls.borrow().iter() {
        assert_eq!((call.attempt, call.rows), (1, 1));
        assert_eq!((call.status, call.class), (Some(204), "done"));
        assert_eq!(
            call.duration,
            Duration::from_millis(3 + call.first_row % 40)
        );
    }
}

#[test]
fn every_request_has_an_id_of_its_own_and_the_audit_names_it() {
    let notes = under_paused_time(load(&LaneWish::default(), 200, |call| {
        status(if call.attempt == 1 { 500 } else { 200 }, 5)
    }));
    let mut ids: Vec<String> = notes
        .calls
        .borrow()
        .iter()
        .map(|call| call.request_id.clone())
        .collect();
    assert_eq!(ids.len(), 400);
    assert!(ids.iter().all(|id| id.starts_with("run-1-")));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 400);
}

#[test]
fn replies_decide_how_rows_end() {
    let notes = under_paused_time(load(&LaneWish::default(), 6, |call| {
        let statuses = [200, 201, 400, 404, 409, 302];
        status(statuses[call.row as usize - 1], 5)
    }));
    let ends = notes.ends();
    let kinds: Vec<OutcomeKind> = (1..=6).map(|row| ends[&row]).collect();
    assert_eq!(
        kinds,
        [
            OutcomeKind::Updated,
            OutcomeKind::Created,
            OutcomeKind::Rejected,
            OutcomeKind::Missing,
            OutcomeKind::Rejected,
            OutcomeKind::Rejected,
        ]
    );
    let refusal = notes.refusal(3);
    assert_eq!(refusal.error, "http_400");
    assert_eq!((refusal.status, refusal.attempts), (Some(400), 1));
    assert!(refusal.request_id.starts_with("run-1-"));
}

/// Rows of one key: each is sent only after the one before has ended for good,
/// whatever it took.
pub(super) fn assert_keys_keep_their_order(notes: &Notes) {
    let mut last_of_key: HashMap<String, (u64, Duration)> = HashMap::new();
    for exchange in notes.exchanges.borrow().iter() {
        let call = &exchange.call;
        if let Some((row, ends)) = last_of_key.get(&call.key) {
            assert!(call.row >= *row, "row {} after row {row}", call.row);
            assert!(call.at >= *ends, "two requests for {} at once", call.key);
        }
        last_of_key.insert(call.key.clone(), (call.row, exchange.ends));
    }
}

#[test]
fn rows_of_one_key_are_never_under_way_at_once_nor_out_of_order() {
    let notes = under_paused_time(async {
        let wish = LaneWish {
            concurrency: Some(40),
            ..LaneWish::default()
        };
        let mut lane = RunningLane::start(&wish, |call| {
            let mixed = call.row * 31 + u64::from(call.attempt) * 17;
            match mixed % 9 {
                0 => status(500, mixed % 70),
                1 => status(429, mixed % 50),
                2 => broken(Stage::NoReply, Cause::Reset, mixed % 90),
                3 => throttled(429, "2", 20),
                4 => throttled(503, "1", 30),
                _ => status(200, mixed % 120),
            }
        });
        let key = |row: u64| format!("key{}", row * row % 11);
        lane.feed((1..=400).map(|row| (row, key(row))).collect());
        lane.end().await
    });
    notes.assert_all_updated(400);
    assert!(notes.exchanges.borrow().len() > 450, "nothing was repeated");
    assert_keys_keep_their_order(&notes);
}

#[test]
fn a_key_that_waits_holds_up_no_other_key() {
    let notes = under_paused_time(async {
        let mut lane = RunningLane::start(&LaneWish::default(), |call| {
            status(200, if call.key == "slow" { 30_000 } else { 10 })
        });
        let key = |row: u64| match row {
            1..=20 => "slow".to_owned(),
            _ => format!("key{row}"),
        };
        lane.feed((1..=200).map(|row| (row, key(row))).collect());
        lane.end().await
    });
    notes.assert_all_updated(200);
    assert_keys_keep_their_order(&notes);
    let exchanges = notes.exchanges.borrow();
    let quick = exchanges.iter().filter(|exchange| exchange.call.row > 20);
    let last_quick = quick.map(|exchange| exchange.ends).max();
    assert!(last_quick < Some(Duration::from_secs(20)), "{last_quick:?}");
}
