//! Which rows of a retry aren't sent: those that would put old values over what
//! a row of the same key has written since.
//!
//! Rows of one key are applied in the order of the input, or as the user chose.
//! A row that is mended and sent again comes later than all of them, so it is
//! held against what the run has applied: the rows of the input, and those that
//! earlier retries sent, which have the text that their user gave them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::actors::Selection;
use crate::config::Duplicates;
use crate::error::FatalError;
use crate::record::OutcomeKind;
use crate::source::SourceError;
use crate::source::csv::LineColumn;
use crate::store::Standing;

use super::entities::find_ids;
use super::load::{KeyReader, Prepared};
use super::print;
use super::resume::{prepare_again, read_from};
use super::retry::prepare_retry;
use super::unchanged::check_input;
use super::verify::{RunBooks, for_each_row};

/// A row of the retry, or of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    row: u64,
    line: u64,
}

/// The rows of one key that the run has applied: the first and the last.
#[derive(Clone, Copy, Debug)]
struct Applied {
    first: Place,
    last: Place,
}

/// The rows that `prepared`, the load of a retry, must not send; nothing else of
/// the selection is set. Where the run's input can't be had any more, the retry's
/// own rows are held against each other alone, which is told.
///
/// # Errors
/// What the retry sends can't be read.
pub(super) fn left_out(prepared: &Prepared, books: &RunBooks<'_>) -> Result<Selection, FatalError> {
    let retried = retried_rows(prepared, books)?;
    let mut applied: HashMap<u64, Option<Applied>> =
        retried.iter().map(|(key, _)| (*key, None)).collect();
    if !applied.is_empty()
        && let Err(error) = find_applied(&mut applied, books)
    {
        print::remark(&format!(
            "sluice: rows of the same key can't be looked for in the input ({error}); if a later \
             one was applied, what is sent now takes its place"
        ));
    }
    let choice = books.settings.duplicates;
    let stands_in_the_way = in_the_way(&retried, &applied, choice);
    Ok(match choice {
        Duplicates::Reject => Selection {
            repeated: Arc::new(stands_in_the_way.into_keys().collect()),
            reject_repeated: true,
            ..Selection::default()
        },
        _ => Selection {
            superseded: Arc::new(stands_in_the_way),
            ..Selection::default()
        },
    })
}

/// The rows that are sent again, in the text's order, each with the hash of its
/// key. Those that the tenant is asked about first aren't among them: what it
/// has of them decides.
fn retried_rows(
    prepared: &Prepared,
    books: &RunBooks<'_>,
) -> Result<Vec<(u64, Place)>, FatalError> {
    let mut keys = KeyReader::new(prepared);
    let mut found = Vec::new();
    let mut source = prepared.rows(None).map_err(SourceError::into_fatal)?;
    while let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? {
        for row in &batch.rows {
            if row.flaw.is_some() || books.state.suspects.contains_key(&row.row) {
                continue;
            }
            let raw = &batch.buffer[row.start..row.end];
            if let Some(key) = keys.hash(raw, row.position) {
                let place = Place {
                    row: row.row.0,
                    line: row.position.line,
                };
                found.push((key, place));
            }
        }
    }
    Ok(found)
}

/// Fills in what the run has applied of these keys.
fn find_applied(
    applied: &mut HashMap<u64, Option<Applied>>,
    books: &RunBooks<'_>,
) -> Result<(), FatalError> {
    let (manifest, settings, state) = (books.manifest, books.settings, books.state);
    let text = read_from(books.directory, manifest);
    check_input(manifest, settings, &text, &state.checkpoint)?;
    let mut prepared = prepare_again(manifest, settings.clone(), text)?;
    find_ids(&mut prepared, books.directory)?;
    let selection = prepared.selection(books.directory.path())?;
    let retried = keys_of_retries(books)?;
    let not_applied: BTreeSet<u64> = books
        .listed
        .iter()
        // One whose fate isn't known may have been applied.
        .filter(|listed| listed.standing != Standing::Ended(OutcomeKind::Unknown))
        .map(|listed| listed.row.0)
        .collect();
    let mut keys = KeyReader::new(&prepared);
    for_each_row(&prepared, |row, raw| {
        let is_skipped = !selection.reject_repeated && selection.is_repeated(row.row);
        let is_applied = selection.wants(row.row)
            && state.finished.contains(row.row.0)
            && !not_applied.contains(&row.row.0);
        if is_skipped || !is_applied {
            return Ok(());
        }
        let line = row.position.line;
        let key = match retried.get(&line) {
            Some(key) => Some(*key),
            None => keys.hash(raw, row.position),
        };
        if let Some(found) = key.and_then(|key| applied.get_mut(&key)) {
            let place = Place {
                row: row.row.0,
                line,
            };
            found
                .get_or_insert(Applied {
                    first: place,
                    last: place,
                })
                .last = place;
        }
        Ok(())
    })
}

/// The keys of the rows that retries of the run have sent, by their lines; of a
/// row that was sent several times, what it was the last time.
fn keys_of_retries(books: &RunBooks<'_>) -> Result<BTreeMap<u64, u64>, FatalError> {
    let mut found = BTreeMap::new();
    for leg in 2..=books.state.checkpoint.legs + 1 {
        let path = books.directory.path().join(format!("retry-{leg}.csv"));
        if !path.is_file() {
            continue;
        }
        let mut prepared = prepare_retry(&path, &path, books.manifest, books.settings)?;
        find_ids(&mut prepared, books.directory)?;
        let Some(column) = LineColumn::of(&prepared.shape) else {
            continue;
        };
        let mut keys = KeyReader::new(&prepared);
        for_each_row(&prepared, |row, raw| {
            if let (Some(line), Some(key)) = (column.line(raw), keys.hash(raw, row.position)) {
                found.insert(line, key);
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// The rows that must not be sent, each with the line of the row that stands in
/// its way.
fn in_the_way(
    retried: &[(u64, Place)],
    applied: &HashMap<u64, Option<Applied>>,
    choice: Duplicates,
) -> BTreeMap<u64, u64> {
    let keeps_first = matches!(choice, Duplicates::First | Duplicates::Reject);
    let mut found = BTreeMap::new();
    let winners = winners(retried, keeps_first);
    let mut latest: HashMap<u64, Place> = HashMap::new();
    for (key, place) in retried {
        // All are sent, in the input's order; a spreadsheet may have changed it.
        let before = latest.entry(*key).or_insert(*place);
        let own = match choice {
            Duplicates::Apply if before.row > place.row => Some(*before),
            Duplicates::Apply => None,
            _ => winners.get(key).copied(),
        };
        if place.row > before.row {
            *before = *place;
        }
        let of_run = applied.get(key).copied().flatten();
        let of_run = of_run.and_then(|applied| match keeps_first {
            true => Some(applied.first),
            false => Some(applied.last).filter(|last| last.row > place.row),
        });
        if let Some(other) = of_run.or(own.filter(|own| own.row != place.row)) {
            found.insert(place.row, other.line);
        }
    }
    found
}

/// Of the retry's own rows of each key the one that is kept where only one is.
fn winners(retried: &[(u64, Place)], keeps_first: bool) -> HashMap<u64, Place> {
    let mut winners: HashMap<u64, Place> = HashMap::new();
    for (key, place) in retried {
        let winner = winners.entry(*key).or_insert(*place);
        let wins = match keeps_first {
            true => place.row < winner.row,
            false => place.row > winner.row,
        };
        if wins {
            *winner = *place;
        }
    }
    winners
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 7;

    fn at(row: u64) -> Place {
        Place { row, line: row + 1 }
    }

    /// The lines in the way of rows that are sent in this order, where the run
    /// has applied those of the key.
    fn lines(retried: &[u64], applied: &[u64], choice: Duplicates) -> Vec<(u64, u64)> {
        let retried: Vec<_> = retried.iter().map(|row| (KEY, at(*row))).collect();
        let ends = applied.first().zip(applied.last());
        let applied = ends.map(|(first, last)| Applied {
            first: at(*first),
            last: at(*last),
        });
        in_the_way(&retried, &HashMap::from([(KEY, applied)]), choice)
            .into_iter()
            .collect()
    }

    #[test]
    fn older_values_never_take_the_place_of_newer_ones() {
        use Duplicates::{Apply, First, Last, Reject};
        for choice in [Apply, Last] {
            assert_eq!(lines(&[1], &[2, 5], choice), [(1, 6)]);
            assert_eq!(lines(&[3], &[2], choice), []);
        }
        for choice in [First, Reject] {
            assert_eq!(lines(&[1], &[2, 5], choice), [(1, 3)]);
            assert_eq!(lines(&[3], &[2], choice), [(3, 3)]);
        }
    }

    #[test]
    fn rows_of_the_retry_give_way_to_each_other_as_the_user_chose() {
        use Duplicates::{Apply, First, Last, Reject};
        assert_eq!(lines(&[1, 4, 9], &[], Apply), []);
        // Sorted by somebody, the oldest stands last.
        assert_eq!(lines(&[4, 9, 1], &[], Apply), [(1, 10)]);
        assert_eq!(lines(&[4, 9, 1], &[], Last), [(1, 10), (4, 10)]);
        assert_eq!(lines(&[4, 9, 1], &[], First), [(4, 2), (9, 2)]);
        assert_eq!(lines(&[4, 9, 1], &[], Reject), [(4, 2), (9, 2)]);
    }
}
