//! `mapping.ndjson`: what the mapping made of each row, for whoever has to
//! account for it later. One line a row that has ended; of its data only the
//! key, and hashes of what came in and of what was sent.
//!
//! It is written at the end of a leg, from the input and the journal: it costs
//! the load nothing, stands in the input's order, and has each row once however
//! often the run was interrupted. A retry adds its own rows at the end.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value};

use crate::error::FatalError;
use crate::mapping::MappedRow;
use crate::record::{Fields, RawRow, RowRanges};
use crate::source::SourceError;
use crate::source::csv::split;
use crate::store::{Journal, Ledger, RunDirectory};

use super::load::Prepared;

/// The file's name in the run's directory.
pub(super) const DIFF_LOG: &str = "mapping.ndjson";

/// Hexadecimal digits of a hash: enough to compare rows by, short enough to
/// read.
const HASH_DIGITS: usize = 16;

/// Writes the file.
///
/// # Errors
/// Fails where the input or the journal can't be read, or the disk is full.
pub(super) fn write_diff_log(
    prepared: &Prepared,
    directory: &RunDirectory,
    ledger: &mut Ledger,
) -> Result<(), FatalError> {
    let finished = ledger.state().finished.clone();
    let mut log = DiffLog {
        prepared,
        last: finished.iter().map(|(_, last)| last).max().unwrap_or(0),
        finished,
        journal: ledger.journal(),
        rules: rules_of(prepared),
        at: jiff::Timestamp::now().to_string(),
        fields: Fields::default(),
        mapped: MappedRow::default(),
        body: Vec::new(),
    };
    let earlier = directory.path().join(DIFF_LOG);
    let mut unread = None;
    let written = directory.write_file_with(DIFF_LOG, |file| {
        let mut out = BufWriter::new(file);
        if prepared.relisted.is_some() && earlier.exists() {
            io::copy(&mut File::open(&earlier)?, &mut out)?;
        }
        match log.write(&mut out) {
            Ok(()) => out.flush(),
            Err(Failure::Write(cause)) => Err(cause),
            Err(Failure::Read(error)) => {
                unread = Some(error);
                Err(io::Error::other("the rows can't be read again"))
            }
        }
    });
    match unread {
        Some(error) => Err(error),
        None => written,
    }
}

/// Why a line couldn't be written.
enum Failure {
    Read(FatalError),
    Write(io::Error),
}

/// The names of what each field's rule does, as JSON.
fn rules_of(prepared: &Prepared) -> String {
    let rule = |field: crate::mapping::FilledField<'_>| {
        let parts = field.parts.iter().map(|&part| Value::from(part)).collect();
        (field.name.to_owned(), Value::Array(parts))
    };
    let rules: Map<String, Value> = prepared.program.fields().map(rule).collect();
    Value::Object(rules).to_string()
}

struct DiffLog<'run> {
    prepared: &'run Prepared,
    finished: RowRanges,
    /// The last of them: what follows may not be there to be read yet.
    last: u64,
    journal: &'run mut dyn Journal,
    rules: String,
    at: String,
    fields: Fields,
    mapped: MappedRow,
    body: Vec<u8>,
}

impl DiffLog<'_> {
    fn write(&mut self, out: &mut impl Write) -> Result<(), Failure> {
        let unread = |error: SourceError| Failure::Read(error.into_fatal());
        let mut source = self.prepared.rows(None).map_err(unread)?;
        while let Some(batch) = source.next_batch().map_err(unread)? {
            for row in &batch.rows {
                if row.row.0 > self.last {
                    return Ok(());
                }
                let raw = &batch.buffer[row.start..row.end];
                if self.finished.contains(row.row.0) && self.map(row, raw) {
                    self.write_line(row, raw, out)?;
                }
            }
        }
        Ok(())
    }

    /// Maps a row anew; `false` for one that was refused before it was sent.
    fn map(&mut self, row: &RawRow, raw: &[u8]) -> bool {
        let shape = &self.prepared.shape;
        let (dialect, columns) = (shape.dialect(), shape.header.len());
        if row.flaw.is_some()
            || split(raw, row.position, dialect, columns, &mut self.fields).is_err()
        {
            return false;
        }
        self.body.clear();
        let (fields, mapped) = (&self.fields, &mut self.mapped);
        let operation = &self.prepared.bound.operation;
        let applied = operation.wrap_body(&mut self.body, |out| {
            self.prepared.program.apply(fields, mapped, out)
        });
        applied.is_ok()
    }

    fn write_line(
        &mut self,
        row: &RawRow,
        raw: &[u8],
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let id = self.journal.target_id(row.row);
        let id = id.map_err(|error| Failure::Read(error.into()))?;
        writeln!(
            out,
            r#"{{"row":{},"line":{},"source_key":{},"target_id":{},"source_hash":"{}","body_hash":"{}","rules":{},"at":"{}"}}"#,
            row.row.0,
            row.position.line,
            Value::from(self.mapped.key()),
            Value::from(id.unwrap_or_default()),
            short_hash(raw),
            short_hash(&self.body),
            self.rules,
            self.at,
        )
        .map_err(Failure::Write)
    }
}

/// The first digits of a BLAKE3 hash.
fn short_hash(bytes: &[u8]) -> String {
    let mut hash = super::load::hash(bytes);
    hash.truncate(HASH_DIGITS);
    hash
}
