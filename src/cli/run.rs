//! `sluice run`: does the load.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::actors::{self, InputCounting, Selection};
use crate::config::{CredentialSources, InputPath, SecretSource, Settings};
use crate::error::{ExitStatus, FatalError};
use crate::record::RunEvent;
use crate::source::Spool;
use crate::source::csv::Input;
use crate::store::{Journal, Ledger, Manifest, RunDirectory, RunLock, SecretOrigin};

use super::arguments::{RunArguments, ShowingFlags};
use super::assemble::{Assembled, settings_of};
use super::conclude::{HistoryKeeper, conclude};
use super::load::{Prepared, file_input, hash, prepare};
use super::{plan, print};

/// The staged copy of standard input, in the run's directory.
const STAGED_INPUT: &str = "input.csv";

/// `sluice run`.
pub(super) fn run(arguments: &RunArguments) -> Result<ExitStatus, FatalError> {
    let assembled = settings_of(arguments)?;
    if assembled.settings.dry_run {
        return plan::plan_settings(assembled.settings, &arguments.showing);
    }
    load(assembled, &arguments.showing)
}

/// Starts a new run and does it.
pub(super) fn load(assembled: Assembled, showing: &ShowingFlags) -> Result<ExitStatus, FatalError> {
    let settings = &assembled.settings;
    let mut manifest = manifest_of(&assembled)?;
    let runs = settings.run_dir.clone();
    match file_input(settings) {
        Some(input) => {
            // Whatever is wrong is told before anything is made.
            let prepared = prepare(assembled.settings.clone(), input)?;
            note_hashes(&mut manifest, &prepared);
            let (directory, journal, lock) =
                RunDirectory::create(&runs, &mut manifest, |_| Ok(()))?;
            start(
                &prepared,
                &directory,
                Box::new(journal),
                lock,
                &manifest,
                showing,
            )
        }
        None => {
            let (directory, journal, lock) =
                RunDirectory::create(&runs, &mut manifest, |_| Ok(()))?;
            let staged = stage(settings, &directory, &mut manifest);
            match staged {
                Ok(prepared) => start(
                    &prepared,
                    &directory,
                    Box::new(journal),
                    lock,
                    &manifest,
                    showing,
                ),
                Err(error) => {
                    // Nothing was sent, and the stream can't be had again.
                    drop((journal, lock));
                    let _ = std::fs::remove_dir_all(directory.path());
                    Err(error)
                }
            }
        }
    }
}

/// Standard input is staged in the run's directory while it is loaded, so that
/// the run can be resumed.
fn stage(
    settings: &Settings,
    directory: &RunDirectory,
    manifest: &mut Manifest,
) -> Result<Prepared, FatalError> {
    let path = directory.path().join(STAGED_INPUT);
    let spool = Spool::start(std::io::stdin(), &path)
        .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
    let prepared = prepare(settings.clone(), Input::Spool(spool))?;
    note_hashes(manifest, &prepared);
    directory.write_manifest(manifest)?;
    Ok(prepared)
}

fn start(
    prepared: &Prepared,
    directory: &RunDirectory,
    journal: Box<dyn Journal>,
    lock: RunLock,
    manifest: &Manifest,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    let selection = prepared.selection(directory.path())?;
    let counting = InputCounting::Count(prepared.counter()?);
    let status = leg(
        prepared, directory, journal, manifest, selection, counting, showing,
    );
    drop(lock);
    status
}

/// One leg of a run, from its start to its summary.
pub(super) fn leg(
    prepared: &Prepared,
    directory: &RunDirectory,
    journal: Box<dyn Journal>,
    manifest: &Manifest,
    selection: Selection,
    counting: InputCounting,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    let ledger = Ledger::open(
        directory.path(),
        journal,
        prepared.book_format(),
        selection.first_row(),
    )?;
    let history = HistoryKeeper::default();
    let (events, telemetry) = print::start_telemetry(showing, Box::new(history.clone()));
    let plan = prepared.run_plan(directory.run_id(), selection.clone(), events.clone())?;
    events.send(RunEvent::Started {
        run_id: directory.run_id(),
        headline: format!("{} (run {})", prepared.headline(), directory.run_id()),
        already_ended: ledger.counts().ended(),
    });
    for notice in &prepared.shape.notices {
        events.send(RunEvent::Notice(notice.clone()));
    }
    drop(events);
    let end = actors::run(plan, Box::new(ledger), counting);
    telemetry.finish();
    conclude(directory, manifest, &selection, end?, &history, showing)
}

fn note_hashes(manifest: &mut Manifest, prepared: &Prepared) {
    manifest.mapping_hash = prepared.mapping_hash();
    manifest.connector_hash = prepared.connector_hash();
}

fn manifest_of(assembled: &Assembled) -> Result<Manifest, FatalError> {
    let settings = &assembled.settings;
    let now = jiff::Timestamp::now();
    let (input, staged) = match &settings.input {
        InputPath::File(path) => (absolute(path), false),
        InputPath::StandardInput => (PathBuf::from(STAGED_INPUT), true),
    };
    let (input_bytes, input_modified_ns) = input_stamp(&input);
    let job_hash = match &assembled.job_file {
        Some(path) => Some(hash(&std::fs::read(path).map_err(|cause| {
            FatalError::usage(format!("can't read {}: {cause}", path.display()))
        })?)),
        None => None,
    };
    let credentials = &settings.credentials;
    let (client_id, client_secret) = match &assembled.credentials_file {
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
        job_file: assembled.job_file.as_deref().map(absolute),
        job_hash,
        input,
        input_is_staged: staged,
        input_bytes,
        input_modified_ns,
        delimiter: settings.delimiter.map(|delimiter| delimiter.to_string()),
        encoding: settings.encoding.map(|encoding| encoding.to_string()),
        duplicates: settings.duplicates.to_string(),
        connector: connector_origin(&settings.connector),
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

/// A connector's name stays a name, a path becomes one that works from any
/// folder.
fn connector_origin(connector: &str) -> String {
    if Path::new(connector).is_file() {
        absolute(Path::new(connector)).display().to_string()
    } else {
        connector.to_owned()
    }
}

fn origins(credentials: &CredentialSources) -> (SecretOrigin, SecretOrigin) {
    let origin = |source: &SecretSource| match source {
        SecretSource::Environment(name) => SecretOrigin::Env(name.clone()),
        SecretSource::File(path) => SecretOrigin::File(absolute(path)),
        SecretSource::Command(command) => SecretOrigin::Command(command.clone()),
        // The value stays where it is; the job file is read again.
        SecretSource::Value(_) => SecretOrigin::JobFile,
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
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
