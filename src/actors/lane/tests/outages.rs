//! A tenant that is away: the run waits for it, and no row pays for it.

use std::time::Duration;

use crate::record::OutcomeKind;
use crate::transport::{Cause, Stage};

use super::harness::*;
use super::tenant::*;

const AWAY_FROM: Duration = Duration::from_secs(30);
const AWAY_TO: Duration = Duration::from_secs(630);

/// Well at first and at the end, and ten minutes away in between.
fn away(how: impl Fn(&Call) -> Answer + 'static) -> impl Fn(&Call) -> Answer + 'static {
    move |call| {
        if (AWAY_FROM..AWAY_TO).contains(&call.at) {
            return how(call);
        }
        status(204, 1_000)
    }
}

fn survives(rows: u64, how: impl Fn(&Call) -> Answer + 'static) {
    let wish = LaneWish {
        concurrency: Some(4),
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, rows, away(how)));
    notes.assert_all_updated(rows);
    let told = notes.notices.borrow();
    assert!(
        told.len() == 2
            && told[0].starts_with("nothing has got through to the tenant for ")
            && told[1].starts_with("requests get through to the tenant again, after "),
        "{told:?}"
    );
    let exchanges = notes.exchanges.borrow();
    let during = |exchange: &&Exchange| (AWAY_FROM..AWAY_TO).contains(&exchange.call.at);
    assert!(exchanges.iter().filter(during).count() > 5);
    let back = exchanges
        .iter()
        .filter(|exchange| exchange.call.at >= AWAY_TO)
        .map(|exchange| exchange.ends)
        .min()
        .expect("the tenant was asked again");
    assert!(back < AWAY_TO + Duration::from_secs(90), "back at {back:?}");
}

#[test]
fn ten_minutes_of_503_reject_no_row() {
    survives(300, |_| status(503, 10));
}

#[test]
fn ten_minutes_of_503_with_a_wait_reject_no_row() {
    survives(300, |_| throttled(503, "5", 10));
}

#[test]
fn ten_minutes_of_refused_connections_reject_no_row() {
    survives(300, |_| refused());
}

#[test]
fn ten_minutes_of_silence_reject_no_row() {
    survives(300, |_| status(200, 3_600_000));
}

#[test]
fn ten_minutes_of_broken_connections_reject_no_row() {
    survives(300, |_| broken(Stage::NoReply, Cause::Reset, 10));
}

#[test]
fn an_outage_at_the_end_of_the_input_rejects_no_row_either() {
    // Of 122 rows, 120 are done before it begins; too few are left to tell an
    // outage by their number.
    survives_at_the_end(|_| refused());
}

fn survives_at_the_end(how: impl Fn(&Call) -> Answer + 'static) {
    let wish = LaneWish {
        concurrency: Some(4),
        ..LaneWish::default()
    };
    let notes = under_paused_time(load(&wish, 122, away(how)));
    notes.assert_all_updated(122);
    assert!(
        notes.exchanges.borrow().len() > 122,
        "nobody met the outage"
    );
}

#[test]
fn an_unavailable_tenant_that_names_half_an_hour_is_waited_for() {
    let back = Duration::from_secs(40 * 60);
    let notes = under_paused_time(load(&LaneWish::default(), 500, move |call| match call.at {
        at if at < Duration::from_secs(5) => status(204, 1_000),
        at if at < back => throttled(503, "1800", 10),
        _ => status(204, 1_000),
    }));
    notes.assert_all_updated(500);
}

#[test]
fn a_tenant_that_never_comes_back_ends_the_run_and_rejects_no_row() {
    under_paused_time(async {
        let mut lane = RunningLane::start(&LaneWish::default(), |call| {
            if call.at < AWAY_FROM {
                return status(204, 1_000);
            }
            status(503, 10)
        });
        lane.feed(rows_up_to(5_000));
        let started = lane.started;
        let notes = lane.end().await;
        let lasted = started.elapsed() - AWAY_FROM;
        let patience = Duration::from_secs(15 * 60);
        assert!(lasted >= patience, "{lasted:?}");
        assert!(lasted < patience + Duration::from_secs(60), "{lasted:?}");
        let fatal = notes.fatal.borrow();
        let message = &fatal[0].message;
        assert!(message.contains("nothing got through"), "{message}");
        assert!(message.contains("503"), "{message}");
        let ends = notes.ends();
        let mut kinds = ends.values();
        assert!(kinds.all(|kind| *kind == OutcomeKind::Updated));
    });
}

/// The time until a tenant that never answered anything is told about, and the
/// lane has ended.
fn told_after(rows: u64, how: impl Fn(&Call) -> Answer + 'static) -> Duration {
    under_paused_time(async move {
        let mut lane = RunningLane::start(&LaneWish::default(), how);
        lane.feed(rows_up_to(rows));
        let started = lane.started;
        let notes = lane.end().await;
        assert_eq!(notes.ends().len(), 0, "a row paid for it");
        assert!(!notes.fatal.borrow().is_empty(), "nothing was said");
        started.elapsed()
    })
}

#[test]
fn a_tenant_that_is_not_there_is_told_about_in_seconds() {
    for rows in [1, 3, 1_000] {
        let told = told_after(rows, |_| refused());
        assert!(told <= Duration::from_secs(11), "{rows} rows: {told:?}");
    }
}

#[test]
fn a_tenant_that_takes_requests_and_never_answers_is_told_about_after_one_time_out() {
    // One time-out of the operation (60 s) has to pass before anything is
    // known, and a drain leaves what is under way some time.
    for rows in [1, 3, 1_000] {
        let told = told_after(rows, |_| status(200, 3_600_000));
        assert!(told <= Duration::from_secs(105), "{rows} rows: {told:?}");
    }
}
