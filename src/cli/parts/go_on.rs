//! Goes on with a run that has parts: `resume` and `retry`.

use std::fs;

use crate::cli::arguments::ShowingFlags;
use crate::cli::begin_manifest::STAGED_INPUT;
use crate::cli::conclude::shown;
use crate::cli::conclusion::Conclusion;
use crate::cli::credentials::read_credentials;
use crate::cli::overtaken::check_not_overtaken;
use crate::cli::retry::{Retried, retry_run, tell_nothing_to_do};
use crate::cli::run::Circumstances;
use crate::cli::source_stream::{STATE, read_state};
use crate::cli::started_with::settings_of;
use crate::cli::unchanged::{check_file, check_settings};
use crate::config::{Overrides, PartOrder, Settings};
use crate::error::{ExitStatus, FatalError};
use crate::store::{
    Checkpoint, Journal, Manifest, PartsManifest, RetryOf, RunDirectory, SqliteJournal,
};

use super::begin::of_part;
use super::course::{PartEnd, PartsRun};
use super::gather::gather;
use super::shared::{SharedSource, Staged};

/// Goes on with what was not finished of any part; what came of it is still to
/// be told.
pub(in crate::cli) fn go_on(
    directory: RunDirectory,
    manifest: PartsManifest,
    flags: &Overrides,
    circumstances: Circumstances,
    showing: &ShowingFlags,
) -> Result<Conclusion, FatalError> {
    let lock = directory.lock()?;
    let mut settings = Vec::new();
    let mut unfinished: Option<Manifest> = None;
    let mut has_begun = false;
    // What has changed is told before anything is sent for any part.
    for part in &manifest.parts {
        let place = directory.part(&part.name);
        let checkpoint = checkpoint_of(&place)?;
        has_begun |= checkpoint.legs > 0;
        if checkpoint.finished_with.is_some() {
            settings.push(None);
            continue;
        }
        let of_this = |error| of_part(&part.name, error);
        let part = place.manifest()?;
        if circumstances.round.is_none() {
            check_not_overtaken(&place, &part, "resume", showing).map_err(of_this)?;
        }
        let its = settings_of(&part, flags.clone()).map_err(of_this)?;
        check(&part, &its, &checkpoint).map_err(of_this)?;
        unfinished.get_or_insert(part);
        settings.push(Some(its));
    }
    let staged = match (&unfinished, manifest.order) {
        (Some(part), PartOrder::AtOnce) => {
            check_staged(&directory, &manifest)?;
            let settings: Vec<Settings> = settings.iter().flatten().cloned().collect();
            let known = &circumstances.known;
            SharedSource::go_on(&directory, part, &settings, has_begun, known)?
        }
        _ => Staged::default(),
    };
    PartsRun {
        directory,
        lock,
        manifest,
        settings,
        circumstances,
        staged,
    }
    .run(showing)
}

fn checkpoint_of(part: &RunDirectory) -> Result<Checkpoint, FatalError> {
    let mut journal = SqliteJournal::open_to_read(&part.journal_path())?;
    Ok(journal.load()?.checkpoint)
}

fn check(
    manifest: &Manifest,
    settings: &Settings,
    checkpoint: &Checkpoint,
) -> Result<(), FatalError> {
    read_credentials(settings)?;
    if checkpoint.retry.is_none() {
        check_file(manifest, settings, checkpoint)?;
    }
    check_settings(manifest, settings)
}

/// Whether what the parts read from was ever there: standard input can't be had
/// again.
fn check_staged(directory: &RunDirectory, manifest: &PartsManifest) -> Result<(), FatalError> {
    let is_from_stdin = manifest
        .shared_files
        .iter()
        .any(|name| name == STAGED_INPUT);
    if !is_from_stdin || directory.path().join(STAGED_INPUT).exists() {
        return Ok(());
    }
    Err(FatalError::usage(format!(
        "run {} was ended before it had read its first row; nothing was sent",
        directory.run_id()
    ))
    .with_hint("Start it again with `sluice run`."))
}

/// Whether a part can be gone on with by itself; a run that is no part can.
///
/// # Errors
/// It waits for another part, or has to read what the run fetches for all.
pub(in crate::cli) fn check_alone(part: &RunDirectory) -> Result<(), FatalError> {
    let Some(whole) = part.whole_run() else {
        return Ok(());
    };
    let Some(manifest) = whole.parts()? else {
        return Ok(());
    };
    let refused = |why: String| {
        Err(FatalError::usage(why).with_hint(format!(
            "Go on with the whole run: sluice resume {}",
            shown(&whole)
        )))
    };
    let name = part.path().file_name().unwrap_or_default();
    let own = manifest
        .parts
        .iter()
        .find(|record| name == record.name.as_str());
    for parent in own.iter().flat_map(|own| &own.after) {
        if checkpoint_of(&whole.part(parent))?.finished_with.is_none() {
            return refused(format!(
                "part {} comes after {parent}, which isn't finished",
                part.run_id()
            ));
        }
    }
    let shares_stream = manifest.shared_files.iter().any(|name| name == STATE);
    let has_all = read_state(&whole).is_some_and(|state| state.complete);
    if shares_stream && !has_all {
        return refused(format!(
            "part {} reads what the run fetches for all its parts, and not all of it is there",
            part.run_id()
        ));
    }
    let lacks_files = manifest
        .shared_files
        .iter()
        .any(|name| fs::metadata(whole.path().join(name)).is_err());
    if lacks_files || (!manifest.shared_files.is_empty() && never_began(&whole, &manifest)?) {
        return refused(format!(
            "part {} reads what the run stages for all its parts, and it isn't there yet",
            part.run_id()
        ));
    }
    Ok(())
}

fn never_began(whole: &RunDirectory, manifest: &PartsManifest) -> Result<bool, FatalError> {
    for part in &manifest.parts {
        if checkpoint_of(&whole.part(&part.name))?.legs > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends the rejected or unknown rows of every part again, in the parts' order.
pub(in crate::cli) fn retry(
    directory: RunDirectory,
    manifest: PartsManifest,
    flags: &Overrides,
    of: RetryOf,
    showing: &ShowingFlags,
) -> Result<Conclusion, FatalError> {
    let lock = directory.lock()?;
    for part in &manifest.parts {
        let place = directory.part(&part.name);
        if checkpoint_of(&place)?.finished_with.is_none() {
            return Err(
                FatalError::usage(format!("part {} isn't finished", place.run_id())).with_hint(
                    format!(
                        "Finish the run with `sluice resume {}`, or name the part to retry.",
                        shown(&directory)
                    ),
                ),
            );
        }
    }
    let mut ends = Vec::new();
    let mut has_rows = false;
    let mut stopped: Option<String> = None;
    for part in &manifest.parts {
        let place = directory.part(&part.name);
        // What was rejected for a part that isn't whole would be rejected again.
        let waits_for = part
            .after
            .iter()
            .find(|parent| stopped.as_ref() == Some(*parent));
        if waits_for.is_some() {
            let status = finished_status(&place)?;
            ends.push(PartEnd::Ended(Box::new(Conclusion::of_finished(
                &place, status,
            )?)));
            continue;
        }
        let retried = retry_run(&place, flags.clone(), of, &showing.for_part(&part.name));
        ends.push(match retried {
            Ok(Retried::Rows(conclusion)) => {
                has_rows = true;
                if !conclusion.is_finished {
                    stopped = Some(part.name.clone());
                }
                PartEnd::Ended(conclusion)
            }
            Ok(Retried::Nothing(status)) => {
                PartEnd::Ended(Box::new(Conclusion::of_finished(&place, status)?))
            }
            Err(error) if has_rows => PartEnd::Failed(of_part(&part.name, error)),
            Err(error) => return Err(of_part(&part.name, error)),
        });
    }
    if !has_rows {
        tell_nothing_to_do(of, showing);
    }
    let conclusion = gather(&directory, &manifest, ends);
    drop(lock);
    conclusion
}

fn finished_status(part: &RunDirectory) -> Result<ExitStatus, FatalError> {
    let code = checkpoint_of(part)?.finished_with;
    Ok(code
        .and_then(ExitStatus::of_code)
        .unwrap_or(ExitStatus::Done))
}
