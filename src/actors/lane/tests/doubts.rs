//! Operations that may not be repeated: what is written down before it leaves,
//! and what is done about a row whose answer was lost.

use std::time::Duration;

use crate::record::OutcomeKind;

use super::harness::*;
use super::making::{LOOKED_UP, MARKED, Treat, load, making, start};
use super::tenant::*;

/// As the plain connector has it: nothing can be looked up.
fn blind() -> LaneWish {
    LaneWish {
        repeatable: false,
        ..LaneWish::default()
    }
}

#[test]
fn a_lost_answer_is_looked_up_and_nothing_is_made_twice() {
    let (notes, maker) = load(&making(LOOKED_UP), 100, |asked| {
        match asked.rows.first().is_some_and(|row| row % 5 == 0) && asked.attempt == 1 {
            true => Treat::DoneUnheard,
            false => Treat::Well,
        }
    });
    maker.assert_each_made_once(100);
    let ends = notes.ends();
    assert_eq!(ends.len(), 100);
    assert!(ends.values().all(|kind| *kind == OutcomeKind::Created));
    let (write, look_up) = (&maker.writes_of(10)[0], &maker.look_ups_of(10)[0]);
    // Before, the tenant might not know its own new record.
    assert!(look_up.at - write.at >= Duration::from_secs(5));
    assert_eq!(maker.look_ups_of(11).len(), 0);
    assert_eq!(*notes.withdrawn.borrow(), Vec::<u64>::new());
}

#[test]
fn a_row_that_was_lost_on_its_way_is_looked_up_and_sent_again() {
    let (notes, maker) = load(&making(LOOKED_UP), 40, |asked| match asked.rows[..] {
        [7] if asked.attempt <= 3 => Treat::Lost,
        _ => Treat::Well,
    });
    maker.assert_each_made_once(40);
    assert_eq!(maker.writes_of(7).len(), 4);
    assert_eq!(maker.look_ups_of(7).len(), 3);
    assert_eq!(*notes.withdrawn.borrow(), [7, 7, 7]);
    assert_eq!(notes.ends()[&7], OutcomeKind::Created);
}

#[test]
fn a_row_that_is_never_applied_is_given_up_as_rejected() {
    let (notes, maker) = load(&making(LOOKED_UP), 40, |asked| match asked.rows[..] {
        [7] => Treat::Lost,
        _ => Treat::Well,
    });
    maker.assert_written_down();
    assert_eq!(maker.writes_of(7).len(), 8);
    assert_eq!(notes.ends()[&7], OutcomeKind::Rejected);
    assert_eq!(notes.refusal(7).error, "retries_exhausted");
}

#[test]
fn a_row_that_can_not_be_looked_up_stays_unknown() {
    let (notes, maker) = load(&making(LOOKED_UP), 40, |asked| {
        match (&asked.rows[..], asked.looks_up) {
            ([7], _) => Treat::DoneUnheard,
            (_, Some(_)) => Treat::Answer(status(500, 10)),
            _ => Treat::Well,
        }
    });
    maker.assert_each_made_once(40);
    assert_eq!(maker.look_ups_of(7).len(), 8);
    assert_eq!(notes.ends()[&7], OutcomeKind::Unknown);
}

#[test]
fn without_a_look_up_a_lost_answer_makes_the_row_unknown_at_once() {
    let notes = under_paused_time(async {
        let mut lane = RunningLane::start(&blind(), |call| match call.row {
            7 => status(500, 10),
            9 => broken(
                crate::transport::Stage::NoReply,
                crate::transport::Cause::Reset,
                10,
            ),
            _ => status(200, 10),
        });
        lane.feed(rows_up_to(40));
        lane.end().await
    });
    for row in [7, 9] {
        assert_eq!(notes.of_row(row).len(), 1);
        assert_eq!(notes.ends()[&row], OutcomeKind::Unknown);
    }
    assert_eq!(notes.intended.borrow().len(), 40, "no end takes one back");
}

#[test]
fn where_the_platform_knows_a_repeat_the_row_is_repeated_with_the_same_mark() {
    let (notes, maker) = load(&making(MARKED), 40, |asked| match asked.rows[..] {
        [7] if asked.attempt <= 2 => Treat::Lost,
        _ => Treat::Well,
    });
    maker.assert_each_made_once(40);
    let marks: Vec<_> = maker
        .writes_of(7)
        .into_iter()
        .map(|asked| asked.mark)
        .collect();
    assert_eq!(marks.len(), 3);
    assert!(marks[0].is_some() && marks.iter().all(|mark| *mark == marks[0]));
    assert_ne!(marks[0], maker.writes_of(8)[0].mark);
    assert_eq!(notes.ends()[&7], OutcomeKind::Created);
    // It may have been applied all the time.
    assert_eq!(*notes.withdrawn.borrow(), Vec::<u64>::new());
}

#[test]
fn a_row_that_was_surely_not_applied_is_taken_back_and_written_down_anew() {
    let (notes, maker) = load(&making(LOOKED_UP), 40, |asked| {
        match (&asked.rows[..], asked.attempt) {
            ([7], 1) => Treat::Answer(throttled(429, "2", 10)),
            ([9], 1) => Treat::Answer(refused()),
            _ => Treat::Well,
        }
    });
    maker.assert_each_made_once(40);
    let withdrawn = notes.withdrawn.borrow();
    assert!(
        withdrawn.contains(&7) && withdrawn.contains(&9),
        "{withdrawn:?}"
    );
    assert_eq!(maker.look_ups_of(7).len() + maker.look_ups_of(9).len(), 0);
}

#[test]
fn what_can_not_be_written_down_is_not_sent() {
    let wish = LaneWish {
        disk_is_full: true,
        ..making(LOOKED_UP)
    };
    let (notes, maker) = load(&wish, 40, |_| Treat::Well);
    assert_eq!(maker.asked.borrow().len(), 0);
    assert_eq!(notes.ends().len(), 0);
}

#[test]
fn what_an_earlier_leg_left_in_doubt_is_looked_up_before_it_is_sent() {
    let wish = LaneWish {
        suspects: vec![3, 4],
        ..making(LOOKED_UP)
    };
    let (notes, maker) = under_paused_time(async {
        let (mut lane, maker) = start(&wish, |_| Treat::Well);
        maker.made.borrow_mut().insert(3, 1);
        lane.feed(rows_up_to(40));
        (lane.end().await, maker)
    });
    maker.assert_each_made_once(40);
    assert_eq!((maker.writes_of(3).len(), maker.writes_of(4).len()), (0, 1));
    assert_eq!(notes.ends()[&3], OutcomeKind::Created);
    assert_eq!(*notes.withdrawn.borrow(), [4]);
}

#[test]
fn a_row_of_an_earlier_leg_is_looked_up_after_the_whole_wait_whatever_the_clock_says() {
    let asked_after = |age: u64| {
        let wish = LaneWish {
            suspects: vec![3],
            suspects_age: Duration::from_millis(age),
            ..making(LOOKED_UP)
        };
        let (_, maker) = load(&wish, 40, |_| Treat::Well);
        let asked = maker.look_ups_of(3);
        assert_eq!(asked.len(), 1);
        asked[0].at.as_millis()
    };
    // This tenant's look-ups are believed after five seconds.
    for age in [0, 3_000, 60_000, 3_600_000] {
        assert!((4_900..5_500).contains(&asked_after(age)), "{age} ms");
    }
}

#[test]
fn what_an_earlier_leg_left_in_doubt_is_never_sent_blindly() {
    let wish = LaneWish {
        suspects: vec![3, 4],
        ..blind()
    };
    let notes = under_paused_time(super::harness::load(&wish, 40, |_| status(200, 10)));
    for row in [3, 4] {
        assert_eq!(notes.of_row(row).len(), 0);
        assert_eq!(notes.ends()[&row], OutcomeKind::Unknown);
        assert_eq!(notes.refusal(row).error, "interrupted");
    }
    assert_eq!(notes.ends().len(), 40);
}

#[test]
fn a_drain_leaves_what_waits_for_its_look_up_to_the_next_leg() {
    let (notes, maker) = under_paused_time(async {
        let (mut lane, maker) = start(&making(LOOKED_UP), |asked| match asked.rows[..] {
            [7] => Treat::DoneUnheard,
            _ => Treat::Well,
        });
        lane.feed(rows_up_to(40));
        lane.reach(Duration::from_secs(3)).await;
        lane.drain.send_replace(true);
        (lane.end().await, maker)
    });
    assert_eq!(maker.look_ups_of(7).len(), 0);
    assert_eq!(notes.ends().len(), 39);
    assert!(!notes.ends().contains_key(&7));
    assert_eq!(*notes.withdrawn.borrow(), Vec::<u64>::new());
}

#[test]
fn a_repeat_that_meets_its_own_record_is_looked_up_again() {
    // The first request comes in late: after the look-up that didn't find it.
    let (notes, maker) = load(&making(LOOKED_UP), 40, |asked| {
        match (&asked.rows[..], asked.looks_up, asked.attempt) {
            ([7], _, 1) => Treat::DoneUnheard,
            ([7], ..) => Treat::Answer(status(409, 10)),
            (_, Some(7), 1) => Treat::Answer(status(404, 10)),
            _ => Treat::Well,
        }
    });
    maker.assert_each_made_once(40);
    assert_eq!(notes.ends()[&7], OutcomeKind::Created);
}
