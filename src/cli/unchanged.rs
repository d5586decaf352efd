//! What must not have changed since a run was started: its input, its mapping,
//! its connectors.

use std::path::Path;

use crate::actors::InputCounting;
use crate::config::Settings;
use crate::error::FatalError;
use crate::source::csv::{CsvSettings, Input, Match, verify};
use crate::source::{SourceError, cut_to_last_line, hash_of_file};
use crate::store::{Checkpoint, Manifest, SourceRecord, StreamRecord};

use super::begin_manifest::input_stamp;
use super::load::{Prepared, hashes_of};

/// Refuses a source whose connector isn't what the run was started with.
pub(super) fn check_same_connector(
    manifest: &Manifest,
    record: &StreamRecord,
) -> Result<(), FatalError> {
    match &manifest.source {
        SourceRecord::Stream(began_with) if began_with.connector_hash == record.connector_hash => {
            Ok(())
        }
        _ => Err(changed(
            "connector of the source",
            Path::new(&record.connector),
        )),
    }
}

/// Refuses an input that isn't what the run was started with, and a staged copy
/// of it that isn't (`path` is what is read). Where all of it was counted
/// before, it needn't be counted again.
pub(super) fn check_input(
    manifest: &Manifest,
    settings: &Settings,
    path: &Path,
    checkpoint: &Checkpoint,
) -> Result<Option<InputCounting>, FatalError> {
    settings.check_input()?;
    check_staged_file(manifest)?;
    let input = CsvSettings::new(Input::File(path.to_owned()));
    if let Some(digest) = &checkpoint.input {
        let found = verify(&input, digest).map_err(SourceError::into_fatal)?;
        if found != Match::Same {
            return Err(changed("input", path));
        }
        if digest.complete {
            return Ok(Some(InputCounting::Known(digest.clone())));
        }
    }
    if manifest.source != SourceRecord::Csv {
        // A copy holds nothing that may be half a row.
        return Ok(None);
    }
    if manifest.input_is_staged {
        // The copy ends where the process was killed, maybe within a row.
        cut_to_last_line(path)
            .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
        return Ok(None);
    }
    // Not all of it was hashed: size and time of change must do for the rest.
    if input_stamp(path) != (manifest.input_bytes, manifest.input_modified_ns) {
        return Err(changed("input", path));
    }
    Ok(None)
}

/// Refuses a file that a part reads where it isn't what the run was started
/// with. Copies of it are looked at when they are read.
pub(super) fn check_file(
    manifest: &Manifest,
    settings: &Settings,
    checkpoint: &Checkpoint,
) -> Result<(), FatalError> {
    match manifest.source {
        SourceRecord::Csv if !manifest.input_is_staged => {
            check_input(manifest, settings, &manifest.input, checkpoint).map(drop)
        }
        _ => check_staged_file(manifest),
    }
}

/// Refuses a file that was staged, and has changed since.
fn check_staged_file(manifest: &Manifest) -> Result<(), FatalError> {
    match &manifest.source {
        SourceRecord::Workbook { blake3, .. } | SourceRecord::Ndjson { blake3 }
            if hash_of_file(&manifest.input).map_err(SourceError::into_fatal)? != *blake3 =>
        {
            Err(changed("input", &manifest.input))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_unchanged(manifest: &Manifest, prepared: &Prepared) -> Result<(), FatalError> {
    check_hashes(
        manifest,
        &(prepared.mapping_hash(), prepared.connector_hash()),
    )
}

/// The same for a load that isn't prepared yet.
pub(super) fn check_settings(manifest: &Manifest, settings: &Settings) -> Result<(), FatalError> {
    check_hashes(manifest, &hashes_of(settings)?)
}

fn check_hashes(
    manifest: &Manifest,
    (mapping, connector): &(String, String),
) -> Result<(), FatalError> {
    if *connector != manifest.connector_hash {
        return Err(changed("connector", Path::new(&manifest.connector)));
    }
    if *mapping != manifest.mapping_hash {
        let path = manifest.job_file.clone().unwrap_or_default();
        return Err(changed("mapping", &path));
    }
    Ok(())
}

pub(super) fn changed(what: &str, path: &Path) -> FatalError {
    FatalError::usage(format!(
        "the {what} has changed since the run was started: {}",
        path.display()
    ))
    .with_hint("Put it back as it was to resume, or start a new run with `sluice run`.")
}
