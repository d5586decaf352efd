//! Which rows of a run are compared, and where their texts stand.
//!
//! Of every key the row counts that was applied last: what an earlier one wrote
//! isn't there any more. A row that a retry sent has the text that its user gave
//! it, in the file that the retry read. A row whose fate isn't known may have
//! been applied, so no earlier row of its key is compared either.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;
use std::sync::Arc;

use crate::config::{Sample, Settings};
use crate::error::FatalError;
use crate::record::{OutcomeKind, Position, RawRow, RowId, RowRanges};
use crate::source::csv::{LineColumn, Start};
use crate::source::{DuplicateFinder, Source, SourceError};
use crate::store::{JournalState, ListedRow, Manifest, RunDirectory, Standing};

use crate::cli::compare::Choice;
use crate::cli::entities::find_ids;
use crate::cli::load::{KeyReader, Prepared};
use crate::cli::retry::prepare_retry;

/// Rows of a later text stand behind all rows of an earlier one; no input has
/// so many rows.
const TEXT_BITS: u32 = 40;
/// Rows that weren't applied stand before all others: what they would have
/// written is never what stands there now.
const NOT_APPLIED: u64 = 0;
/// The run's input.
const INPUT: u64 = 1;
/// What the first retry sent.
const FIRST_RETRY: u64 = 2;

/// One text that rows are read from: the run's input, or what a retry sent.
pub(super) struct Text {
    pub(super) prepared: Prepared,
    /// The rows that are compared; `None` for all that the text gives.
    pub(super) choice: Option<Choice>,
}

/// The rows that are compared.
pub(super) struct RowsToCompare {
    /// The texts that have any, the input first.
    pub(super) texts: Vec<Text>,
    pub(super) rows: u64,
    /// Applied rows whose key was written again later.
    pub(super) superseded: u64,
    /// Rows that should have been applied and weren't, or may not have been, and
    /// whose key another row has too.
    pub(super) not_applied_again: u64,
    pub(super) outside_sample: u64,
}

/// A run as its books have it.
pub(in crate::cli) struct RunBooks<'run> {
    pub(in crate::cli) directory: &'run RunDirectory,
    pub(in crate::cli) manifest: &'run Manifest,
    pub(in crate::cli) settings: &'run Settings,
    pub(in crate::cli) state: &'run JournalState,
    pub(in crate::cli) listed: &'run [ListedRow],
}

/// What a run's books say of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Applied,
    /// It may have been.
    InDoubt,
    NotApplied,
}

impl RunBooks<'_> {
    /// The rows to compare, read from the input that `prepared` opens; `scratch`
    /// is a folder for what doesn't fit into memory.
    pub(super) fn rows_to_compare(
        &self,
        prepared: Prepared,
        sample: Option<Sample>,
        scratch: &Path,
    ) -> Result<RowsToCompare, FatalError> {
        let selection = prepared.selection(scratch)?;
        let fates = Fates::new(self.state, self.listed);
        let mut retried = self.retried_texts()?;
        let mut finder = DuplicateFinder::new(scratch);
        let mut left_out: Vec<u64> = fates.listed.keys().copied().collect();
        let mut in_doubt = BTreeSet::new();
        let mut keys = KeyReader::new(&prepared);
        for_each_row(&prepared, |row, raw| {
            let is_chosen = selection.wants(row.row)
                && (selection.reject_repeated || !selection.is_repeated(row.row));
            let fate = match selection.wants(row.row) && !selection.is_repeated(row.row) {
                true => fates.of(row.row),
                false => Fate::NotApplied,
            };
            if fate == Fate::NotApplied {
                if self.state.finished.contains(row.row.0) {
                    left_out.push(row.row.0);
                }
                let key = is_chosen.then(|| keys.hash(raw, row.position)).flatten();
                return match key {
                    Some(key_hash) => finder
                        .add(behind(NOT_APPLIED, row.row), key_hash)
                        .map_err(SourceError::into_fatal),
                    None => Ok(()),
                };
            }
            if fate == Fate::InDoubt {
                in_doubt.insert(row.row.0);
            } else if let Some(text) = retried.iter_mut().rev().find(|text| text.has(row)) {
                text.rows.insert(row.position.line, (row.row, row.position));
                left_out.push(row.row.0);
                return Ok(());
            }
            match keys.hash(raw, row.position) {
                Some(key_hash) => finder
                    .add(behind(INPUT, row.row), key_hash)
                    .map_err(SourceError::into_fatal),
                None => Ok(()),
            }
        })?;
        for (number, text) in (FIRST_RETRY..).zip(&retried) {
            let mut keys = KeyReader::new(&text.prepared);
            for_each_row(&text.prepared, |row, raw| {
                let sent = text
                    .line_column
                    .line(raw)
                    .and_then(|line| text.rows.get(&line));
                match (sent, keys.hash(raw, row.position)) {
                    (Some((row, _)), Some(key_hash)) => finder
                        .add(behind(number, *row), key_hash)
                        .map_err(SourceError::into_fatal),
                    _ => Ok(()),
                }
            })?;
        }
        let mut earlier = finder.finish().map_err(SourceError::into_fatal)?.earlier;
        let all_repeated = earlier.len() as u64;
        earlier.retain(|row| match row >> TEXT_BITS {
            NOT_APPLIED => false,
            INPUT => !in_doubt.contains(&row_of(*row)),
            _ => true,
        });
        let superseded = earlier.len() as u64;
        for (number, text) in (FIRST_RETRY..).zip(&mut retried) {
            text.rows
                .retain(|_, (row, _)| earlier.binary_search(&behind(number, *row).0).is_err());
        }
        let of_input = earlier.iter().filter(|row| *row >> TEXT_BITS == INPUT);
        left_out.extend(of_input.map(|row| row_of(*row)));
        left_out.extend(in_doubt);
        left_out.sort_unstable();
        left_out.dedup();
        let candidates = Candidates {
            applied: self.state.finished.clone(),
            left_out,
        };
        Ok(RowsToCompare {
            not_applied_again: all_repeated - superseded,
            ..candidates.picked(prepared, retried, superseded, sample)
        })
    }

    /// The texts that retries of the run have sent, the oldest first.
    fn retried_texts(&self) -> Result<Vec<RetriedText>, FatalError> {
        let mut texts = Vec::new();
        for leg in 2..=self.state.checkpoint.legs {
            let path = self.directory.path().join(format!("retry-{leg}.csv"));
            if !path.is_file() {
                continue;
            }
            let mut prepared = prepare_retry(&path, &path, self.manifest, self.settings)?;
            find_ids(&mut prepared, self.directory)?;
            let Some(line_column) = LineColumn::of(&prepared.shape) else {
                continue;
            };
            let mut lines = BTreeSet::new();
            for_each_row(&prepared, |_, raw| {
                lines.extend(line_column.line(raw));
                Ok(())
            })?;
            texts.push(RetriedText {
                prepared,
                line_column,
                lines,
                rows: BTreeMap::new(),
            });
        }
        Ok(texts)
    }
}

/// How the rows of a run ended.
struct Fates<'run> {
    state: &'run JournalState,
    listed: BTreeMap<u64, Fate>,
}

impl<'run> Fates<'run> {
    fn new(state: &'run JournalState, listed: &[ListedRow]) -> Self {
        let fate = |standing| match standing {
            Standing::Ended(OutcomeKind::Unknown) | Standing::TakenBack => Fate::InDoubt,
            Standing::Ended(_) => Fate::NotApplied,
        };
        let listed = listed
            .iter()
            .map(|listed| (listed.row.0, fate(listed.standing)));
        Self {
            state,
            listed: listed.collect(),
        }
    }

    fn of(&self, row: RowId) -> Fate {
        if let Some(fate) = self.listed.get(&row.0) {
            return *fate;
        }
        match self.state.finished.contains(row.0) {
            true => Fate::Applied,
            // It may have been under way when the run was cut off.
            false => Fate::InDoubt,
        }
    }
}

/// What a retry has sent.
struct RetriedText {
    prepared: Prepared,
    line_column: LineColumn,
    /// Lines of the run's input whose rows stand in it.
    lines: BTreeSet<u64>,
    /// Those of them that no later retry has sent, by their lines.
    rows: BTreeMap<u64, (RowId, Position)>,
}

impl RetriedText {
    fn has(&self, row: &RawRow) -> bool {
        self.lines.contains(&row.position.line)
    }
}

/// Where a row of a text stands among all rows that were sent.
fn behind(text: u64, row: RowId) -> RowId {
    RowId((text << TEXT_BITS) | row.0)
}

/// The row of which [`behind`] has made this number.
fn row_of(number: u64) -> u64 {
    number & ((1 << TEXT_BITS) - 1)
}

/// Rows of the input that could be compared.
struct Candidates {
    applied: RowRanges,
    /// In ascending order.
    left_out: Vec<u64>,
}

impl Candidates {
    fn contains(&self, row: u64) -> bool {
        self.applied.contains(row) && self.left_out.binary_search(&row).is_err()
    }

    fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let rows = self.applied.iter().flat_map(|(first, last)| first..=last);
        rows.filter(|row| self.left_out.binary_search(row).is_err())
    }

    /// Those that the sample picks, of the input and of the retries.
    fn picked(
        self,
        prepared: Prepared,
        retried: Vec<RetriedText>,
        superseded: u64,
        sample: Option<Sample>,
    ) -> RowsToCompare {
        let of_retries = || retried.iter().flat_map(|text| text.rows.values());
        let all = || self.iter().chain(of_retries().map(|(row, _)| row.0));
        let bar = bar_of(sample, all());
        let is_picked = move |row: u64| spread(row) <= bar;
        let candidates = all().count() as u64;
        let of_input = self.iter().filter(|&row| is_picked(row)).count() as u64;
        let mut rows = of_input;
        let mut texts = Vec::new();
        if of_input > 0 {
            texts.push(Text {
                prepared,
                choice: Some(Arc::new(move |row| {
                    self.contains(row.0) && is_picked(row.0)
                })),
            });
        }
        for text in retried {
            let picked = text.rows.into_values().filter(|(row, _)| is_picked(row.0));
            let picked: Vec<_> = picked.collect();
            rows += picked.len() as u64;
            if !picked.is_empty() {
                let mut prepared = text.prepared;
                prepared.relisted = Some(picked);
                texts.push(Text {
                    prepared,
                    choice: None,
                });
            }
        }
        RowsToCompare {
            texts,
            rows,
            superseded,
            not_applied_again: 0,
            outside_sample: candidates - rows,
        }
    }
}

/// A row's number, spread over all numbers: a bijection (the finaliser of
/// SplitMix64), so rows that are picked by it are picked from everywhere.
fn spread(row: u64) -> u64 {
    let mixed = (row ^ (row >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The largest spread number that a sample of `rows` picks.
fn bar_of(sample: Option<Sample>, rows: impl Iterator<Item = u64>) -> u64 {
    match sample {
        None => u64::MAX,
        Some(Sample::Percent(percent)) => (percent / 100.0 * u64::MAX as f64) as u64,
        Some(Sample::Rows(most)) => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let mut smallest = BinaryHeap::new();
            for row in rows {
                smallest.push(spread(row));
                if smallest.len() > most {
                    smallest.pop();
                }
            }
            smallest.peek().copied().unwrap_or(0)
        }
    }
}

/// Visits the rows of a load's text that can be cut out.
///
/// # Errors
/// The text can't be read, and what the visit returns.
pub(in crate::cli) fn for_each_row(
    prepared: &Prepared,
    mut visit: impl FnMut(&RawRow, &[u8]) -> Result<(), FatalError>,
) -> Result<(), FatalError> {
    let mut source = prepared
        .open(Start::Beginning)
        .map_err(SourceError::into_fatal)?;
    while let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? {
        for row in batch.rows.iter().filter(|row| row.flaw.is_none()) {
            visit(row, &batch.buffer[row.start..row.end])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_picks_as_many_rows_as_it_says_from_everywhere() {
        let picked = |sample, rows: u64| -> Vec<u64> {
            let bar = bar_of(sample, 1..=rows);
            (1..=rows).filter(|&row| spread(row) <= bar).collect()
        };
        assert_eq!(picked(None, 10).len(), 10);
        assert_eq!(picked(Some(Sample::Rows(7)), 1_000).len(), 7);
        assert_eq!(picked(Some(Sample::Rows(50)), 20).len(), 20);
        assert_eq!(picked(Some(Sample::Percent(100.0)), 20).len(), 20);
        let tenth = picked(Some(Sample::Percent(10.0)), 10_000);
        assert!((900..=1_100).contains(&tenth.len()), "{}", tenth.len());
        for tenths in 0..10 {
            let part = tenths * 1_000..(tenths + 1) * 1_000;
            let there = tenth.iter().filter(|row| part.contains(*row)).count();
            assert!((60..=140).contains(&there), "{there} in {part:?}");
        }
    }
}
