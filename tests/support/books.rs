//! The books of a run as a user finds them: `summary.json` and the reject
//! files, read by a CSV reader that isn't the loader's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One row of a reject file, by its columns' names.
#[derive(Clone, Debug)]
pub struct RejectedRow {
    cells: Vec<(String, String)>,
}

/// A run's books.
#[derive(Debug)]
pub struct Books {
    pub directory: PathBuf,
    pub summary: Value,
    pub rejected: Vec<RejectedRow>,
    pub missing: Vec<RejectedRow>,
    pub unknown: Vec<RejectedRow>,
}

impl RejectedRow {
    /// The cell of a column.
    #[track_caller]
    pub fn get(&self, column: &str) -> &str {
        self.cells
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, value)| value.as_str())
            .unwrap_or_else(|| panic!("there is no column {column} in {:?}", self.cells))
    }

    pub fn line(&self) -> u64 {
        self.get("_line").parse().expect("`_line` is a number")
    }
}

/// The rows of a CSV file. Rows may be longer or shorter than the header.
pub fn read_rows(path: &Path) -> Vec<RejectedRow> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .unwrap_or_else(|cause| panic!("{} can't be read: {cause}", path.display()));
    let header = reader.byte_headers().expect("a header").clone();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    reader
        .byte_records()
        .map(|record| {
            let record = record.expect("a record");
            let cells = header.iter().zip(record.iter());
            RejectedRow {
                cells: cells
                    .map(|(name, value)| (text(name), text(value)))
                    .collect(),
            }
        })
        .collect()
}

impl Books {
    #[track_caller]
    pub fn read(directory: &Path) -> Self {
        let path = directory.join("summary.json");
        let text = fs::read_to_string(&path).expect("there is a summary.json");
        Self {
            summary: serde_json::from_str(&text).expect("summary.json is JSON"),
            rejected: read_rows(&directory.join("rejected.csv")),
            missing: read_rows(&directory.join("missing.csv")),
            unknown: read_rows(&directory.join("unknown.csv")),
            directory: directory.to_owned(),
        }
    }

    /// A number of the run's counts.
    #[track_caller]
    pub fn count(&self, name: &str) -> u64 {
        number(&self.summary["counts"], name)
    }

    /// A number of the run's requests.
    #[track_caller]
    pub fn requests(&self, name: &str) -> u64 {
        number(&self.summary["requests"], name)
    }

    /// The ids in `rejected.csv`; fails where one stands there twice.
    #[track_caller]
    pub fn rejected_ids(&self) -> BTreeSet<String> {
        ids_once(&self.rejected)
    }

    /// The ids in `missing.csv`; fails where one stands there twice.
    #[track_caller]
    pub fn missing_ids(&self) -> BTreeSet<String> {
        ids_once(&self.missing)
    }
}

#[track_caller]
fn number(section: &Value, name: &str) -> u64 {
    section[name]
        .as_u64()
        .unwrap_or_else(|| panic!("`{name}` is no count in {section}"))
}

#[track_caller]
fn ids_once(rows: &[RejectedRow]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for row in rows {
        let id = row.get("contactId").to_owned();
        assert!(ids.insert(id.clone()), "{id} is listed twice");
    }
    ids
}

/// The accounting equation, in one entity's or all entities' counts.
#[track_caller]
pub fn assert_accounted(counts: &Value) {
    let ends = [
        "created",
        "updated",
        "unchanged",
        "rejected",
        "skipped",
        "unknown",
        "not_reached",
    ];
    let sum: u64 = ends.iter().map(|name| number(counts, name)).sum();
    assert_eq!(
        number(counts, "read"),
        sum,
        "the books don't balance: {counts}"
    );
}
