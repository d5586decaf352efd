//! `sluice resume`: goes on with what was not finished.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::actors::InputCounting;
use crate::config::{
    CredentialSources, InputSource, Overrides, SecretSource, Settings, Since,
    read_credentials_file, read_job,
};
use crate::error::{ExitStatus, FatalError};
use crate::source::csv::{CsvSettings, Input, Match, verify};
use crate::source::{FetchState, SourceError, cut_to_last_line, hash_of_file};
use crate::store::{
    Checkpoint, Journal, Manifest, RunDirectory, SecretOrigin, SourceRecord, SqliteJournal,
    StreamRecord,
};

use super::arguments::ResumeArguments;
use super::assemble::{of_pacing_flags, of_profile};
use super::begin_manifest::input_stamp;
use super::conclusion::Conclusion;
use super::credentials::read_credentials;
use super::load::{Prepared, prepare, prepare_staged};
use super::run::{Circumstances, Leg, fetch_into};
use super::source_stream::{SourceStream, read_state, record_of, stream_of};
use super::staging::STAGED;
use super::{retry, set_up};

/// `sluice resume`.
pub(super) fn resume(arguments: &ResumeArguments) -> Result<ExitStatus, FatalError> {
    go_on(arguments, Circumstances::default())?.tell(&arguments.showing)
}

/// The same; what came of it is still to be told.
pub(super) fn go_on(
    arguments: &ResumeArguments,
    circumstances: Circumstances,
) -> Result<Conclusion, FatalError> {
    let flags = of_pacing_flags(&arguments.pacing)?;
    let runs = flags.run_dir.clone().unwrap_or_else(|| "runs".into());
    let directory = RunDirectory::find(&runs, arguments.run.as_deref())?;
    let lock = directory.lock()?;
    let manifest = directory.manifest()?;
    let mut journal = SqliteJournal::open(&directory.journal_path())?;
    let checkpoint = journal.load()?.checkpoint;
    if let Some(status) = checkpoint.finished_with.and_then(ExitStatus::of_code) {
        return Conclusion::of_finished(&directory, status);
    }
    if manifest.mapping_hash.is_empty() {
        return Err(FatalError::usage(format!(
            "run {} was ended before it had read its first row; nothing was sent",
            directory.run_id()
        ))
        .with_hint("Start it again with `sluice run`."));
    }
    let settings = settings_of(&manifest, flags)?;
    if checkpoint.retry.is_some() {
        return retry::go_on(directory, lock, manifest, settings, &arguments.showing);
    }
    let credentials = read_credentials(&settings)?;
    let read_from = read_from(&directory, &manifest);
    let fetched = match &manifest.source {
        SourceRecord::Stream(_) => Some(cut_to_state(&directory, &read_from)?),
        _ => None,
    };
    let counting = check_input(&manifest, &settings, &read_from, &checkpoint)?;
    let settings = set_up::settled(&settings, &credentials)?;
    let prepared = match (&settings.input, fetched) {
        (InputSource::Stream(stream), Some(state)) if !state.complete => {
            let mut source = SourceStream::open(&settings, stream)?;
            source.known = Arc::clone(&circumstances.known);
            let record = record_of(&source, stream);
            if !is_same_connector(&manifest, &record) {
                let path = Path::new(&record.connector);
                return Err(changed("connector of the source", path));
            }
            let prepared = fetch_into(source, &settings, &directory, Some(state))?;
            check_unchanged(&manifest, &prepared)?;
            prepared
        }
        _ => prepare_again(&manifest, settings, read_from)?,
    };
    let counting = match counting {
        Some(counting) => counting,
        None => {
            let was_cut = manifest.input_is_staged && manifest.source == SourceRecord::Csv;
            InputCounting::Count(prepared.counter(was_cut)?)
        }
    };
    Leg {
        selection: prepared.selection(directory.path())?,
        directory,
        journal: Box::new(journal),
        lock,
        manifest,
        credentials,
        counting,
        circumstances,
    }
    .run(&prepared, &arguments.showing)
}

/// What a run reads its rows from: its input, or the staged copy of it.
pub(super) fn read_from(directory: &RunDirectory, manifest: &Manifest) -> PathBuf {
    match manifest.source {
        SourceRecord::Csv => manifest.input.clone(),
        _ => directory.path().join(STAGED),
    }
}

/// The load as the run was started with it, from an input that was checked;
/// refused where the connector or the mapping has changed since.
pub(super) fn prepare_again(
    manifest: &Manifest,
    settings: Settings,
    read_from: PathBuf,
) -> Result<Prepared, FatalError> {
    let input = Input::File(read_from);
    let prepared = match &settings.input {
        InputSource::File(_) | InputSource::StandardInput => prepare(settings, input)?,
        _ => prepare_staged(settings, input)?,
    };
    check_unchanged(manifest, &prepared)?;
    Ok(prepared)
}

/// What the run was started with, under the flags of this command.
pub(super) fn settings_of(manifest: &Manifest, flags: Overrides) -> Result<Settings, FatalError> {
    let damaged = |what: &str| {
        FatalError::usage(format!(
            "the manifest of run {} is damaged: {what} can't be read",
            manifest.run_id
        ))
    };
    let flag = |name: &str| manifest.flags.get(name);
    macro_rules! parsed {
        ($text:expr, $what:literal) => {
            $text
                .map(|text| text.parse().map_err(|_| damaged($what)))
                .transpose()?
        };
    }
    let job = match &manifest.job_file {
        Some(path) if !path.is_file() => {
            return Err(FatalError::usage(format!(
                "the job file {} of run {} is gone",
                path.display(),
                manifest.run_id
            ))
            .with_hint("Put it back as it was; the mapping stands in it."));
        }
        Some(path) => Overrides::of_job(&read_job(path)?, path),
        None => Overrides::default(),
    };
    let profile = match &manifest.profile {
        Some(name) => of_profile(name)?,
        None => Overrides::default(),
    };
    let own = own_credentials(manifest, job.input.as_ref())?;
    let configured = job.credentials.or(profile.credentials);
    let credentials = credentials_of(&manifest.client_id, &manifest.client_secret, configured)?;
    let mut input = input_of(manifest);
    if let InputSource::Stream(stream) = &mut input {
        stream.credentials = own;
    }
    let started_with = Overrides {
        input: Some(input),
        since: since_of(manifest).map_err(|()| damaged("time of --since"))?,
        delimiter: parsed!(manifest.delimiter.as_ref(), "delimiter"),
        encoding: parsed!(manifest.encoding.as_ref(), "encoding"),
        duplicates: parsed!(Some(&manifest.duplicates), "duplicates"),
        connector: Some(manifest.connector.clone()),
        operation: manifest.operation.clone(),
        variables: manifest.variables.clone(),
        credentials: Some(credentials),
        mapping: job.mapping,
        share: parsed!(flag("share"), "share"),
        max_errors: parsed!(flag("max-errors"), "max-errors"),
        max_rate: parsed!(flag("max-rate"), "max-rate"),
        concurrency: parsed!(flag("concurrency"), "concurrency"),
        diff_log: parsed!(flag("diff-log"), "diff-log"),
        pre_images: parsed!(flag("pre-images"), "pre-images"),
        limit: manifest.limit,
        skip: Some(manifest.skip),
        job: Some(manifest.job.clone()),
        ..Overrides::default()
    };
    Ok(Settings::settle(flags, Some(started_with), None)?)
}

fn input_of(manifest: &Manifest) -> InputSource {
    let path = manifest.input.clone();
    match &manifest.source {
        SourceRecord::Csv => InputSource::File(path),
        SourceRecord::Workbook { sheet, .. } => InputSource::Workbook {
            path,
            sheet: sheet.clone(),
        },
        SourceRecord::Ndjson { .. } => InputSource::Ndjson(path),
        SourceRecord::Stream(record) => InputSource::Stream(stream_of(record)),
    }
}

/// How far fetching had come; what is staged beyond that was never read.
fn cut_to_state(directory: &RunDirectory, staged: &Path) -> Result<FetchState, FatalError> {
    let state = read_state(directory).ok_or_else(|| {
        FatalError::usage(format!(
            "run {} was ended before it had staged its first page; nothing was sent",
            directory.run_id()
        ))
        .with_hint("Start it again with `sluice run`.")
    })?;
    OpenOptions::new()
        .write(true)
        .open(staged)
        .and_then(|file| match file.metadata()?.len() < state.bytes {
            true => Err(std::io::ErrorKind::UnexpectedEof.into()),
            false => file.set_len(state.bytes),
        })
        .map_err(|cause| FatalError::writing(&staged.display().to_string(), &cause))?;
    Ok(state)
}

fn is_same_connector(manifest: &Manifest, record: &StreamRecord) -> bool {
    match &manifest.source {
        SourceRecord::Stream(began_with) => began_with.connector_hash == record.connector_hash,
        _ => false,
    }
}

/// The time that changes were asked from, which `last` stood for when the run
/// was started.
fn since_of(manifest: &Manifest) -> Result<Option<Since>, ()> {
    match &manifest.source {
        SourceRecord::Stream(record) => match &record.since {
            Some(text) => text.parse().map(Some).map_err(|_| ()),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The credentials that the source has a place of its own for.
fn own_credentials(
    manifest: &Manifest,
    named: Option<&InputSource>,
) -> Result<Option<CredentialSources>, FatalError> {
    let SourceRecord::Stream(record) = &manifest.source else {
        return Ok(None);
    };
    let (Some(client_id), Some(client_secret)) = (&record.client_id, &record.client_secret) else {
        return Ok(None);
    };
    let configured = match named {
        Some(InputSource::Stream(stream)) => stream.credentials.clone(),
        _ => None,
    };
    credentials_of(client_id, client_secret, configured).map(Some)
}

fn credentials_of(
    client_id: &SecretOrigin,
    client_secret: &SecretOrigin,
    configured: Option<CredentialSources>,
) -> Result<CredentialSources, FatalError> {
    let source = |origin: &SecretOrigin, pick: fn(&CredentialSources) -> &SecretSource| {
        Ok(match origin {
            SecretOrigin::Env(name) => SecretSource::Environment(name.clone()),
            SecretOrigin::File(path) => SecretSource::File(path.clone()),
            SecretOrigin::CredentialsFile(path) => pick(&read_credentials_file(path)?).clone(),
            SecretOrigin::Configuration => match &configured {
                Some(sources) => pick(sources).clone(),
                None => pick(&CredentialSources::default()).clone(),
            },
        })
    };
    let find = |origin, pick| -> Result<SecretSource, FatalError> { source(origin, pick) };
    let user = |origin: &SecretOrigin, pick| match origin {
        SecretOrigin::CredentialsFile(_) => source(origin, pick),
        _ => source(&SecretOrigin::Configuration, pick),
    };
    Ok(CredentialSources {
        client_id: find(client_id, |sources| &sources.client_id)?,
        client_secret: find(client_secret, |sources| &sources.client_secret)?,
        // They come from where the secret does.
        username: user(client_secret, |sources| &sources.username)?,
        password: user(client_secret, |sources| &sources.password)?,
    })
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
    if let SourceRecord::Workbook { blake3, .. } | SourceRecord::Ndjson { blake3 } =
        &manifest.source
        && hash_of_file(&manifest.input).map_err(SourceError::into_fatal)? != *blake3
    {
        return Err(changed("input", &manifest.input));
    }
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

pub(super) fn check_unchanged(manifest: &Manifest, prepared: &Prepared) -> Result<(), FatalError> {
    if prepared.connector_hash() != manifest.connector_hash {
        return Err(changed("connector", Path::new(&manifest.connector)));
    }
    if prepared.mapping_hash() != manifest.mapping_hash {
        let path = manifest.job_file.clone().unwrap_or_default();
        return Err(changed("mapping", &path));
    }
    Ok(())
}

fn changed(what: &str, path: &Path) -> FatalError {
    FatalError::usage(format!(
        "the {what} has changed since the run was started: {}",
        path.display()
    ))
    .with_hint("Put it back as it was to resume, or start a new run with `sluice run`.")
}
