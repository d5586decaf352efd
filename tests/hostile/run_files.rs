//! A run's own files, damaged: a journal that can't be trusted is refused by
//! its name, and a torn one still tells a state that was committed.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sluice::error::FatalError;
use sluice::limit::{Controller, Decision, LearnedLimit, LimitSettings};
use sluice::record::{Position, RowId, RowRanges};
use sluice::store::{
    Checkpoint, Commit, IntendedRow, Intent, Journal, JournalState, LimitProfiles, RunDirectory,
    SqliteJournal,
};

use crate::hunt::Hunt;

const WORDS: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x01",
    b"SQLite format 3\0",
    b"\"updated\":99",
    b"\"row\":18446744073709551615",
    b"null",
    b"-1",
    b"{",
    b"}",
    b"\x0d\0\0\0",
    b"\x05\0\0\0",
];

const JSON_WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"0.0",
    b"-0.0",
    b"1e308",
    b"1e-308",
    b"1e999",
    b"18446744073709551615",
    b"\"kind\": \"concurrency_cap\"",
    b"\"kind\": \"none\"",
    b"\"kind\": \"told\"",
    b"\"kind\": \"token_bucket\"",
    b"\"sure\": false",
    b"\"burst\": null",
    b"\"concurrency_cap\": 0",
    b"\\u001b",
    b"\x1b",
    b"\xff",
];

/// What a journal says of rows: those that ended, and those in doubt.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    finished: Vec<(u64, u64)>,
    in_doubt: Vec<u64>,
}

impl Told {
    fn by(state: &JournalState) -> Self {
        Self {
            finished: state.finished.iter().collect(),
            in_doubt: state.suspects.keys().map(|row| row.0).collect(),
        }
    }
}

/// What three rounds of intents and outcomes leave: what was told after each
/// transaction, and the files at that moment.
struct Written {
    states: Vec<Told>,
    database: Vec<u8>,
    log: Vec<u8>,
}

fn written(folder: &Path) -> Written {
    let path = folder.join("journal.db");
    drop(SqliteJournal::create(&path).expect("made"));
    let mut journal = SqliteJournal::open(&path).expect("opened");
    let mut rows = RowRanges::default();
    let mut states = vec![Told::by(&journal.load().expect("loaded"))];
    for part in [&[1, 2, 9][..], &[3, 4, 5, 12], &[6, 20]] {
        let intended: Vec<IntendedRow> = part
            .iter()
            .map(|&row| IntendedRow {
                row: RowId(row),
                position: Position {
                    byte: row * 100,
                    line: row + 1,
                },
                intent: Intent::Write,
            })
            .collect();
        journal.intend(&intended, 1_795_266_306_000).expect("noted");
        states.push(Told::by(&journal.load().expect("loaded")));
        let settled: Vec<RowId> = part.iter().copied().map(RowId).collect();
        settled.iter().for_each(|row| {
            rows.insert(row.0);
        });
        let mut checkpoint = Checkpoint::default();
        checkpoint.counts.updated = rows.rows();
        checkpoint.book_bytes.insert("rejected.csv".to_owned(), 512);
        let commit = Commit {
            changes: &rows.changes(),
            checkpoint: &checkpoint,
            // One stays in doubt in the journal, though it has ended.
            settled: &settled[1..],
            listed: &[],
            unlisted_lines: &[],
            target_ids: &[],
        };
        journal.commit(&commit).expect("committed");
        rows.mark_stored();
        states.push(Told::by(&journal.load().expect("loaded")));
    }
    let database = fs::read(&path).expect("read");
    let log = fs::read(folder.join("journal.db-wal")).expect("read");
    Written {
        states,
        database,
        log,
    }
}

/// Loads a journal of these files; the error in words.
fn load(database: &[u8], log: Option<&[u8]>) -> Result<JournalState, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.db");
    fs::write(&path, database).expect("written");
    if let Some(log) = log {
        fs::write(folder.path().join("journal.db-wal"), log).expect("written");
    }
    let loaded = SqliteJournal::open(&path).and_then(|mut journal| journal.load());
    loaded.map_err(|error| {
        let words = error.to_string();
        assert!(
            words.contains(&path.display().to_string()),
            "no file named: {words}"
        );
        words.replace(&path.display().to_string(), "")
    })
}

#[test]
fn a_damaged_journal_is_refused_or_agrees_with_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    // Closed by now, so the log's commits are in the one file.
    let mut known = written(folder.path());
    let closed = fs::read(folder.path().join("journal.db")).expect("read");
    let whole = load(&closed, None).expect("whole");
    assert_eq!(Some(Told::by(&whole)), known.states.pop());
    let hunt = Hunt {
        target: "journal",
        seeds: vec![closed],
        words: WORDS,
        rounds: 600,
    };
    hunt.run(|input| match load(input, None) {
        Ok(state) => {
            let mut free_from = 1;
            for (first, last) in state.finished.iter() {
                assert!(first >= free_from && first <= last, "{:?}", state.finished);
                free_from = last + 2;
            }
            assert_eq!(state.finished.rows(), state.checkpoint.counts.ended());
            assert!(
                state
                    .suspects
                    .keys()
                    .all(|row| !state.finished.contains(row.0))
            );
            format!("{} rows", state.finished.rows())
        }
        Err(words) => words.chars().filter(|one| !one.is_ascii_digit()).collect(),
    });
}

#[test]
fn a_torn_log_leaves_a_state_that_was_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let known = written(folder.path());
    let hunt = Hunt {
        target: "journal-log",
        seeds: vec![known.log.clone()],
        words: WORDS,
        rounds: 500,
    };
    hunt.run(|log| {
        let state = load(&known.database, Some(log)).expect("a torn log is no damage");
        let told = Told::by(&state);
        let found = known.states.iter().position(|state| *state == told);
        found.unwrap_or_else(|| panic!("{told:?} was never committed"))
    });
}

const MANIFEST: &str = r#"{"sluice_version": "0.1.0", "run_id": "night", "job": "night",
    "started_at": "2026-11-21T13:05:06Z", "job_file": null, "job_hash": null, "input": "in.csv",
    "input_is_staged": false, "input_bytes": 120, "input_modified_ns": 1795266306000000000,
    "delimiter": ";", "encoding": null, "duplicates": "apply", "connector": "cxone-contacts",
    "connector_hash": "c0", "variables": {"region": "na1"}, "mapping_hash": "c1",
    "client_id": {"env": "ID"}, "client_secret": "configuration", "skip": 0, "limit": null, "flags": {}}"#;

const LIMITS: &str = r#"{"limits": [{"key": {"tenant": "https://tenant", "client": "ours",
    "endpoint": "update"}, "found_at_epoch_s": 1795266306, "found_by": "probe", "confidence": "high",
    "limit": {"rate_per_s": 5.0, "burst": 300.0, "window_s": 60.0, "window_starts": "first_request",
    "longest_wait_s": 60.0, "concurrency_cap": 8, "kind": "fixed_window", "sure": true}}]}"#;

/// A controller that starts from what the file says still sends within a day.
fn start_from(limit: LearnedLimit) {
    let start = Instant::now();
    let settings = LimitSettings {
        starting_point: Some(limit),
        ..LimitSettings::default()
    };
    let mut controller = Controller::new(settings, start, 7);
    for hour in 0..=24 {
        match controller.poll(start + Duration::from_secs(3_600 * hour)) {
            Decision::Go => return,
            Decision::WaitUntil(_) => {}
            Decision::WaitForReply => panic!("nothing is under way"),
        }
    }
    panic!("never sends: {limit:?}");
}

#[test]
fn a_damaged_manifest_or_list_of_limits_is_refused_by_its_name() {
    let seeds = [MANIFEST, LIMITS]
        .map(|text| text.as_bytes().to_vec())
        .into();
    let hunt = Hunt {
        target: "manifest",
        seeds,
        words: JSON_WORDS,
        rounds: 1_500,
    };
    hunt.run(|input| {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("night");
        fs::create_dir(&run).expect("made");
        fs::write(run.join("manifest.json"), input).expect("written");
        fs::write(folder.path().join("limits.json"), input).expect("written");
        let named = |error: FatalError, file: &str| {
            let words = error.to_string();
            assert!(
                words.contains(file) && !words.chars().any(char::is_control),
                "{words:?}"
            );
            let told = words.split(": ").last().unwrap_or_default().to_owned();
            told.chars()
                .filter(|one| !one.is_ascii_digit())
                .collect::<String>()
        };
        let manifest = RunDirectory::find(folder.path(), Some("night"))
            .and_then(|run| run.manifest())
            .map(|manifest| manifest.limit.is_some());
        let limits = LimitProfiles::of(folder.path()).all().map(|profiles| {
            profiles
                .iter()
                .for_each(|profile| start_from(profile.limit));
            profiles.len().min(3)
        });
        // A folder with a run in it is listed, whatever the run's manifest holds.
        assert!(RunDirectory::all(folder.path()).is_ok());
        (
            manifest.map_err(|error| named(error, "manifest.json")),
            limits.map_err(|error| named(error, "limits.json")),
        )
    });
}
