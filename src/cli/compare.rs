//! Legs that look rows up and compare them with what is there, writing nothing:
//! what `verify` and `plan --online` share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::actors::{Endpoint, InputCounting, RowMapper, RunPlan};
use crate::error::FatalError;
use crate::limit::LimitKey;
use crate::record::{Fields, InputDigest, RawBatch, RowId};
use crate::source::csv::{CsvReader, CsvSettings, Input, Start, inspect, split};
use crate::source::{Source, SourceError};
use crate::transport::Lanes;

use super::load::Prepared;

/// Whether a row is to be compared.
pub(super) type Choice = Arc<dyn Fn(RowId) -> bool + Send + Sync>;

/// Refuses a load whose rows can't be compared.
pub(super) fn check_can_compare(prepared: &Prepared) -> Result<(), FatalError> {
    let operation = &prepared.bound.operation;
    if operation.shows_records() {
        return Ok(());
    }
    Err(FatalError::usage(format!(
        "rows can't be compared with the tenant: the operation {} of {} has no look-up that shows the record",
        operation.name, prepared.bound.connector
    ))
    .with_hint(
        "Add a `look_up` with `found`, `absent`, `record` and `id` to it in the connector file; \
         `sluice schema connector` explains each. A run keeps the connector that it was started \
         with; `sluice plan --online --all` compares with any.",
    ))
}

/// The plan of a leg that compares the chosen rows. `name` begins its request
/// ids.
pub(super) fn comparing(
    plan: RunPlan<Lanes>,
    prepared: &Prepared,
    name: &str,
    choice: Option<Choice>,
) -> RunPlan<Lanes> {
    let open = plan.open_source;
    RunPlan {
        run_id: name.to_owned(),
        // Rows are told apart by what has ended, wherever they stand, so it is
        // always read from its beginning.
        open_source: Box::new(move |_| {
            let source = open(None)?;
            Ok(match &choice {
                Some(choice) => Box::new(ChosenRows {
                    source,
                    choice: Arc::clone(choice),
                }),
                None => source,
            })
        }),
        endpoint: Endpoint::comparing(&prepared.bound),
        mapper: RowMapper {
            carries_keys: true,
            ..plan.mapper
        },
        // What a tenant allows for reads says nothing about writes.
        limit_key: look_up_key(plan.limit_key),
        ..plan
    }
}

/// The count of an input of which so many rows are compared.
pub(super) fn counted(rows: u64) -> InputCounting {
    InputCounting::Known(InputDigest {
        bytes: 0,
        rows,
        blake3: String::new(),
        complete: true,
    })
}

/// What the limit of look-ups belongs to, from that of the operation itself.
pub(super) fn look_up_key(key: LimitKey) -> LimitKey {
    LimitKey {
        endpoint: format!("{}/look_up", key.endpoint),
        ..key
    }
}

/// Of a source's rows, those that are chosen.
struct ChosenRows {
    source: Box<dyn Source>,
    choice: Choice,
}

impl Source for ChosenRows {
    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError> {
        let Some(mut batch) = self.source.next_batch()? else {
            return Ok(None);
        };
        batch.rows.retain(|row| (self.choice)(row.row));
        Ok(Some(batch))
    }
}

/// Rows of one reason that are told with their lines; the others are counted.
const TOLD_LINES: usize = 5;

/// Rows that don't agree with the tenant, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct MismatchReason {
    /// How many there are.
    pub(super) rows: u64,
    /// The first of them.
    pub(super) first: Vec<ToldMismatch>,
}

/// A row that doesn't agree with the tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ToldMismatch {
    /// The line that it starts on.
    pub(super) line: u64,
    /// What was found, or why nothing was.
    pub(super) message: String,
}

/// Rows that don't agree with the tenant, counted.
#[derive(Debug, Default)]
pub(super) struct Mismatches {
    /// By their `_error`.
    pub(super) errors: BTreeMap<String, MismatchReason>,
    /// By the places that differ; a row counts for each of its places.
    pub(super) places: BTreeMap<String, u64>,
}

impl Mismatches {
    /// Counts the rows of a comparison's `rejected.csv`.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub(super) fn count(book: &Path) -> Result<Self, FatalError> {
        let csv = CsvSettings::new(Input::File(book.to_owned()));
        let shape = inspect(&csv).map_err(SourceError::into_fatal)?;
        let column = |name: &str| shape.header.iter().position(|column| column == name);
        let columns = ["_error", "_field", "_line", "_message"].map(column);
        let [Some(error), Some(field), Some(line), Some(message)] = columns else {
            return Ok(Self::default());
        };
        let mut reader =
            CsvReader::open(&csv, &shape, Start::Beginning).map_err(SourceError::into_fatal)?;
        let mut counted = Self::default();
        let mut fields = Fields::default();
        while let Some(batch) = reader.next_batch().map_err(SourceError::into_fatal)? {
            for row in &batch.rows {
                let raw = &batch.buffer[row.start..row.end];
                let (dialect, columns) = (shape.dialect(), shape.header.len());
                if split(raw, row.position, dialect, columns, &mut fields).is_ok() {
                    let text = |column| fields.get(column).unwrap_or_default();
                    counted.add(text(error), text(field), text(line), text(message));
                }
            }
        }
        Ok(counted)
    }

    fn add(&mut self, error: &str, places: &str, line: &str, message: &str) {
        let reason = self.errors.entry(error.to_owned()).or_default();
        reason.rows += 1;
        if reason.first.len() < TOLD_LINES {
            reason.first.push(ToldMismatch {
                line: line.parse().unwrap_or(0),
                message: message.to_owned(),
            });
        }
        // Each place is a JSON pointer, so it begins with a slash.
        for place in places.split(" /").filter(|place| !place.is_empty()) {
            let place = format!("/{}", place.trim_start_matches('/'));
            *self.places.entry(place).or_default() += 1;
        }
    }

    /// Rows with this `_error`.
    pub(super) fn of(&self, error: &str) -> u64 {
        self.errors.get(error).map_or(0, |reason| reason.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_one_by_one() {
        let mut counted = Mismatches::default();
        counted.add("differs", "/email /customFields/loyalty tier", "2", "both");
        counted.add("differs", "/email", "3", "one");
        counted.add("not_found", "", "4", "none");
        assert_eq!((counted.of("differs"), counted.of("not_found")), (2, 1));
        let lines: Vec<u64> = (counted.errors["differs"].first.iter())
            .map(|told| told.line)
            .collect();
        assert_eq!(lines, [2, 3]);
        let places: Vec<_> = counted.places.iter().collect();
        assert_eq!(
            places,
            [
                (&"/customFields/loyalty tier".to_owned(), &1),
                (&"/email".to_owned(), &2)
            ]
        );
    }
}
