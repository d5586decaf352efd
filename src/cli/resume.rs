//! `sluice resume`: goes on with what was not finished.

use std::path::Path;

use crate::actors::InputCounting;
use crate::config::{
    CredentialSources, Overrides, SecretSource, Settings, read_credentials_file, read_job,
};
use crate::error::{ExitStatus, FatalError};
use crate::source::csv::{Input, Match, verify};
use crate::source::{SourceError, cut_to_last_line};
use crate::store::{Checkpoint, Journal, Manifest, RunDirectory, SecretOrigin, SqliteJournal};

use super::arguments::ResumeArguments;
use super::assemble::{of_pacing_flags, of_profile};
use super::conclude::tell_again;
use super::credentials::read_credentials;
use super::load::{Prepared, prepare};
use super::run::{Leg, Tenant, input_stamp};
use super::{retry, set_up};

/// `sluice resume`.
pub(super) fn resume(arguments: &ResumeArguments) -> Result<ExitStatus, FatalError> {
    let flags = of_pacing_flags(&arguments.pacing)?;
    let runs = flags.run_dir.clone().unwrap_or_else(|| "runs".into());
    let directory = RunDirectory::find(&runs, arguments.run.as_deref())?;
    let lock = directory.lock()?;
    let manifest = directory.manifest()?;
    let mut journal = SqliteJournal::open(&directory.journal_path())?;
    let checkpoint = journal.load()?.checkpoint;
    if let Some(status) = checkpoint.finished_with.and_then(ExitStatus::of_code) {
        tell_again(&directory, &arguments.showing)?;
        return Ok(status);
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
    let counting = check_input(&manifest, &settings, &checkpoint)?;
    let settings = set_up::settled(&settings, &credentials)?;
    let prepared = prepare(settings, Input::File(manifest.input.clone()))?;
    check_unchanged(&manifest, &prepared)?;
    let counting = match counting {
        Some(counting) => counting,
        None => InputCounting::Count(prepared.counter(manifest.input_is_staged)?),
    };
    Leg {
        selection: prepared.selection(directory.path())?,
        directory,
        journal: Box::new(journal.with_durability(prepared.durability())?),
        lock,
        manifest,
        credentials,
        counting,
        tenant: Tenant::Stays,
    }
    .run(&prepared, &arguments.showing)
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
    let credentials = credentials_of(manifest, job.credentials.or(profile.credentials))?;
    let started_with = Overrides {
        input: Some(manifest.input.clone()),
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
        limit: manifest.limit,
        skip: Some(manifest.skip),
        job: Some(manifest.job.clone()),
        ..Overrides::default()
    };
    Ok(Settings::settle(flags, Some(started_with), None)?)
}

fn credentials_of(
    manifest: &Manifest,
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
        client_id: find(&manifest.client_id, |sources| &sources.client_id)?,
        client_secret: find(&manifest.client_secret, |sources| &sources.client_secret)?,
        // They come from where the secret does.
        username: user(&manifest.client_secret, |sources| &sources.username)?,
        password: user(&manifest.client_secret, |sources| &sources.password)?,
    })
}

/// Refuses an input that isn't what the run was started with. Where all of it
/// was counted before, it needn't be counted again.
fn check_input(
    manifest: &Manifest,
    settings: &Settings,
    checkpoint: &Checkpoint,
) -> Result<Option<InputCounting>, FatalError> {
    settings.check_input()?;
    let path = &manifest.input;
    let input = crate::source::csv::CsvSettings::new(Input::File(path.clone()));
    if let Some(digest) = &checkpoint.input {
        let found = verify(&input, digest).map_err(SourceError::into_fatal)?;
        if found != Match::Same {
            return Err(changed("input", path));
        }
        if digest.complete {
            return Ok(Some(InputCounting::Known(digest.clone())));
        }
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
