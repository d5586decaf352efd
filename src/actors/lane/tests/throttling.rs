//! A tenant that says "too many": it is obeyed, and it costs no row anything.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use crate::record::OutcomeKind;

use super::harness::*;
use super::tenant::*;

/// After a refusal has come back, nothing is sent before its wait is over.
fn assert_no_wait_undercut(notes: &Notes, wait_of: impl Fn(&Exchange) -> Duration) {
    let exchanges = notes.exchanges.borrow();
    let refused = |exchange: &&Exchange| matches!(exchange.status, Some(429 | 503));
    for refusal in exchanges.iter().filter(refused) {
        let until = refusal.ends + wait_of(refusal);
        let early = exchanges
            .iter()
            .find(|exchange| exchange.call.at > refusal.ends && exchange.call.at < until);
        assert!(
            early.is_none(),
            "refused until {until:?}, but {early:?} was sent"
        );
    }
}

/// The wait of a window of five seconds that ends when the clock says so.
fn left_of_window(at: Duration) -> u64 {
    5 - at.as_secs() % 5
}

#[test]
fn a_retry_after_is_never_undercut_and_no_row_is_lost() {
    let in_window = Cell::new((0, 0));
    let notes = under_paused_time(load(&LaneWish::default(), 300, move |call| {
        let window = call.at.as_secs() / 5;
        let (current, taken) = in_window.get();
        let taken = if current == window { taken } else { 0 };
        if taken < 20 {
            in_window.set((window, taken + 1));
            return status(204, 15);
        }
        throttled(429, &left_of_window(call.at).to_string(), 15)
    }));
    notes.assert_all_updated(300);
    assert_no_wait_undercut(&notes, |refusal| {
        Duration::from_secs(left_of_window(refusal.call.at))
    });
}

#[test]
fn a_disk_that_takes_its_time_lets_nothing_out_after_the_refusal() {
    let wish = LaneWish {
        repeatable: false,
        concurrency: Some(8),
        disk_time: Duration::from_millis(150),
        ..LaneWish::default()
    };
    let in_window = Cell::new((0, 0));
    let notes = under_paused_time(load(&wish, 200, move |call| {
        let window = call.at.as_secs() / 5;
        let (current, taken) = in_window.get();
        let taken = if current == window { taken } else { 0 };
        // Answers of many lengths, so that some come while the disk is written.
        let after_ms = 15 + 37 * (call.number % 7);
        if taken < 20 {
            in_window.set((window, taken + 1));
            return status(204, after_ms);
        }
        throttled(429, &left_of_window(call.at).to_string(), after_ms)
    }));
    assert_eq!(notes.ends().len(), 200);
    assert!(
        notes
            .ends()
            .values()
            .all(|end| *end == OutcomeKind::Updated)
    );
    assert_no_wait_undercut(&notes, |refusal| {
        Duration::from_secs(left_of_window(refusal.call.at))
    });
}

#[test]
fn an_unavailable_tenant_is_left_alone_for_as_long_as_it_says() {
    let wish = LaneWish {
        concurrency: Some(4),
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, 200, |call| {
        let down = Duration::from_secs(20)..Duration::from_secs(80);
        if down.contains(&call.at) {
            return throttled(503, "25", 10);
        }
        status(204, 1_000)
    }));
    notes.assert_all_updated(200);
    assert!(
        notes
            .calls
            .borrow()
            .iter()
            .any(|call| call.status == Some(503))
    );
    assert_no_wait_undercut(&notes, |_| Duration::from_secs(25));
}

#[test]
fn a_throttled_row_is_never_given_up() {
    let notes = under_paused_time(load(&LaneWish::default(), 3, |call| {
        match (call.row, call.attempt) {
            (2, ..=60) => throttled(429, "7", 10),
            (3, ..=60) => status(429, 10),
            _ => status(200, 10),
        }
    }));
    notes.assert_all_updated(3);
    assert_eq!(notes.of_row(2).len(), 61);
    assert_no_wait_undercut(&notes, |refusal| {
        Duration::from_secs(if refusal.call.row == 2 { 7 } else { 0 })
    });
}

#[test]
fn a_cap_on_requests_at_once_loses_no_row() {
    // When each request that is under way will end, soonest first.
    let under_way = RefCell::new(VecDeque::new());
    let notes = under_paused_time(load(&LaneWish::default(), 2_000, move |call| {
        let mut under_way = under_way.borrow_mut();
        while under_way.front().is_some_and(|ends| *ends <= call.at) {
            under_way.pop_front();
        }
        if under_way.len() >= 16 {
            return status(429, 0);
        }
        under_way.push_back(call.at + Duration::from_millis(50));
        status(200, 50)
    }));
    notes.assert_all_updated(2_000);
    let calls = notes.calls.borrow();
    let throttled = calls.iter().filter(|call| call.class == "throttled");
    let throttled = throttled.count();
    assert!((1..100).contains(&throttled), "{throttled} refusals");
}

#[test]
fn a_limit_that_others_use_too_costs_no_row_and_is_not_undercut() {
    // Others take most of each window of five seconds: by turns it lets none
    // to three of ours through.
    let in_window = Cell::new((0, 0));
    let notes = under_paused_time(load(&LaneWish::default(), 150, move |call| {
        let window = call.at.as_secs() / 5;
        let (current, taken) = in_window.get();
        let taken = if current == window { taken } else { 0 };
        if taken < window * 7 % 4 {
            in_window.set((window, taken + 1));
            return status(204, 15);
        }
        throttled(429, &left_of_window(call.at).to_string(), 15)
    }));
    notes.assert_all_updated(150);
    assert_no_wait_undercut(&notes, |refusal| {
        Duration::from_secs(left_of_window(refusal.call.at))
    });
}

#[test]
fn a_limit_that_others_use_too_and_that_names_no_wait_costs_no_row() {
    let number = Cell::new(0_u64);
    let notes = under_paused_time(load(&LaneWish::default(), 1_000, move |_| {
        // Three of four are refused, in no order that a row could rely on.
        number.set(number.get().wrapping_mul(6_364_136_223_846_793_005) + 1_442_695);
        let is_admitted = number.get() >> 62 == 0;
        status(if is_admitted { 204 } else { 429 }, 15)
    }));
    notes.assert_all_updated(1_000);
}

#[test]
fn a_row_with_a_limit_of_its_own_is_given_up_and_holds_no_other_up() {
    let notes = under_paused_time(load(&LaneWish::default(), 2_000, |call| match call.row {
        40 => throttled(429, "1", 10),
        _ => status(204, 50),
    }));
    let ends = notes.ends();
    assert_eq!(ends.len(), 2_000);
    assert_eq!(ends[&40], OutcomeKind::Rejected);
    let updated = ends.values().filter(|kind| **kind == OutcomeKind::Updated);
    assert_eq!(updated.count(), 1_999);
    let refusal = notes.refusal(40);
    assert_eq!(
        (refusal.error.as_str(), refusal.status),
        ("http_429", Some(429))
    );
    for pair in notes.of_row(40).windows(2) {
        assert!(pair[1].call.at - pair[0].ends >= Duration::from_secs(1));
    }
}

#[test]
fn the_row_at_the_head_of_the_queue_is_not_blamed_for_waits_that_are_too_short() {
    // Every refusal asks for a second, whatever is left of the minute; so the
    // same row stands before the closed door again and again.
    for round_trip_ms in [20, 35, 50, 65, 80] {
        let in_window = Cell::new((0, 0));
        let notes = under_paused_time(load(&LaneWish::default(), 1_000, move |call| {
            let window = call.at.as_secs() / 60;
            let (current, taken) = in_window.get();
            let taken = if current == window { taken } else { 0 };
            if taken < 300 {
                in_window.set((window, taken + 1));
                // Some are slow, and come in while the others are refused.
                return status(204, round_trip_ms * (1 + call.number % 7));
            }
            throttled(429, "1", 15)
        }));
        notes.assert_all_updated(1_000);
        assert_no_wait_undercut(&notes, |_| Duration::from_secs(1));
    }
}

#[test]
fn a_row_that_is_only_unlucky_is_not_taken_for_one_with_a_limit_of_its_own() {
    // Other clients leave a request in five to us, in no order.
    for seed in 0..20_u64 {
        let wish = LaneWish {
            concurrency: Some(40),
            ..LaneWish::default()
        };
        let state = Cell::new(seed * 7_919 + 13);
        let notes = under_paused_time(load(&wish, 120, move |call| {
            let next = state.get().wrapping_mul(6_364_136_223_846_793_005);
            state.set(next.wrapping_add(1_442_695_040_888_963_407));
            if (state.get() >> 33) % 100 < 20 {
                return status(204, 15);
            }
            throttled(429, &left_of_window(call.at).to_string(), 15)
        }));
        notes.assert_all_updated(120);
        assert_no_wait_undercut(&notes, |refusal| {
            Duration::from_secs(left_of_window(refusal.call.at))
        });
    }
}

#[test]
fn a_gateway_that_says_503_to_whoever_is_too_fast_costs_no_row() {
    // One request a second gets through, as behind nginx's `limit_req` with its
    // own status; the clients of a busy minute are turned away a dozen times.
    let latest = Cell::new(None);
    let notes = under_paused_time(load(&LaneWish::default(), 120, move |call| {
        let second = call.at.as_secs();
        let is_first = latest.replace(Some(second)) != Some(second);
        status(if is_first { 200 } else { 503 }, 5)
    }));
    notes.assert_all_updated(120);
}
