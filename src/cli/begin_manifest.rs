//! What a new run's manifest says.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::config::{CredentialSources, InputSource, SecretSource, Settings};
use crate::error::FatalError;
use crate::store::{Manifest, SecretOrigin, SourceRecord};

use super::assemble::ConfigFiles;
use super::load::hash;
use super::source_stream::absolute_connector;
use super::staging::STAGED;

/// The staged copy of standard input, in the run's directory.
pub(super) const STAGED_INPUT: &str = "input.csv";

/// What the run was started with; what only preparing the load tells stays
/// empty.
pub(super) fn manifest_of(
    settings: &Settings,
    files: &ConfigFiles,
) -> Result<Manifest, FatalError> {
    let now = jiff::Timestamp::now();
    let (input, staged) = match &settings.input {
        InputSource::File(path)
        | InputSource::Ndjson(path)
        | InputSource::Workbook { path, .. } => (absolute(path), false),
        InputSource::StandardInput => (PathBuf::from(STAGED_INPUT), true),
        InputSource::Stream(_) => (PathBuf::from(STAGED), true),
    };
    let (input_bytes, input_modified_ns) = input_stamp(&input);
    let job_hash = match &files.job_file {
        Some(path) => Some(hash(&std::fs::read(path).map_err(|cause| {
            FatalError::usage(format!("can't read {}: {cause}", path.display()))
        })?)),
        None => None,
    };
    let credentials = &settings.credentials;
    let (client_id, client_secret) = match &files.credentials_file {
        Some(path) => {
            let origin = SecretOrigin::CredentialsFile(absolute(path));
            (origin.clone(), origin)
        }
        None => origins(credentials),
    };
    Ok(Manifest {
        sluice_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: format!("{}-{}", now.strftime("%Y-%m-%dT%H-%M-%SZ"), settings.job),
        job: settings.job.clone(),
        started_at: now.to_string(),
        job_file: files.job_file.as_deref().map(absolute),
        part: None,
        job_hash,
        profile: files.profile.clone(),
        input,
        input_is_staged: staged,
        source: SourceRecord::Csv,
        input_bytes,
        input_modified_ns,
        delimiter: settings.delimiter.map(|delimiter| delimiter.to_string()),
        encoding: settings.encoding.map(|encoding| encoding.to_string()),
        duplicates: settings.duplicates.to_string(),
        connector: absolute_connector(&settings.connector),
        operation: settings.operation.clone(),
        connector_hash: String::new(),
        variables: settings.variables.clone(),
        mapping_hash: String::new(),
        client_id,
        client_secret,
        skip: settings.skip,
        limit: settings.limit,
        flags: flags_of(settings),
    })
}

/// The input's size and time of change; of what isn't a file, nothing.
pub(super) fn input_stamp(path: &Path) -> (Option<u64>, Option<i128>) {
    let Ok(metadata) = std::fs::metadata(path) else {
        return (None, None);
    };
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| i128::try_from(since.as_nanos()).ok());
    (Some(metadata.len()), modified)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Where the secrets are read from.
pub(super) fn origins(credentials: &CredentialSources) -> (SecretOrigin, SecretOrigin) {
    let origin = |source: &SecretSource| match source {
        SecretSource::Environment(name) => SecretOrigin::Env(name.clone()),
        SecretSource::File(path) => SecretOrigin::File(absolute(path)),
        // Neither a value nor a command line is copied: the file that holds it
        // is read again.
        SecretSource::Command(_) | SecretSource::Value(_) => SecretOrigin::Configuration,
    };
    (
        origin(&credentials.client_id),
        origin(&credentials.client_secret),
    )
}

/// The limits, as the flags that would set them.
fn flags_of(settings: &Settings) -> std::collections::BTreeMap<String, String> {
    [
        ("share", Some(settings.share.to_string())),
        (
            "max-errors",
            settings.max_errors.map(|budget| budget.to_string()),
        ),
        ("max-rate", settings.max_rate.map(|rate| rate.to_string())),
        ("concurrency", Some(settings.concurrency.to_string())),
        ("diff-log", settings.diff_log.then(|| true.to_string())),
        ("pre-images", settings.pre_images.then(|| true.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
