//! Runs that others have overtaken: to go on with one would put old values over
//! newer ones, or finish half of what was taken back.

use std::fs;

use crate::error::FatalError;
use crate::store::{Manifest, RunDirectory};

use super::arguments::ShowingFlags;
use super::conclude::shown;
use super::stream_runs::later_reader;

/// Says in a run's directory since when the run is being undone, or was.
const UNDONE: &str = "undone.json";

/// Notes, before the first record is put back, that the run is being undone.
///
/// # Errors
/// It can't be written.
pub(super) fn note_undone(directory: &RunDirectory) -> Result<(), FatalError> {
    if undone_at(directory).is_some() {
        return Ok(());
    }
    let note = serde_json::json!({ "undone_at": jiff::Timestamp::now().to_string() });
    directory.write_file(UNDONE, note.to_string().as_bytes())
}

/// When an undo of the run began, RFC 3339; `None` where there was none.
pub(super) fn undone_at(directory: &RunDirectory) -> Option<String> {
    let text = fs::read(directory.path().join(UNDONE)).ok()?;
    let note: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(note["undone_at"].as_str().unwrap_or_default().to_owned())
}

/// Why nothing should go on with the run, in words; `None` where it may.
pub(super) fn overtaken(directory: &RunDirectory, manifest: &Manifest) -> Option<String> {
    if let Some(at) = undone_at(directory) {
        return Some(format!(
            "it was undone ({at}), and rows that were done before that aren't sent again"
        ));
    }
    later_reader(directory, manifest).map(|later| {
        format!(
            "{} was started later and has read the same stream, so that what this run has staged \
             is older than what was loaded since",
            later.display()
        )
    })
}

/// Refuses to go on with an overtaken run, unless the user says yes to it.
/// `command` is what they would give again.
///
/// # Errors
/// It was overtaken.
pub(super) fn check_not_overtaken(
    directory: &RunDirectory,
    manifest: &Manifest,
    command: &str,
    showing: &ShowingFlags,
) -> Result<(), FatalError> {
    if showing.yes {
        return Ok(());
    }
    match overtaken(directory, manifest) {
        None => Ok(()),
        Some(why) => Err(FatalError::usage(format!(
            "run {} has been overtaken: {why}",
            directory.run_id()
        ))
        .with_hint(format!(
            "Start a new run with `sluice run`. To go on with this one all the same: \
             sluice {command} {} --yes",
            shown(directory)
        ))),
    }
}
