//! Turns rows into requests, on threads of its own: the only stage that needs
//! much CPU beside the wire.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use crossbeam_channel::Receiver;
use foldhash::quality::FixedState;
use std::hash::BuildHasher;
use tokio::sync::mpsc;

use crate::connector::Operation;
use crate::mapping::{MappedRow, Program};
use crate::record::{Fields, Item, MappedBatch, Outcome, OutcomeKind, RawBatch, RawRow, Refusal};
use crate::source::csv::{Dialect, split};

use super::selection::Selection;
use super::stage::StageMeter;

/// What a mapper works with: the same for every thread and every leg.
#[derive(Clone)]
pub struct RowMapper {
    /// How fields are told apart.
    pub dialect: Dialect,
    /// Fields that a row has.
    pub columns: usize,
    /// The compiled mapping.
    pub program: Arc<Program>,
    /// The operation that the rows are sent with.
    pub operation: Arc<Operation>,
    /// Whether rows carry their keys on, for whoever sends them.
    pub carries_keys: bool,
    /// Which rows are wanted.
    pub selection: Selection,
}

impl RowMapper {
    /// Maps a batch. Every row of it ends in one of the two lists.
    #[must_use]
    pub fn map(&self, batch: RawBatch) -> MappedBatch {
        let mut mapping = BatchMapping::new(self, &batch);
        for (index, row) in batch.rows.iter().enumerate() {
            let texts_before = mapping.texts.len();
            // A panic is this row's outcome, not the batch's and not the run's.
            let mapped = catch_unwind(AssertUnwindSafe(|| mapping.map_row(row, index)));
            let mapped = mapped.unwrap_or_else(|_| {
                Err(Box::new(Refusal {
                    error: "internal".to_owned(),
                    message: "the loader failed on this row; please report it".to_owned(),
                    ..Refusal::default()
                }))
            });
            if let Err(refusal) = mapped {
                // What the row left behind would be sent with the next one.
                mapping.texts.truncate(texts_before);
                mapping.refuse(row, refusal);
            }
        }
        mapping.finish()
    }

    /// The hash of a record's key, the same in every leg of a run.
    #[must_use]
    pub fn hash_key(key: &str) -> u64 {
        FixedState::with_seed(0x5105_1ce0).hash_one(key)
    }
}

/// A row's place in the batch's common buffer of paths and bodies.
struct Draft {
    row: usize,
    key_hash: u64,
    body_start: usize,
    path_start: usize,
    key_start: usize,
    end: usize,
}

struct BatchMapping<'batch> {
    mapper: &'batch RowMapper,
    batch: &'batch RawBatch,
    fields: Fields,
    mapped: MappedRow,
    texts: Vec<u8>,
    drafts: Vec<Draft>,
    outcomes: Vec<Outcome>,
}

impl<'batch> BatchMapping<'batch> {
    fn new(mapper: &'batch RowMapper, batch: &'batch RawBatch) -> Self {
        Self {
            mapper,
            batch,
            fields: Fields::default(),
            mapped: MappedRow::default(),
            texts: Vec::with_capacity(batch.buffer.len() * 2),
            drafts: Vec::with_capacity(batch.rows.len()),
            outcomes: Vec::new(),
        }
    }

    fn map_row(&mut self, row: &RawRow, index: usize) -> Result<(), Box<Refusal>> {
        if let Some(flaw) = &row.flaw {
            return Err(Box::new(Refusal::from(flaw.as_ref())));
        }
        let raw = &self.batch.buffer[row.start..row.end];
        let mapper = self.mapper;
        let (dialect, columns) = (mapper.dialect, mapper.columns);
        split(raw, row.position, dialect, columns, &mut self.fields)
            .map_err(|flaw| Box::new(Refusal::from(&flaw)))?;
        let (fields, mapped) = (&self.fields, &mut self.mapped);
        let body_start = self.texts.len();
        mapper.operation.wrap_body(&mut self.texts, |out| {
            mapper.program.apply(fields, mapped, out)
        })?;
        if let Some(line) = mapper.selection.superseded.get(&row.row.0) {
            self.texts.truncate(body_start);
            return Err(self.superseded_by(*line));
        }
        if mapper.selection.is_repeated(row.row) {
            self.texts.truncate(body_start);
            return self.leave_out(row);
        }
        let path_start = self.texts.len();
        mapper
            .operation
            .write_path(self.mapped.key(), &mut self.texts);
        let key_start = self.texts.len();
        if mapper.carries_keys {
            self.texts.extend_from_slice(self.mapped.key().as_bytes());
        }
        self.drafts.push(Draft {
            row: index,
            key_hash: RowMapper::hash_key(self.mapped.key()),
            body_start,
            path_start,
            key_start,
            end: self.texts.len(),
        });
        Ok(())
    }

    fn superseded_by(&self, line: u64) -> Box<Refusal> {
        Box::new(Refusal {
            error: "superseded".to_owned(),
            field: self.mapper.program.key_field().to_owned(),
            message: format!(
                "the row on line {line} has the key {:?} too, and its values are those that count; \
                 load this row in a run of its own if it is to win",
                self.mapped.key()
            ),
            ..Refusal::default()
        })
    }

    fn leave_out(&mut self, row: &RawRow) -> Result<(), Box<Refusal>> {
        if self.mapper.selection.reject_repeated {
            return Err(Box::new(Refusal {
                error: "duplicate_key".to_owned(),
                field: self.mapper.program.key_field().to_owned(),
                message: format!("another row has the key {:?} too", self.mapped.key()),
                ..Refusal::default()
            }));
        }
        let outcome = self.outcome(row, OutcomeKind::Skipped, None);
        self.outcomes.push(outcome);
        Ok(())
    }

    fn refuse(&mut self, row: &RawRow, refusal: Box<Refusal>) {
        let outcome = self.outcome(row, OutcomeKind::Rejected, Some(refusal));
        self.outcomes.push(outcome);
    }

    fn outcome(&self, row: &RawRow, kind: OutcomeKind, refusal: Option<Box<Refusal>>) -> Outcome {
        Outcome {
            row: row.row,
            position: row.position,
            kind,
            refusal,
            raw: self.batch.buffer.slice(row.start..row.end),
            credit: self.batch.credit.clone(),
        }
    }

    fn finish(self) -> MappedBatch {
        let texts = Bytes::from(self.texts);
        let items = self
            .drafts
            .iter()
            .map(|draft| {
                let row = &self.batch.rows[draft.row];
                Item {
                    row: row.row,
                    position: row.position,
                    key_hash: draft.key_hash,
                    // An empty slice holds nothing and costs nothing.
                    key: texts.slice(draft.key_start..draft.end),
                    path: texts.slice(draft.path_start..draft.key_start),
                    body: texts.slice(draft.body_start..draft.path_start),
                    raw: self.batch.buffer.slice(row.start..row.end),
                    credit: self.batch.credit.clone(),
                }
            })
            .collect();
        MappedBatch {
            sequence: self.batch.sequence,
            items,
            outcomes: self.outcomes,
        }
    }
}

/// A mapper thread: until the extractor has no more batches, or the chunker is
/// gone.
pub(super) fn run_mapper(
    mapper: &RowMapper,
    batches: &Receiver<RawBatch>,
    mapped: &mpsc::Sender<MappedBatch>,
    meter: &StageMeter,
) {
    for batch in batches {
        let start = Instant::now();
        let result = mapper.map(batch);
        meter.add_busy(start.elapsed());
        if meter.waiting(|| mapped.blocking_send(result)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
