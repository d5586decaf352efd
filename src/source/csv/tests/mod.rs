//! The CSV source as its users see it: text in, rows and flaws out.

mod bounds;
mod flaws;
mod long;
mod models;
mod rejects;
mod shapes;
mod streams;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::record::{Fields, FlawKind, Position, RowId};
use crate::source::{Source, SourceError};

/// A CSV file for the length of a test.
pub(super) struct Sheet {
    _directory: TempDir,
    pub(super) path: PathBuf,
    pub(super) settings: CsvSettings,
}

pub(super) fn sheet(content: impl AsRef<[u8]>) -> Sheet {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("contacts.csv");
    fs::write(&path, content).expect("written");
    let settings = CsvSettings::new(Input::File(path.clone()));
    Sheet {
        _directory: directory,
        path,
        settings,
    }
}

/// One row as a test wants to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) row: u64,
    pub(super) position: Position,
    pub(super) fields: Result<Vec<String>, FlawKind>,
    pub(super) raw: Vec<u8>,
}

impl Sheet {
    pub(super) fn shape(&self) -> CsvShape {
        inspect(&self.settings).expect("a shape")
    }

    pub(super) fn refusal(&self) -> SourceError {
        inspect(&self.settings).expect_err("refused")
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen_from(Start::Beginning, 256 * 1024)
    }

    pub(super) fn seen_from(&self, start: Start, read_bytes: usize) -> Vec<Seen> {
        let shape = self.shape();
        let reader = CsvReader::open_with(&self.settings, &shape, start, read_bytes);
        all_rows(&mut reader.expect("opened"), &shape)
    }

    pub(super) fn fields(&self) -> Vec<Result<Vec<String>, FlawKind>> {
        self.seen().into_iter().map(|seen| seen.fields).collect()
    }

    pub(super) fn count(&self, read_bytes: usize) -> u64 {
        let shape = self.shape();
        let mut counter =
            CsvCounter::open_with(&self.settings, &shape, read_bytes).expect("opened");
        while !counter.step(1).expect("read").finished {}
        counter.digest().rows
    }
}

pub(super) fn all_rows(reader: &mut CsvReader, shape: &CsvShape) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut fields = Fields::default();
    let mut sequence = 0;
    while let Some(batch) = reader.next_batch().expect("a batch") {
        assert_eq!(
            batch.sequence, sequence,
            "batches are numbered without gaps"
        );
        assert!(
            !batch.rows.is_empty() && batch.rows.len() <= 256,
            "a batch has 1 to 256 rows"
        );
        sequence += 1;
        for row in batch.rows {
            let raw = &batch.buffer[row.start..row.end];
            let fields = match row.flaw {
                Some(flaw) => Err(flaw.kind),
                None => split(
                    raw,
                    row.position,
                    shape.dialect(),
                    shape.header.len(),
                    &mut fields,
                )
                .map(|()| fields.iter().map(str::to_owned).collect())
                .map_err(|flaw| flaw.kind),
            };
            seen.push(Seen {
                row: row.row.0,
                position: row.position,
                fields,
                raw: raw.to_vec(),
            });
        }
    }
    seen
}

pub(super) fn good<const COUNT: usize>(fields: [&str; COUNT]) -> Result<Vec<String>, FlawKind> {
    Ok(fields.map(str::to_owned).to_vec())
}

pub(super) fn at(seen: &Seen) -> Start {
    Start::At(RowId(seen.row), seen.position)
}
