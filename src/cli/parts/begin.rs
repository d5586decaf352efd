//! Makes a new run that has parts.

use std::fs;

use crate::cli::assemble::ConfigFiles;
use crate::cli::begin_manifest::{STAGED_INPUT, manifest_of};
use crate::cli::credentials::read_credentials;
use crate::cli::entities::check_parents;
use crate::cli::load::{check_target, file_input, hashes_of, prepare};
use crate::cli::run::{Circumstances, source_record};
use crate::cli::source_stream::{STATE, SourceStream, prepare_without_rows};
use crate::cli::staging::{PrivateFolder, STAGED};
use crate::config::{InputSource, Part, PartOrder, Parts, Settings, Since};
use crate::error::FatalError;
use crate::source::{SourceError, hash_of_file};
use crate::store::{Manifest, PartRecord, PartsManifest, RunDirectory, SourceRecord};

use super::course::PartsRun;
use super::shared::{SharedSource, Staged};

/// Makes a new run of parts, ready to start.
///
/// # Errors
/// A mistake of the user's: nothing is made then, and nothing sent.
pub(in crate::cli) fn begin(
    parts: &Parts,
    files: &ConfigFiles,
    circumstances: Circumstances,
) -> Result<PartsRun, FatalError> {
    // Whatever is wrong is told before anything is made.
    let order = parts.order;
    check_parents(&parts.parts)?;
    for part in &parts.parts {
        check(part, order)?;
    }
    let mut parts = parts.parts.clone();
    let (records, stream) = sources_of(&mut parts, order)?;
    let mut manifests = Vec::new();
    for (part, source) in parts.iter().zip(records) {
        let mut manifest = manifest_of(&part.settings, files)?;
        (manifest.mapping_hash, manifest.connector_hash) = hashes_of(&part.settings)?;
        manifest.part = Some(part.name.clone());
        manifest.source = source;
        manifests.push(manifest);
    }
    let mut whole = whole_of(&manifests, &parts, order);
    if let Some(round) = circumstances.round {
        whole.run_id.push_str(&format!("-round-{round}"));
    }
    let settings: Vec<Settings> = parts.into_iter().map(|part| part.settings).collect();
    let first = &settings[0];
    let (directory, lock) =
        RunDirectory::create_with_parts(&first.run_dir, &mut whole, &mut manifests)?;
    let staged = match order {
        PartOrder::AtOnce => {
            SharedSource::stage(&directory, &settings, stream, &circumstances.known)
        }
        PartOrder::InTurn => Ok(Staged::default()),
    };
    match staged {
        Ok(staged) => Ok(PartsRun {
            directory,
            lock,
            manifest: whole,
            settings: settings.into_iter().map(Some).collect(),
            circumstances,
            staged,
        }),
        Err(error) => {
            // Nothing was sent, and there is nothing to go on from.
            let _ = fs::remove_dir_all(directory.path());
            Err(error)
        }
    }
}

/// Whatever can be found wrong with a part without asking anybody.
fn check(part: &Part, order: PartOrder) -> Result<(), FatalError> {
    read_credentials(&part.settings).map_err(|error| of_part(&part.name, error))?;
    check_offline(part, order)
}

/// The same, but for the credentials, which a plan does without.
pub(super) fn check_offline(part: &Part, order: PartOrder) -> Result<(), FatalError> {
    let settings = &part.settings;
    let checked = match &settings.input {
        InputSource::File(_) => match file_input(settings) {
            Some(input) => prepare(settings.clone(), input).map(drop),
            None => Ok(()),
        },
        InputSource::Stream(stream) => {
            let scratch = PrivateFolder::create()?;
            prepare_without_rows(settings, stream, scratch.path()).map(drop)
        }
        InputSource::StandardInput if order == PartOrder::InTurn => Err(FatalError::usage(
            "standard input can't be the source of a part, which a resume may have to begin",
        )
        .with_hint("Write it to a file first, and name that.")),
        _ => check_target(settings),
    };
    checked.map_err(|error| of_part(&part.name, error))
}

/// The same failure, with the part that it is about.
pub(super) fn of_part(part: &str, error: FatalError) -> FatalError {
    FatalError {
        message: format!("{part}: {}", error.message),
        ..error
    }
}

/// What the manifests say about the parts' sources, and the stream that all
/// parts read where they read one. From when on changes are wanted is settled
/// with it.
fn sources_of(
    parts: &mut [Part],
    order: PartOrder,
) -> Result<(Vec<SourceRecord>, Option<SourceStream>), FatalError> {
    let mut records = Vec::new();
    let mut opened = None;
    for part in &mut *parts {
        if let (PartOrder::AtOnce, Some(first)) = (order, records.first()) {
            records.push(SourceRecord::clone(first));
            continue;
        }
        let settings = &mut part.settings;
        let hash = |path| hash_of_file(path).map_err(SourceError::into_fatal);
        records.push(match settings.input.clone() {
            InputSource::File(_) | InputSource::StandardInput => SourceRecord::Csv,
            InputSource::Workbook { path, sheet } => SourceRecord::Workbook {
                sheet,
                blake3: hash(&path)?,
            },
            InputSource::Ndjson(path) => SourceRecord::Ndjson {
                blake3: hash(&path)?,
            },
            InputSource::Stream(stream) => {
                let source = SourceStream::open(settings, &stream)?;
                settings.since = source.since.map(Since::At);
                let record = source_record(&source, &stream);
                opened = Some(source);
                record
            }
        });
    }
    if order == PartOrder::AtOnce {
        let since = parts.first().and_then(|part| part.settings.since);
        for part in parts {
            part.settings.since = since;
        }
    }
    Ok((records, opened))
}

/// The whole run's manifest.
fn whole_of(manifests: &[Manifest], parts: &[Part], order: PartOrder) -> PartsManifest {
    let first = &manifests[0];
    let shared_files: &[&str] = match (order, &parts[0].settings.input) {
        (PartOrder::InTurn, _) | (_, InputSource::File(_)) => &[],
        (_, InputSource::StandardInput) => &[STAGED_INPUT],
        (_, InputSource::Workbook { .. } | InputSource::Ndjson(_)) => &[STAGED],
        (_, InputSource::Stream(_)) => &[STAGED, STATE],
    };
    PartsManifest {
        sluice_version: first.sluice_version.clone(),
        run_id: first.run_id.clone(),
        job: first.job.clone(),
        started_at: first.started_at.clone(),
        job_file: first.job_file.clone(),
        job_hash: first.job_hash.clone(),
        order,
        parts: parts
            .iter()
            .map(|part| PartRecord {
                name: part.name.clone(),
                after: part.after.clone(),
            })
            .collect(),
        shared_files: shared_files.iter().map(ToString::to_string).collect(),
    }
}
