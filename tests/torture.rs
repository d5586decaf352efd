//! The promise of a crash, tried where it can break: the real binary is killed
//! with SIGKILL before, within and after its calls to the system, at random
//! moments and in a drain, resumed, killed again; at the end the tenant's
//! ledger, the journal and the report are compared row by row.
//!
//! The suite plays a few cases, always the same. `scripts/torture` plays as many
//! as it is told, with a seed that it prints.

#![cfg(target_os = "linux")]

#[path = "torture/case.rs"]
mod case;
#[path = "torture/journal.rs"]
mod journal;
#[path = "torture/judge.rs"]
mod judge;
#[path = "torture/operations.rs"]
mod operations;
#[path = "torture/power.rs"]
mod power;
#[path = "torture/rounds.rs"]
mod rounds;
#[path = "torture/shim.rs"]
mod shim;
mod support;
#[path = "torture/tally.rs"]
mod tally;
#[path = "torture/wishes.rs"]
mod wishes;

use case::{Case, Work};
use operations::{OPERATIONS, Operation};
use rounds::Surveyor;
use tally::play;
use wishes::{Wishes, again};

#[test]
fn kills_at_any_moment_lose_nothing_and_do_nothing_twice() {
    let wishes = Wishes::read();
    let surveyor = Surveyor::default();
    play(
        wishes.rounds.unwrap_or(OPERATIONS.len()),
        |number| surveyor.drawn(wishes.seed_of(number), wishes.only),
        |number, case| {
            let seed = wishes.seed_of(number);
            let name = case.operation.name;
            format!("scripts/torture --rounds 1 --seed {seed} --only {name}")
        },
    );
}

/// Plays small cases of all operations: all of them, or some that lie far apart.
fn play_small(cases_of: impl Fn(&Surveyor, &'static Operation, Work) -> Vec<Case>) {
    let wishes = Wishes::read();
    let surveyor = Surveyor::default();
    let mut cases: Vec<Case> = match &wishes.instant {
        Some(case) => vec![case.clone()],
        None => OPERATIONS
            .iter()
            .filter(|operation| wishes.wants(operation))
            .flat_map(|operation| {
                let of = |work| cases_of(&surveyor, operation, work);
                [of(Work::Load), of(Work::Retry)].concat()
            })
            .collect(),
    };
    if !wishes.every_call {
        let step = cases.len().div_ceil(wishes.few_instants());
        cases = cases.into_iter().skip(step / 2).step_by(step).collect();
    }
    play(
        cases.len(),
        |number| cases[number].clone(),
        |_, case| again(case),
    );
}

#[test]
fn a_kill_at_a_call_to_the_system_loses_nothing_and_does_nothing_twice() {
    play_small(Surveyor::at_every_call);
}

#[test]
fn a_disk_that_is_full_from_some_write_on_loses_nothing_and_is_told() {
    play_small(Surveyor::at_every_write);
}

#[test]
fn however_often_it_is_killed_as_many_records_are_made_as_rows_were_sent() {
    let wishes = Wishes::read();
    let operation = Operation::find("post-look-up");
    if !wishes.wants(operation) {
        return;
    }
    let surveyor = Surveyor::default();
    let (rows, kills) = wishes.long_load();
    let rounds = wishes.rounds.unwrap_or(1);
    play(
        1,
        |_| surveyor.long(wishes.seed_of(0), operation, rows, kills),
        |_, _| {
            let seed = wishes.seed_of(0);
            format!("scripts/torture --rounds {rounds} --seed {seed} --only post-look-up")
        },
    );
}
