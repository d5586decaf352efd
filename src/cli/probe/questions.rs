//! What a probe asks: the connector's read, or the job's own writes.

use std::collections::HashSet;

use bytes::Bytes;

use crate::config::{InputSource, Settings};
use crate::connector::Bound;
use crate::error::FatalError;
use crate::mapping::MappedRow;
use crate::probe::Questions;
use crate::record::{Fields, Refusal};
use crate::source::csv::{Start, split};
use crate::source::{Source, SourceError};

use super::super::arguments::ProbeArguments;
use super::super::bind::bind;
use super::super::load::{Prepared, file_input, prepare as prepare_load};

/// Records that are written in turn: enough that a limit of a single record's
/// own isn't met.
const ROWS_IN_TURN: usize = 1_000;

/// What to ask, of whom, and how many rows the input has, where there is one.
pub(super) fn prepare(
    settings: &Settings,
    arguments: &ProbeArguments,
) -> Result<(Bound, Questions, Option<u64>), FatalError> {
    let input = file_input(settings);
    if !arguments.write {
        let (_, bound) = bind(settings)?;
        let Some(read) = bound.probe.clone() else {
            return Err(FatalError::usage(format!(
                "the connector {} names no read to probe with",
                bound.connector
            ))
            .with_hint("Add `probe: {path: …}` to a copy of its file, or probe with --write and the job's rows."));
        };
        // The rows are counted for the forecast alone; what is wrong with them
        // is a load's to tell.
        let rows = match (arguments.rows, input) {
            (None, Some(input)) => prepare_load(settings.clone(), input)
                .ok()
                .and_then(|prepared| count_rows(&prepared).ok()),
            _ => None,
        };
        return Ok((bound, Questions::Read(read), rows));
    }
    let Some(input) = input else {
        let what = match &settings.input {
            InputSource::StandardInput if arguments.input.is_some() => {
                "`--write` needs rows that can be read again, and standard input can't be"
            }
            InputSource::StandardInput => "`--write` needs rows to write, and no input is named",
            _ => "`--write` reads its rows from CSV alone, and the input is something else",
        };
        return Err(FatalError::usage(what).with_hint(
            "Name a CSV file or a job file: sluice probe contacts.csv --to … --write.",
        ));
    };
    let prepared = prepare_load(settings.clone(), input)?;
    let operation = &prepared.bound.operation;
    if operation.has_job() {
        return Err(FatalError::usage(format!(
            "`--write` with {} would upload again and again what a job works through for long",
            operation.name
        ))
        .with_hint("Leave --write out: reads find the limit as well."));
    }
    let (rows, counted) = rows_to_write(&prepared)?;
    if rows.is_empty() {
        return Err(FatalError::usage(format!(
            "{} has no row that could be written",
            settings.input
        ))
        .with_hint("`sluice plan` says what is wrong with the rows."));
    }
    let operation = std::sync::Arc::clone(&prepared.bound.operation);
    Ok((
        prepared.bound.clone(),
        Questions::Writes { operation, rows },
        Some(counted),
    ))
}

fn count_rows(prepared: &Prepared) -> Result<u64, FatalError> {
    let mut source = prepared
        .open(Start::Beginning)
        .map_err(SourceError::into_fatal)?;
    let mut rows = 0;
    while let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? {
        rows += batch.rows.len() as u64;
    }
    Ok(rows)
}

/// Path and body of the first rows of different keys, and how many rows there
/// are in all.
fn rows_to_write(prepared: &Prepared) -> Result<(Vec<(Bytes, Bytes)>, u64), FatalError> {
    let mut source = prepared
        .open(Start::Beginning)
        .map_err(SourceError::into_fatal)?;
    let (mut requests, mut keys) = (Vec::new(), HashSet::new());
    let (mut fields, mut rows) = (Fields::default(), 0);
    let operation = &prepared.bound.operation;
    while let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? {
        rows += batch.rows.len() as u64;
        for row in &batch.rows {
            if requests.len() >= ROWS_IN_TURN || row.flaw.is_some() {
                continue;
            }
            let shape = &prepared.shape;
            let raw = &batch.buffer[row.start..row.end];
            let columns = shape.header.len();
            if split(raw, row.position, shape.dialect(), columns, &mut fields).is_err() {
                continue;
            }
            let (mut mapped, mut body, mut path) = (MappedRow::default(), Vec::new(), Vec::new());
            let program = &prepared.program;
            let applied: Result<(), Box<Refusal>> =
                operation.wrap_body(&mut body, |out| program.apply(&fields, &mut mapped, out));
            if applied.is_err() || !keys.insert(mapped.key().to_owned()) {
                continue;
            }
            operation.write_path(mapped.key(), &mut path);
            requests.push((Bytes::from(path), Bytes::from(body)));
        }
    }
    Ok((requests, rows))
}
