//! The time to the end, as a run tells it while a lane is at work.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::actors::eta::TimeLeft;
use crate::actors::limiters::LimitStanding;
use crate::actors::pace_meter::PaceMeter;
use crate::limit::{CloseReason, GateState, Share};

use super::harness::*;
use super::tenant::*;

const ROWS: u64 = 3_000;

/// What is told at each of these seconds of a load of [`ROWS`] rows.
async fn told_at(
    seconds: &[u64],
    script: impl Fn(&Call) -> Answer + 'static,
) -> Vec<Option<Duration>> {
    let mut lane = RunningLane::start(&LaneWish::default(), script);
    lane.feed(rows_up_to(ROWS));
    let mut meter = PaceMeter::default();
    let mut told = Vec::new();
    let last = *seconds.last().expect("some are asked for");
    for tick in 1..=last * 5 {
        lane.reach(Duration::from_millis(200 * tick)).await;
        let now = Instant::now();
        let ended = lane.notes.outcomes.borrow().len() as u64;
        meter.note(now, ended);
        if tick % 5 != 0 || !seconds.contains(&(tick / 5)) {
            continue;
        }
        let snapshot = lane.controller.lock().snapshot(now.into_std());
        let standing = match snapshot.gate {
            GateState::Open => LimitStanding::default(),
            GateState::Closed { until, reason } => LimitStanding {
                closed_for: until.saturating_duration_since(now.into_std()),
                is_quota: reason == CloseReason::Throttled,
                ..LimitStanding::default()
            },
        };
        let limits = [LimitStanding {
            learned: lane.controller.learned(now.into_std()),
            ..standing
        }];
        let time_left = TimeLeft {
            rows: ROWS - ended,
            rows_a_request: 1.0,
            limits: &limits,
            share: Share::WHOLE,
            max_rate: None,
            ended,
            elapsed: lane.started.elapsed(),
            meter: &meter,
        };
        told.push(time_left.estimate());
    }
    assert!(lane.tear_down().await, "it was still at work");
    told
}

#[test]
fn a_window_that_is_used_up_in_seconds_promises_no_more_than_its_pace() {
    under_paused_time(async {
        let in_window = Cell::new((0, 0));
        let seconds = [5, 30, 59, 90, 150];
        let told = told_at(&seconds, move |call| {
            let window = call.at.as_secs() / 60;
            let (current, taken) = in_window.get();
            let taken = if current == window { taken } else { 0 };
            if taken < 300 {
                in_window.set((window, taken + 1));
                return status(204, 20);
            }
            throttled(429, &(60 - call.at.as_secs() % 60).to_string(), 10)
        })
        .await;
        for (second, told) in seconds.into_iter().zip(told) {
            // 3,000 rows at 300 a minute end in the tenth minute.
            let left = told.expect("it can be told").as_secs_f64();
            let ends_at = left + second as f64;
            assert!((530.0..=680.0).contains(&ends_at), "{second}: {left}");
        }
    });
}

#[test]
fn without_a_limit_the_pace_of_late_counts() {
    under_paused_time(async {
        let told = told_at(&[8], |_| status(204, 800)).await;
        // The window is at 32 after the first seconds: some 40 rows a second.
        let left = told[0].expect("it can be told").as_secs_f64();
        assert!((40.0..=140.0).contains(&left), "{left}");
    });
}
