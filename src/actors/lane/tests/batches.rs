//! Several rows in one request.

use std::collections::BTreeSet;
use std::time::Duration;

use http::HeaderValue;
use serde_json::json;

use crate::record::OutcomeKind;
use crate::transport::Reply;

use super::harness::*;
use super::making::{LISTED, Treat, listed, load, making, start};
use super::tenant::*;

#[test]
fn rows_travel_together_and_each_has_its_own_end() {
    let (notes, maker) = load(&making(LISTED), 200, |asked| {
        let bad = |row: &u64| row.is_multiple_of(10);
        match asked.rows.iter().any(bad) {
            true => Treat::Results(listed(
                asked
                    .rows
                    .iter()
                    .map(|row| (*row, if bad(row) { 422 } else { 201 })),
            )),
            false => Treat::Well,
        }
    });
    maker.assert_written_down();
    let ends = notes.ends();
    assert_eq!(ends.len(), 200);
    for (row, kind) in &ends {
        let expected = match row % 10 {
            0 => OutcomeKind::Rejected,
            _ => OutcomeKind::Created,
        };
        assert_eq!(*kind, expected, "row {row}");
        assert_eq!(maker.made.borrow().contains_key(row), row % 10 != 0);
    }
    assert_eq!(notes.refusal(50).message, "bad");
    let requests = maker.asked.borrow().len();
    assert!(
        (25..=32).contains(&requests),
        "{requests} requests of 8 rows"
    );
    let rows_told: u32 = notes.calls.borrow().iter().map(|call| call.rows).sum();
    assert_eq!(rows_told, 200, "the audit tells of every row");
    assert!(maker.made.borrow().values().all(|made| *made == 1));
}

#[test]
fn a_refused_list_is_halved_until_the_bad_rows_are_alone() {
    let (notes, maker) = load(&making(LISTED), 64, |asked| {
        match asked.rows.iter().any(|row| *row == 13 || *row == 14) {
            true => Treat::Answer(status(422, 20)),
            false => Treat::Well,
        }
    });
    let rejected: BTreeSet<u64> = notes
        .ends()
        .into_iter()
        .filter(|(_, kind)| *kind == OutcomeKind::Rejected)
        .map(|(row, _)| row)
        .collect();
    assert_eq!(rejected, BTreeSet::from([13, 14]));
    assert_eq!(maker.made.borrow().len(), 62);
    assert!(maker.made.borrow().values().all(|made| *made == 1));
    // 8 requests, and two for each halving of the one or two that were refused.
    let requests = maker.asked.borrow().len();
    assert!(requests <= 8 + 14, "{requests} requests");
}

#[test]
fn a_list_that_is_too_long_makes_all_later_ones_shorter() {
    let (notes, maker) = load(&making(LISTED), 200, |asked| match asked.rows.len() {
        ..=3 => Treat::Well,
        _ => Treat::Answer(status(413, 20)),
    });
    maker.assert_each_made_once(200);
    assert_eq!(notes.ends().len(), 200);
    let too_long = maker.asked.borrow();
    let too_long = too_long.iter().filter(|asked| asked.rows.len() > 3).count();
    // At most what was under way at each of the two steps down.
    assert!(too_long <= 4 + 8, "{too_long} lists were too long");
}

#[test]
fn rows_of_one_key_are_never_in_one_list() {
    let (notes, maker) = under_paused_time(async {
        let (mut lane, maker) = start(&making(LISTED), |asked| {
            // Results name keys: every row of these has one of five.
            Treat::Results(listed(asked.rows.iter().map(|row| (row % 5, 201))))
        });
        lane.feed(
            (1..=60)
                .map(|row| (row, format!("key{}", row % 5)))
                .collect(),
        );
        (lane.end().await, maker)
    });
    let ends = notes.ends();
    assert!(ends.len() == 60 && ends.values().all(|kind| *kind == OutcomeKind::Created));
    let asked = maker.asked.borrow();
    for list in asked.iter() {
        let keys: BTreeSet<u64> = list.rows.iter().map(|row| row % 5).collect();
        assert_eq!(keys.len(), list.rows.len(), "{:?}", list.rows);
    }
    for key in 0..5 {
        let order: Vec<u64> = asked
            .iter()
            .flat_map(|list| list.rows.iter().copied().filter(|row| row % 5 == key))
            .collect();
        assert!(order.is_sorted(), "{order:?}");
    }
}

#[test]
fn a_row_that_is_to_be_repeated_is_repeated_alone() {
    let (notes, maker) = load(&making(LISTED), 40, |asked| {
        match asked.rows.contains(&7) && asked.rows.len() > 1 {
            true => Treat::Results(listed(
                asked
                    .rows
                    .iter()
                    .map(|row| (*row, if *row == 7 { 429 } else { 201 })),
            )),
            false => Treat::Well,
        }
    });
    maker.assert_each_made_once(40);
    assert_eq!(notes.ends()[&7], OutcomeKind::Created);
    assert_eq!(*notes.withdrawn.borrow(), [7]);
    for row in [1, 8, 40] {
        assert_eq!(maker.writes_of(row).len(), 1, "row {row}");
    }
}

#[test]
fn a_list_without_an_answer_is_looked_up_row_by_row() {
    let (notes, maker) = load(&making(LISTED), 40, |asked| {
        match asked.rows.contains(&7) && asked.rows.len() > 1 {
            true => Treat::DoneUnheard,
            false => Treat::Well,
        }
    });
    maker.assert_each_made_once(40);
    assert!(
        notes
            .ends()
            .values()
            .all(|kind| *kind == OutcomeKind::Created)
    );
    assert_eq!(maker.look_ups_of(7).len(), 1);
    let look_ups = maker.asked.borrow();
    let look_ups = look_ups.iter().filter(|asked| asked.looks_up.is_some());
    assert_eq!(look_ups.count(), 8);
}

/// In lists of two hundred, with reasons.
fn long_lists() -> LaneWish {
    let text = LISTED.replace("batch: 8", "batch: 200") + "    errors: {messages: [/why]}\n";
    making(Box::leak(text.into_boxed_str()))
}

/// A refusal in words of its own.
fn refused_for(why: &str) -> Treat {
    let reply = Reply::new(422, json!({ "why": why }).to_string());
    Treat::Answer((Duration::from_millis(20), Ok(reply)))
}

#[test]
fn a_refusal_that_holds_for_every_row_is_not_asked_for_row_by_row() {
    let (notes, maker) = load(&long_lists(), 2_000, |_| {
        refused_for("there is no column colour")
    });
    let ends = notes.ends();
    assert_eq!(ends.len(), 2_000);
    assert!(ends.values().all(|kind| *kind == OutcomeKind::Rejected));
    for row in 1..=2_000 {
        let message = notes.refusal(row).message;
        assert!(
            message.starts_with("there is no column colour"),
            "{message}"
        );
    }
    assert!(!notes.refusal(1).message.contains("rows before it"));
    let last = notes.refusal(2_000).message;
    assert!(
        last.contains("32 rows before it were refused in these words"),
        "{last}"
    );
    // Row by row they were some 4,000.
    let requests = maker.asked.borrow().len();
    assert!(requests < 450, "{requests} requests");
}

#[test]
fn rows_that_are_refused_for_themselves_take_no_others_along() {
    // Many in all, and never as many in a row, or in the same words.
    let is_bad = |row: u64| row % 40 < 25;
    let (notes, maker) = load(&long_lists(), 1_000, move |asked| {
        match asked.rows.iter().find(|row| is_bad(**row)) {
            Some(row) if row % 2 == 0 => refused_for("too long"),
            Some(_) => refused_for("too short"),
            None => Treat::Well,
        }
    });
    for (row, kind) in notes.ends() {
        let expected = match is_bad(row) {
            true => OutcomeKind::Rejected,
            false => OutcomeKind::Created,
        };
        assert_eq!(kind, expected, "row {row}");
    }
    assert!(maker.made.borrow().values().all(|made| *made == 1));
}

#[test]
fn a_row_refused_within_an_answered_list_has_the_platform_s_own_id_of_the_call() {
    let text = format!("request_id: {{read: [X-Correlation-Id]}}\n{LISTED}");
    let wish = making(Box::leak(text.into_boxed_str()));
    let (notes, _) = load(&wish, 8, |asked| {
        let of = asked.rows.iter();
        let results = listed(of.map(|row| (*row, if *row == 3 { 422 } else { 201 })));
        let mut reply = Reply::new(200, results.to_string());
        let theirs = HeaderValue::from_static("theirs-1");
        reply.headers.insert("x-correlation-id", theirs);
        Treat::Answer((Duration::from_millis(20), Ok(reply)))
    });
    assert_eq!(notes.refusal(3).request_id, "theirs-1");
    let calls = notes.calls.borrow();
    assert!(calls.iter().any(|call| call.request_id == "theirs-1"));
}
