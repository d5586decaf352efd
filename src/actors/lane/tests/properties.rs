//! Whatever the tenant does: a row ends once, or the run is told that it can't
//! go on.

use std::time::Duration;

use proptest::prelude::*;

use crate::record::OutcomeKind;
use crate::transport::{Cause, Stage};

use super::harness::*;
use super::order::assert_keys_keep_their_order;
use super::tenant::*;

/// One answer of a script.
fn answer() -> impl Strategy<Value = (u16, u64)> {
    let kind = prop_oneof![
        8 => Just(200_u16),
        1 => prop::sample::select(vec![201, 202, 204, 207, 302, 400, 404, 408, 409, 422]),
        1 => prop::sample::select(vec![500, 502, 503, 504, 501, 599]),
        1 => Just(429),
        1 => prop::sample::select(vec![401, 403]),
        // No statuses: 429 and 503 with a wait, no reply, and not sent.
        2 => prop::sample::select(vec![1, 2, 3, 4]),
    ];
    let delay_ms = prop_oneof![4 => 0_u64..200, 1 => 200_u64..5_000, 1 => Just(90_000)];
    (kind, delay_ms)
}

fn play((kind, delay_ms): (u16, u64)) -> Answer {
    match kind {
        1 => throttled(429, &(delay_ms % 9).to_string(), delay_ms),
        2 => throttled(503, &(delay_ms % 5).to_string(), delay_ms),
        3 => broken(Stage::NoReply, Cause::Reset, delay_ms),
        4 => refused(),
        kind => status(kind, delay_ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_row_ends_once_or_the_run_is_ended(
        script in prop::collection::vec(answer(), 1..60),
        rows in 1_u64..120,
        keys in 1_u64..40,
        concurrency in prop::option::of(1_u32..40),
        repeatable in any::<bool>(),
        drain_after_s in prop::option::of(0_u64..60),
        most_tokens in 0_u64..6,
    ) {
        let wish = LaneWish { concurrency, repeatable, most_tokens, ..LaneWish::default() };
        let notes = under_paused_time(async move {
            // The script is played thrice; then the tenant is well, so that
            // waiting for it has an end.
            let calls = script.len() as u64 * 3;
            let mut lane = RunningLane::start(&wish, move |call| {
                if call.number >= calls {
                    return status(200, 5);
                }
                play(script[(call.number % script.len() as u64) as usize])
            });
            lane.feed((1..=rows).map(|row| (row, format!("key{}", row % keys))).collect());
            if let Some(seconds) = drain_after_s {
                lane.reach(Duration::from_secs(seconds)).await;
                lane.drain.send_replace(true);
            }
            lane.end().await
        });
        let ends = notes.ends();
        let gave_up = !notes.fatal.borrow().is_empty()
            || notes.tokens_rejected.borrow().contains(&most_tokens)
            || most_tokens == 0;
        if drain_after_s.is_none() && !gave_up {
            prop_assert_eq!(ends.len() as u64, rows);
        }
        // A drain gives up requests that are long without an answer, where the
        // next leg may repeat them; all others stand in the audit.
        let (audited, sent) = (notes.calls.borrow().len(), notes.exchanges.borrow().len());
        prop_assert!(audited <= sent);
        if !repeatable || (drain_after_s.is_none() && !gave_up) {
            prop_assert_eq!(audited, sent);
        }
        assert_keys_keep_their_order(&notes);
        for (row, kind) in &ends {
            // A row that can't be repeated is never sent again after a request
            // that may have been applied.
            let exchanges = notes.of_row(*row);
            prop_assert!(!exchanges.is_empty());
            let done = matches!(kind, OutcomeKind::Updated | OutcomeKind::Created);
            if done {
                let last = exchanges.last().and_then(|exchange| exchange.status);
                prop_assert!(matches!(last, Some(200 | 201 | 204)), "{:?}", last);
            }
        }
    }
}
