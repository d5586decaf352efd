//! Failures of single rows, while others get through.

use std::time::Duration;

use crate::record::OutcomeKind;
use crate::transport::{Cause, Stage, TlsFlaw};

use super::harness::*;
use super::tenant::*;

const ODD: u64 = 17;

/// A 202 says nothing about what became of the row.
const UNCLEAR: &str = r#"
name: scripted
title: A tenant made of a closure
base_url: https://scripted.example
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
operations:
  save:
    method: PUT
    path: /{id}
    key: id
    effect: upserted
    fields: {name: {}}
    replies: [{status: 202, class: unknown}]
"#;

/// All rows are answered at once but the odd one, which the script is about.
fn but_one(script: impl Fn(u32) -> Answer + 'static) -> impl Fn(&Call) -> Answer + 'static {
    move |call| match call.row {
        ODD => script(call.attempt),
        _ => status(200, 2_000),
    }
}

fn not_repeatable() -> LaneWish {
    LaneWish {
        repeatable: false,
        ..LaneWish::default()
    }
}

#[test]
fn a_passing_failure_is_repeated_after_waits_that_grow() {
    let script = but_one(|attempt| status(if attempt <= 4 { 500 } else { 200 }, 10));
    let notes = under_paused_time(load(&LaneWish::default(), 400, script));
    notes.assert_all_updated(400);
    let tries = notes.of_row(ODD);
    assert_eq!(tries.len(), 5);
    for (index, pair) in tries.windows(2).enumerate() {
        let wait = pair[1].call.at - pair[0].ends;
        let middle = Duration::from_millis(500) * (1 << index);
        // The gate or a full window may add to it, but nothing may shorten it.
        assert!(
            wait >= middle / 2,
            "wait {wait:?} after failure {}",
            index + 1
        );
        assert!(
            wait <= middle * 2 + Duration::from_secs(3),
            "{wait:?}, {middle:?}"
        );
    }
}

#[test]
fn a_row_whose_answers_say_nothing_is_unknown_and_not_rejected() {
    let wish = LaneWish {
        connector: Some(UNCLEAR),
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, 400, but_one(|_| status(202, 10))));
    assert_eq!(notes.ends()[&ODD], OutcomeKind::Unknown);
    assert!(!notes.refusal(ODD).message.is_empty());
}

#[test]
fn a_row_that_fails_for_ever_is_given_up_and_says_so() {
    let notes = under_paused_time(load(
        &LaneWish::default(),
        400,
        but_one(|_| status(500, 10)),
    ));
    let ends = notes.ends();
    assert_eq!(ends.len(), 400);
    assert_eq!(ends[&ODD], OutcomeKind::Rejected);
    let refusal = notes.refusal(ODD);
    assert_eq!(refusal.error, "retries_exhausted");
    assert_eq!((refusal.status, refusal.attempts), (Some(500), 8));
    assert!(
        refusal.message.contains("gave up after 8 attempts"),
        "{}",
        refusal.message
    );
    assert_eq!(notes.fatal.borrow().as_slice(), []);
}

#[test]
fn a_request_that_never_left_is_never_unknown() {
    for wish in [LaneWish::default(), not_repeatable()] {
        let script = but_one(|attempt| match attempt {
            ..=5 => refused(),
            _ => status(200, 10),
        });
        let notes = under_paused_time(load(&wish, 400, script));
        notes.assert_all_updated(400);
        assert_eq!(notes.of_row(ODD).len(), 6);
    }
}

#[test]
fn a_request_that_never_left_does_not_count_against_its_row() {
    // That no connection could be had says nothing about the row.
    let script = but_one(|attempt| match attempt {
        ..=20 => refused(),
        _ => status(200, 10),
    });
    let notes = under_paused_time(load(&LaneWish::default(), 2_000, script));
    notes.assert_all_updated(2_000);
}

#[test]
fn without_an_answer_a_row_that_cannot_be_repeated_is_unknown_at_once() {
    for cause in [Cause::Reset, Cause::Timeout] {
        let script = but_one(move |_| broken(Stage::NoReply, cause.clone(), 10));
        let notes = under_paused_time(load(&not_repeatable(), 50, script));
        assert_eq!(notes.ends().len(), 50);
        assert_eq!(notes.ends()[&ODD], OutcomeKind::Unknown);
        assert_eq!(notes.of_row(ODD).len(), 1);
        let refusal = notes.refusal(ODD);
        assert_eq!(
            (refusal.error.as_str(), refusal.status),
            ("no_answer", None)
        );
        assert_eq!(notes.calls.borrow().len(), 50);
    }
}

#[test]
fn an_answer_that_says_nothing_makes_a_row_unknown_only_where_it_cannot_be_repeated() {
    let script = || but_one(|attempt| status(if attempt == 1 { 202 } else { 200 }, 10));
    let notes = under_paused_time(load(&not_repeatable(), 50, script()));
    assert_eq!(notes.ends()[&ODD], OutcomeKind::Unknown);
    assert_eq!(notes.of_row(ODD).len(), 1);

    let notes = under_paused_time(load(&LaneWish::default(), 50, script()));
    notes.assert_all_updated(50);
    assert_eq!(notes.of_row(ODD).len(), 2);
}

#[test]
fn a_gateway_that_gave_up_waiting_leaves_a_row_unknown_that_cannot_be_repeated() {
    for gateway in [502, 504] {
        let script = but_one(move |_| status(gateway, 10));
        let notes = under_paused_time(load(&not_repeatable(), 50, script));
        assert_eq!(notes.ends()[&ODD], OutcomeKind::Unknown, "{gateway}");
        assert_eq!(notes.of_row(ODD).len(), 1, "{gateway}");
    }
}

#[test]
fn without_an_answer_a_row_that_can_be_repeated_is_repeated() {
    let script = but_one(|attempt| match attempt {
        1 => broken(Stage::NoReply, Cause::Reset, 10),
        // Never: the request's own time-out ends it.
        2 => status(200, 3_600_000),
        _ => status(200, 10),
    });
    let notes = under_paused_time(load(&LaneWish::default(), 400, script));
    notes.assert_all_updated(400);
    assert_eq!(notes.of_row(ODD).len(), 3);
}

#[test]
fn a_row_whose_last_attempt_had_no_answer_is_unknown_and_not_rejected() {
    let script = but_one(|_| broken(Stage::NoReply, Cause::Reset, 10));
    let notes = under_paused_time(load(&LaneWish::default(), 400, script));
    assert_eq!(notes.ends()[&ODD], OutcomeKind::Unknown);
    let refusal = notes.refusal(ODD);
    assert_eq!((refusal.error.as_str(), refusal.attempts), ("no_answer", 8));
}

#[test]
fn a_certificate_that_cannot_be_trusted_ends_the_run_at_once_and_names_the_cause() {
    let notes = under_paused_time(load(&LaneWish::default(), 400, |_| {
        let flaw = TlsFlaw::Expired;
        let host = "scripted.example".to_owned();
        broken(Stage::NotSent, Cause::Tls { host, flaw }, 30)
    }));
    assert_eq!(notes.ends().len(), 0);
    let fatal = notes.fatal.borrow()[0].clone();
    assert!(fatal.message.contains("expired"), "{}", fatal.message);
    assert!(fatal.hint.contains("clock"), "{}", fatal.hint);
}

#[test]
fn half_of_everything_failing_loses_no_row() {
    let notes = under_paused_time(load(&LaneWish::default(), 2_000, |call| {
        let failing = (call.row * 7 + u64::from(call.attempt) * 3) % 2 == 0;
        status(if failing { 500 } else { 200 }, 20)
    }));
    notes.assert_all_updated(2_000);
}

#[test]
fn a_row_that_alone_gets_503_for_ever_is_given_up() {
    let notes = under_paused_time(load(
        &LaneWish::default(),
        400,
        but_one(|_| status(503, 10)),
    ));
    assert_eq!(notes.ends()[&ODD], OutcomeKind::Rejected);
    assert_eq!(notes.refusal(ODD).error, "retries_exhausted");
    assert_eq!(notes.ends().len(), 400);
}
