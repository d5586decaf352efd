//! What a run was started with, read back from its manifest: the settings of
//! another leg.

use std::path::Path;

use crate::config::{
    CredentialSources, InputSource, Overrides, PartLayers, SecretSource, Settings, Since,
    read_credentials_file, read_job,
};
use crate::error::FatalError;
use crate::store::{Manifest, SecretOrigin, SourceRecord};

use super::assemble::of_profile;
use super::source_stream::stream_of;

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
        Some(path) => of_job(manifest, path)?,
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

/// What the job file says about what the manifest's run loads.
fn of_job(manifest: &Manifest, path: &Path) -> Result<Overrides, FatalError> {
    let job = read_job(path)?;
    let Some(name) = &manifest.part else {
        return Ok(Overrides::of_job(&job, path));
    };
    let part = PartLayers::of_job(&job, path).and_then(|layers| layers.take(name));
    part.map(|part| part.overrides).ok_or_else(|| {
        FatalError::usage(format!(
            "the job file {} has no part `{name}` any more, which run {} loads",
            path.display(),
            manifest.run_id
        ))
        .with_hint("Put it back as it was to resume, or start a new run with `sluice run`.")
    })
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
        refresh_token: user(client_secret, |sources| &sources.refresh_token)?,
    })
}
