//! The promise of a crash, for a run that has parts: the real binary is killed
//! around its calls to the system while it loads two targets; one `resume` then
//! finishes both, and each has every record once.
//!
//! The suite tries some instants; `SLUICE_TORTURE_EVERY_CALL=1` tries all.

#![cfg(target_os = "linux")]

#[allow(
    dead_code,
    reason = "a case of single runs needs more of it than this one"
)]
#[path = "torture/shim.rs"]
mod shim;
mod support;

use std::fmt::Write;
use std::fs;

use serde_json::Value;
use shim::{KillPoint, POINTS, counted, killed_at, read_tally};
use support::{Bench, CLIENT_ID, CLIENT_SECRET, Sluice, assert_accounted, fixture};

/// Few enough to try every instant, enough for some to be under way.
const ROWS: u64 = 12;
/// Instants that the suite tries of each source.
const FEW_INSTANTS: usize = 10;

/// What both targets are loaded from.
#[derive(Clone, Copy, Debug)]
enum From {
    File,
    Stream,
}

/// Two targets that make a record once for a key, and maybe a source.
struct Pair {
    first: Bench,
    second: Bench,
    source: Option<Bench>,
}

impl Pair {
    fn new(from: From) -> Self {
        let scenario = "{contacts: {idempotency_keys: true}, latency: {median: 8ms, sigma: 0.3}}";
        let pair = Self {
            first: Bench::new(scenario),
            second: Bench::new(scenario),
            source: matches!(from, From::Stream).then(|| {
                Bench::new(&format!(
                    "contacts: {{existing: {{numbered: {{prefix: c-, count: {ROWS}}}}}}}"
                ))
            }),
        };
        let connector = fixture("connectors").join("create-contacts-once.yaml");
        let connector = fs::read(connector).expect("a connector");
        pair.first.write("connector.yaml", connector);
        let mut rows = String::from("contactId,firstName\n");
        for number in 1..=ROWS {
            writeln!(rows, "c-{number},Name {number}").expect("writing to memory doesn't fail");
        }
        pair.first.write("contacts.csv", rows);
        let source = match &pair.source {
            None => "csv: contacts.csv".to_owned(),
            Some(source) => format!(
                "connector: cxone-contacts, stream: contacts, base_url: {}",
                source.base_url()
            ),
        };
        let target = |name: &str, bench: &Bench| {
            let url = bench.base_url();
            format!("  - {{name: {name}, connector: connector.yaml, base_url: {url}}}\n")
        };
        pair.first.write(
            "job.yaml",
            format!(
                "job: both\nsource: {{{source}}}\n\
                 map: {{externalId: contactId, firstName: firstName}}\ntargets:\n{}{}",
                target("first", &pair.first),
                target("second", &pair.second)
            ),
        );
        pair
    }

    fn sluice(&self, arguments: &[&str]) -> Sluice {
        self.first
            .sluice(arguments)
            .environment("SLUICE_SOURCE_CLIENT_ID", CLIENT_ID)
            .environment("SLUICE_SOURCE_CLIENT_SECRET", CLIENT_SECRET)
            .arguments(["--output", "json"])
    }

    /// Finishes what a kill has left, and holds the books of both targets.
    #[track_caller]
    fn finish(&self, instant: &str) {
        // A run whose directory was never named was never begun.
        let ended = match self.first.runs().is_empty() {
            true => self.sluice(&["run", "job.yaml"]).run(),
            false => self.sluice(&["resume"]).run(),
        };
        assert_eq!(ended.code, Some(0), "{instant}: {}", ended.stderr);
        let summary = ended.json();
        assert_accounted(&summary["counts"]);
        let count = |entity: &Value, name: &str| entity[name].as_u64().expect("a number");
        for (entity, bench) in [&self.first, &self.second].into_iter().enumerate() {
            let entity = &summary["entities"][entity];
            assert_eq!(count(entity, "read"), ROWS, "{instant}");
            for name in ["rejected", "unknown", "skipped", "not_reached"] {
                assert_eq!(count(entity, name), 0, "{instant}: {name}");
            }
            let made = bench.ledger().made;
            assert_eq!(made.len() as u64, ROWS, "{instant}");
            assert!(
                made.values().all(|times| *times == 1),
                "{instant}: {made:?}"
            );
        }
        assert_eq!(self.first.runs().len(), 1, "{instant}");
        if let Some(source) = &self.source {
            // The page that was under way may be asked for again.
            assert!(
                (1..=2).contains(&source.counters().requests.list),
                "{instant}"
            );
        }
    }
}

/// Every instant around a call that an undisturbed run makes.
fn instants(from: From) -> Vec<KillPoint> {
    let pair = Pair::new(from);
    let tally = pair.first.folder().join("tally");
    let ended = counted(pair.sluice(&["run", "job.yaml"]), &tally).run();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let passages = read_tally(&tally);
    let mut instants = Vec::new();
    for (point, moments) in POINTS {
        for passage in 1..=passages[point] {
            instants.extend(moments.iter().map(|&moment| KillPoint {
                point,
                moment,
                passage,
            }));
        }
    }
    instants
}

fn play(from: From) {
    let all = instants(from);
    assert!(all.len() > 100, "{} instants", all.len());
    let step = match std::env::var_os("SLUICE_TORTURE_EVERY_CALL") {
        Some(_) => 1,
        None => all.len().div_ceil(FEW_INSTANTS),
    };
    for at in all.iter().skip(step / 2).step_by(step) {
        let pair = Pair::new(from);
        let ended = killed_at(pair.sluice(&["run", "job.yaml"]), *at).run();
        // An instant that this run has not come to has left it whole.
        assert!(
            matches!(ended.code, None | Some(0)),
            "{at:?}: {}",
            ended.stderr
        );
        pair.finish(&format!("{from:?}, {at:?}"));
    }
}

#[test]
fn two_targets_of_one_file_are_whole_whenever_the_process_dies() {
    play(From::File);
}

#[test]
fn two_targets_of_one_stream_are_whole_whenever_the_process_dies() {
    play(From::Stream);
}
