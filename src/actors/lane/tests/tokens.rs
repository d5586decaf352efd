//! Tokens come, are refused, and go.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::record::OutcomeKind;

use super::harness::*;
use super::tenant::*;

#[test]
fn nothing_is_sent_before_there_is_a_token() {
    let wish = LaneWish {
        mint_time: Duration::from_secs(40),
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, 100, |_| status(200, 10)));
    notes.assert_all_updated(100);
    let first = notes.exchanges.borrow()[0].call.at;
    assert_eq!(first, Duration::from_secs(40));
}

#[test]
fn a_storm_of_401s_asks_for_one_token_and_every_row_is_sent_again_with_it() {
    let revoked_at = Duration::from_secs(2);
    let wish = LaneWish {
        concurrency: Some(32),
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, 1_000, move |call| {
        // Judged when it arrives, so 32 are under way with the old token.
        let refused = call.generation == 1 && call.at + Duration::from_millis(100) > revoked_at;
        status(if refused { 401 } else { 200 }, 100 + call.row % 30)
    }));
    notes.assert_all_updated(1_000);
    let rejected: BTreeSet<u64> = notes.tokens_rejected.borrow().iter().copied().collect();
    assert_eq!(rejected, BTreeSet::from([1]));
    assert_eq!(notes.tokens_accepted.borrow().as_slice(), [1, 2]);
    let exchanges = notes.exchanges.borrow();
    let refused: Vec<&Exchange> = exchanges
        .iter()
        .filter(|exchange| exchange.status == Some(401))
        .collect();
    assert!(refused.len() >= 32, "{} in flight", refused.len());
    let first_refusal = refused.iter().map(|exchange| exchange.ends).min();
    let first_refusal = first_refusal.expect("some were refused");
    for exchange in exchanges.iter() {
        let call = &exchange.call;
        assert!(
            call.generation == 2 || call.at <= first_refusal,
            "row {} went with the refused token",
            call.row
        );
    }
}

#[test]
fn tokens_that_live_one_second_cost_no_row_and_are_asked_for_once_each() {
    let minted_at = RefCell::new(HashMap::new());
    let notes = under_paused_time(load(&LaneWish::default(), 2_000, move |call| {
        let mut minted_at = minted_at.borrow_mut();
        let first_use = *minted_at.entry(call.generation).or_insert(call.at);
        let expired = call.at >= first_use + Duration::from_secs(1);
        status(if expired { 401 } else { 200 }, 100)
    }));
    notes.assert_all_updated(2_000);
    let accepted = notes.tokens_accepted.borrow().clone();
    assert!(accepted.len() > 2, "{accepted:?}");
    assert!(accepted.iter().copied().eq(1..=accepted.len() as u64));
    let rejected: BTreeSet<u64> = notes.tokens_rejected.borrow().iter().copied().collect();
    assert_eq!(rejected.len() + 1, accepted.len());
}

#[test]
fn a_401_for_one_row_only_rejects_that_row_after_three() {
    let notes = under_paused_time(load(&LaneWish::default(), 500, |call| {
        status(if call.row == 99 { 401 } else { 200 }, 50)
    }));
    let ends = notes.ends();
    assert_eq!(ends.len(), 500);
    assert_eq!(ends[&99], OutcomeKind::Rejected);
    let refusal = notes.refusal(99);
    assert_eq!(refusal.error, "http_401");
    assert_eq!((refusal.status, refusal.attempts), (Some(401), 3));
    let rejected = ends.values().filter(|kind| **kind != OutcomeKind::Updated);
    assert_eq!(rejected.count(), 1);
    assert_eq!(notes.fatal.borrow().as_slice(), []);
}

#[test]
fn tokens_that_are_never_taken_end_the_lane_when_the_refresher_gives_up() {
    let wish = LaneWish {
        most_tokens: 2,
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, 500, |_| status(401, 50)));
    assert_eq!(notes.ends().len(), 0, "a row paid for it");
    assert_eq!(notes.tokens_accepted.borrow().len(), 0);
    let rejected: BTreeSet<u64> = notes.tokens_rejected.borrow().iter().copied().collect();
    assert_eq!(rejected, BTreeSet::from([1, 2]));
}

#[test]
fn a_refresher_that_ends_before_the_first_token_ends_the_lane() {
    let wish = LaneWish {
        most_tokens: 0,
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, 500, |_| status(200, 50)));
    assert_eq!(notes.exchanges.borrow().len(), 0);
    assert_eq!(notes.ends().len(), 0);
}
