//! What earlier runs have read of a stream: up to when, and which of its rows;
//! and whether a later one has read it since.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::config::{Settings, StreamSource};
use crate::connector::BoundStream;
use crate::error::FatalError;
use crate::source::KnownRows;
use crate::store::{
    Journal as _, Manifest, RunDirectory, SourceRecord, SqliteJournal, StreamRecord,
};

use super::overtaken::undone_at;
use super::source_stream::{absolute_connector, read_state};
use super::staging::STAGED;

/// A run that has read the stream to its end.
struct Reading {
    directory: RunDirectory,
    /// The run itself, or the first of its parts that reads the stream.
    reader: RunDirectory,
    /// From when on it asked for changes; none for everything.
    since: Option<Timestamp>,
    /// From when on a run after it has to ask.
    read_until: Timestamp,
}

/// Up to when the finished runs of this job have read the same stream, without
/// a gap.
///
/// # Errors
/// The runs' folder can't be read.
pub(super) fn last_watermark(
    settings: &Settings,
    stream: &StreamSource,
    bound: &BoundStream,
) -> Result<Option<Timestamp>, FatalError> {
    let readings = readings(settings, stream, bound)?;
    Ok(readings.iter().fold(None, |covered, reading| {
        covered_with(covered, reading.since, reading.read_until)
    }))
}

/// The rows that finished runs of this job have loaded and that come again where
/// changes are asked for from `since` on. A row that was refused isn't among
/// them, nor what can't be read any more: that comes again. Nothing is known of a
/// stream whose records don't tell when they changed: one that was changed and
/// changed back would pass for loaded.
///
/// # Errors
/// The runs' folder can't be read.
pub(super) fn rows_loaded_since(
    settings: &Settings,
    stream: &StreamSource,
    bound: &BoundStream,
    since: Timestamp,
) -> Result<KnownRows, FatalError> {
    let mut known = KnownRows::default();
    if bound.stream.changed_at().is_none() {
        return Ok(known);
    }
    for reading in readings(settings, stream, bound)? {
        if reading.read_until < since {
            continue;
        }
        let Some(not_loaded) = lines_not_loaded(&reading.directory) else {
            continue;
        };
        let after = known.after(
            &reading.reader.path().join(STAGED),
            bound.stream.changed_at(),
            since,
            reading.read_until,
            &not_loaded,
        );
        known = after.unwrap_or(known);
    }
    Ok(known)
}

/// Places of rows that stand in a book of the run, or of one of its parts;
/// `None` where a journal can't be read.
fn lines_not_loaded(directory: &RunDirectory) -> Option<BTreeSet<u64>> {
    let places = match directory.parts().ok()? {
        Some(parts) => parts.names().map(|name| directory.part(name)).collect(),
        None => vec![directory.clone()],
    };
    let mut lines = BTreeSet::new();
    for place in places {
        let mut journal = SqliteJournal::open_to_read(&place.journal_path()).ok()?;
        let listed = journal.listed().ok()?;
        lines.extend(listed.iter().map(|listed| listed.position.line));
    }
    Some(lines)
}

fn readings(
    settings: &Settings,
    stream: &StreamSource,
    bound: &BoundStream,
) -> Result<Vec<Reading>, FatalError> {
    let is_same = |record: &StreamRecord| {
        record.connector == absolute_connector(&stream.connector)
            && record.stream == bound.stream.name
            && record.variables == stream.variables
    };
    let mut readings = Vec::new();
    for directory in RunDirectory::all(&settings.run_dir)? {
        // The parts of a run that read one source read all of it, or none has.
        let reader = match directory.parts()? {
            Some(parts) => parts.parts.iter().find_map(|part| {
                let part = directory.part(&part.name);
                let manifest = part.manifest().ok()?;
                matches!(&manifest.source, SourceRecord::Stream(record) if is_same(record))
                    .then_some(part)
            }),
            None => Some(directory.clone()),
        };
        let Some(reader) = reader else { continue };
        let manifest = reader.manifest()?;
        let SourceRecord::Stream(record) = &manifest.source else {
            continue;
        };
        let counts = manifest.job == settings.job
            && is_same(record)
            && is_finished(&directory)
            && undone_at(&reader).is_none();
        if let (true, Some(read_until)) = (counts, watermark_of(&reader, &manifest)) {
            let since = record.since.as_deref();
            readings.push(Reading {
                directory,
                reader,
                since: since.and_then(|since| since.parse().ok()),
                read_until,
            });
        }
    }
    Ok(readings)
}

/// Up to when changes were read without a gap: up to `covered` before, and from
/// `since` to `read_until` by one run more.
fn covered_with(
    covered: Option<Timestamp>,
    since: Option<Timestamp>,
    read_until: Timestamp,
) -> Option<Timestamp> {
    match (covered, since) {
        // What changed in between was never read.
        (Some(covered), Some(since)) if since > covered => Some(covered),
        (Some(covered), _) => Some(covered.max(read_until)),
        // Whoever begins with a time wants nothing from before it.
        (None, _) => Some(read_until),
    }
}

/// From when on a run after this one has to ask for changes; `None` where it
/// hasn't read all, or left rows out.
fn watermark_of(directory: &RunDirectory, manifest: &Manifest) -> Option<Timestamp> {
    let state = read_state(directory)?;
    let rows = state.totals.rows;
    let left_rows_out = manifest.skip > 0 || manifest.limit.is_some_and(|limit| limit < rows);
    state.watermark.filter(|_| !left_rows_out)?.parse().ok()
}

fn is_finished(directory: &RunDirectory) -> bool {
    let summary = fs::read(directory.path().join("summary.json")).ok();
    summary
        .and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok())
        .is_some_and(|summary| summary["state"] == "finished")
}

/// A run that was started after this one, has read rows of the same stream and
/// loads them into the same place: what this one has staged is older. `None`
/// where there is none, or this one reads no stream.
pub(super) fn later_reader(directory: &RunDirectory, manifest: &Manifest) -> Option<PathBuf> {
    let SourceRecord::Stream(own) = &manifest.source else {
        return None;
    };
    let started_at: Timestamp = manifest.started_at.parse().ok()?;
    let whole = directory.whole_run().unwrap_or_else(|| directory.clone());
    let runs = whole.path().parent().filter(|runs| *runs != Path::new(""));
    let others = RunDirectory::all(runs.unwrap_or(Path::new("."))).ok()?;
    others.into_iter().rev().find_map(|other| {
        let reader = match &manifest.part {
            Some(part) => other.part(part),
            None => other.clone(),
        };
        let later = reader.manifest().ok()?;
        let SourceRecord::Stream(record) = &later.source else {
            return None;
        };
        let has_read = read_state(&reader).is_some_and(|state| state.totals.rows > 0);
        let is_later = later.started_at.parse::<Timestamp>().ok()? > started_at
            && other.run_id() != whole.run_id()
            && later.job == manifest.job
            && (&record.connector, &record.stream, &record.variables)
                == (&own.connector, &own.stream, &own.variables)
            && (&later.connector, &later.operation, &later.variables)
                == (
                    &manifest.connector,
                    &manifest.operation,
                    &manifest.variables,
                );
        (is_later && has_read && undone_at(&reader).is_none()).then(|| other.path().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).expect("a time")
    }

    #[test]
    fn changes_are_asked_from_where_reading_has_no_gap() {
        let whole = covered_with(None, None, at(1));
        assert_eq!(whole, Some(at(1)));
        assert_eq!(covered_with(whole, Some(at(1)), at(2)), Some(at(2)));
        // A run that began later than the one before ended closes no gap.
        assert_eq!(covered_with(whole, Some(at(3)), at(4)), Some(at(1)));
        assert_eq!(covered_with(whole, None, at(4)), Some(at(4)));
        assert_eq!(covered_with(None, Some(at(3)), at(4)), Some(at(4)));
    }
}
