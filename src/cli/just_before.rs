//! Runs that have worked on the same target a moment ago: the tenant's search
//! may not know yet what they have made.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::store::{Journal as _, Manifest, RunDirectory, SqliteJournal};

use super::load::Prepared;
use super::source_stream::absolute_connector;

/// Whether another run has made records of the same kind at the same target, so
/// shortly before that a look-up which doesn't find a record proves nothing.
/// Where a run can't be read, it may have: believing so costs the few seconds
/// that searches are late.
pub(super) fn has_made_records(prepared: &Prepared, own: &RunDirectory) -> bool {
    let bound = &prepared.bound;
    // What is looked up and then made; anything else doesn't go by absence.
    let look_up = (bound.update.as_ref()).and_then(|_| bound.operation.look_up("any"));
    let Some(known_after) = look_up.map(|look_up| look_up.believed_after) else {
        return false;
    };
    let runs = RunDirectory::all(&prepared.settings.run_dir).unwrap_or_default();
    runs.iter().flat_map(places_of).any(|place| {
        place.path() != own.path()
            && was_written_within(&place.journal_path(), known_after)
            && place
                .manifest()
                .is_ok_and(|manifest| is_same_target(&manifest, prepared))
            && has_created(&place)
    })
}

/// Where the books of a run are: its own directory, or those of its parts.
fn places_of(run: &RunDirectory) -> Vec<RunDirectory> {
    match run.parts() {
        Ok(Some(manifest)) => (manifest.parts.iter())
            .map(|part| run.part(&part.name))
            .collect(),
        _ => vec![run.clone()],
    }
}

fn is_same_target(manifest: &Manifest, prepared: &Prepared) -> bool {
    let settings = &prepared.settings;
    manifest.connector == absolute_connector(&settings.connector)
        && manifest.operation == settings.operation
        && manifest.variables == settings.variables
}

/// Whether a journal was written to in the time before now. A file from a clock
/// that was ahead counts as new.
fn was_written_within(journal: &Path, time: Duration) -> bool {
    let mut log = journal.as_os_str().to_owned();
    log.push("-wal");
    let written_at = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let newest: Option<SystemTime> = written_at(journal).max(written_at(Path::new(&log)));
    newest.is_some_and(|at| at.elapsed().is_ok_and(|ago| ago < time) || at > SystemTime::now())
}

fn has_created(place: &RunDirectory) -> bool {
    let journal = SqliteJournal::open_to_read(&place.journal_path());
    let state = journal.and_then(|mut journal| journal.load());
    state.map_or(true, |state| state.checkpoint.counts.created > 0)
}
