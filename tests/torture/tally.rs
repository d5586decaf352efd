//! Plays cases, several at a time, and tells what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::case::{Case, Played};
use crate::operations::OPERATIONS;

/// Cases at once. Most of their time they wait: for the tenant, or for a search
/// to be believed.
const AT_ONCE: usize = 4;

/// What came of all cases.
#[derive(Default)]
struct Tally {
    held: usize,
    /// Legs that were ended, by how and by operation.
    ends: BTreeMap<String, BTreeMap<&'static str, u64>>,
    of_operation: BTreeMap<&'static str, OfOperation>,
    failures: Vec<String>,
}

#[derive(Default)]
struct OfOperation {
    cases: u64,
    repeated: u64,
    unknown: u64,
    most_open: u64,
}

/// Plays `count` cases, each made from its number. `repeat` gives the command
/// that plays a case again.
///
/// # Panics
/// If a case doesn't hold; all are played before that.
pub(crate) fn play(
    count: usize,
    make: impl Fn(usize) -> Case + Sync,
    repeat: impl Fn(usize, &Case) -> String + Sync,
) {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let case = make(number);
                    let played = catch_unwind(AssertUnwindSafe(|| case.play()));
                    let mut tally = tally.lock();
                    tally.note(&case, played.ok(), || repeat(number, &case));
                    if tally.played().is_multiple_of(25) {
                        println!("{} of {count} played", tally.played());
                    }
                }
            });
        }
    });
    let tally = tally.into_inner();
    println!("{}", tally.table());
    assert!(
        tally.failures.is_empty(),
        "{} of {count} cases don't hold:\n{}",
        tally.failures.len(),
        tally.failures.join("\n")
    );
}

impl Tally {
    fn played(&self) -> usize {
        self.held + self.failures.len()
    }

    fn note(&mut self, case: &Case, played: Option<Played>, repeat: impl Fn() -> String) {
        let name = case.operation.name;
        let Some(played) = played else {
            let told = format!("{case}\n    again: {}", repeat());
            println!("VIOLATION: {told}");
            self.failures.push(told);
            return;
        };
        self.held += 1;
        for label in played.ended_by {
            *self.ends.entry(label).or_default().entry(name).or_default() += 1;
        }
        let of = self.of_operation.entry(name).or_default();
        of.cases += 1;
        of.repeated += played.repeated;
        of.unknown += played.unknown;
        of.most_open = of.most_open.max(played.most_open);
    }

    fn table(&self) -> String {
        let names: BTreeSet<&str> = self.of_operation.keys().copied().collect();
        let names: Vec<&str> = OPERATIONS
            .iter()
            .map(|operation| operation.name)
            .filter(|name| names.contains(name))
            .collect();
        let line = |head: &str, cell: &dyn Fn(&str) -> String| {
            let cells = names
                .iter()
                .map(|name| format!("{:>width$}", cell(name), width = name.len()));
            format!("{head:<28} {}\n", cells.collect::<Vec<_>>().join("  "))
        };
        let mut text = line("", &|name| name.to_owned());
        let of = |name: &str, value: fn(&OfOperation) -> u64| {
            self.of_operation.get(name).map_or(0, value).to_string()
        };
        text.push_str(&line("cases that hold", &|name| of(name, |of| of.cases)));
        for (label, by_name) in &self.ends {
            let ends = |name: &str| by_name.get(name).copied().unwrap_or(0).to_string();
            text.push_str(&line(label, &ends));
        }
        text.push_str(&line("writes repeated", &|name| of(name, |of| of.repeated)));
        text.push_str(&line("rows unknown", &|name| of(name, |of| of.unknown)));
        text.push_str(&line("most open at a kill", &|name| {
            of(name, |of| of.most_open)
        }));
        text
    }
}
