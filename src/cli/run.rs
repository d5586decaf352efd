//! `sluice run`: does the load.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::actors::{self, InputCounting, Selection};
use crate::auth::Credentials;
use crate::config::{CredentialSources, InputPath, SecretSource, Settings};
use crate::connector::InDoubt;
use crate::error::{ExitStatus, FatalError};
use crate::record::RunEvent;
use crate::source::Spool;
use crate::source::csv::Input;
use crate::store::{Journal, Ledger, Manifest, RunDirectory, RunLock, SecretOrigin};
use crate::telemetry::Consumer;

use super::arguments::{RunArguments, ShowingFlags};
use super::assemble::{Assembled, settings_of};
use super::conclude::{EndedLeg, HistoryKeeper, RetryHints, conclude, elapsed_of};
use super::credentials::read_credentials;
use super::known_limits::{KnownLimits, keep, starting_words};
use super::load::{Prepared, file_input, hash, prepare};
use super::progress_file::ProgressFile;
use super::{plan, print, set_up};

/// The staged copy of standard input, in the run's directory.
const STAGED_INPUT: &str = "input.csv";

/// `sluice run`.
pub(super) fn run(arguments: &RunArguments) -> Result<ExitStatus, FatalError> {
    let assembled = settings_of(arguments)?;
    if assembled.settings.dry_run {
        return plan::plan_settings(assembled.settings, &arguments.showing);
    }
    load(assembled, Tenant::Stays, &arguments.showing)
}

/// Whether the tenant will be there for another leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// It is a service.
    Stays,
    /// It lives in this process.
    GoesWithUs,
}

/// Starts a new run and does it.
pub(super) fn load(
    assembled: Assembled,
    tenant: Tenant,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    let settings = &assembled.settings;
    // Whatever is wrong is told before anything is made.
    let credentials = read_credentials(settings)?;
    let settings = &set_up::settled(settings, &credentials)?;
    let mut manifest = manifest_of(&assembled)?;
    let runs = settings.run_dir.clone();
    let (prepared, made) = match file_input(settings) {
        Some(input) => {
            let prepared = prepare(settings.clone(), input)?;
            note_hashes(&mut manifest, &prepared);
            (prepared, RunDirectory::create(&runs, &mut manifest)?)
        }
        None => {
            let made = RunDirectory::create(&runs, &mut manifest)?;
            match stage(settings, &made.0, &mut manifest) {
                Ok(prepared) => (prepared, made),
                Err(error) => {
                    // Nothing was sent, and the stream can't be had again.
                    let _ = std::fs::remove_dir_all(made.0.path());
                    return Err(error);
                }
            }
        }
    };
    let (directory, journal, lock) = made;
    Leg {
        selection: prepared.selection(directory.path())?,
        counting: InputCounting::Count(prepared.counter(false)?),
        directory,
        journal: Box::new(journal.with_durability(prepared.durability())?),
        lock,
        manifest,
        credentials,
        tenant,
    }
    .run(&prepared, showing)
}

/// The name that rows of the input are told apart by from those of others: the
/// file's own, wherever it lies and whichever run loads it.
fn source_name(manifest: &Manifest) -> String {
    let name = manifest
        .input
        .file_name()
        .filter(|_| !manifest.input_is_staged);
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
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

/// A leg of a run, ready to start: the first one, or one that resumes.
pub(super) struct Leg {
    pub(super) directory: RunDirectory,
    pub(super) journal: Box<dyn Journal>,
    /// Held to the leg's end.
    pub(super) lock: RunLock,
    pub(super) manifest: Manifest,
    pub(super) credentials: Credentials,
    pub(super) selection: Selection,
    pub(super) counting: InputCounting,
    pub(super) tenant: Tenant,
}

impl Leg {
    /// Does the leg, from its start to its summary.
    pub(super) fn run(
        self,
        prepared: &Prepared,
        showing: &ShowingFlags,
    ) -> Result<ExitStatus, FatalError> {
        let run_id = self.directory.run_id();
        let mut ledger = Ledger::open(
            self.directory.path(),
            self.journal,
            prepared.book_format(),
            self.selection.first_row(),
        )?;
        // The leg's number is part of every request id, so it is durable before
        // the first request.
        ledger.commit(elapsed_of(ledger.checkpoint()))?;
        let history = HistoryKeeper::default();
        let also: Vec<Box<dyn Consumer>> = vec![
            Box::new(history.clone()),
            Box::new(ProgressFile::new(self.directory.clone())),
        ];
        let (events, telemetry) = print::start_telemetry(showing, also);
        events.send(RunEvent::Started {
            run_id: run_id.clone(),
            headline: format!("{} (run {run_id})", prepared.headline()),
            already_ended: ledger.counts().ended(),
        });
        for notice in &prepared.shape.notices {
            events.send(RunEvent::Notice(notice.clone()));
        }
        let settings = &prepared.settings;
        let known = KnownLimits::read(settings);
        let fresh = known.fresh();
        let key = prepared.limit_key(&self.credentials.client_id);
        let notices = [known.trouble.clone(), starting_words(&fresh, &key)];
        for notice in notices.into_iter().flatten() {
            events.send(RunEvent::Notice(notice));
        }
        let plan = prepared.run_plan(
            run_id,
            &source_name(&self.manifest),
            self.credentials,
            self.selection.clone(),
            fresh,
            events,
        )?;
        let end = actors::run(plan, Box::new(ledger), self.counting);
        telemetry.finish();
        // A file that couldn't be read can't be added to; that was told.
        if let (Ok(end), None) = (&end, &known.trouble)
            && let Err(error) = keep(settings, &end.limits)
            && !showing.quiet
        {
            print::remark(&format!(
                "sluice: what was learnt of the tenant's limit isn't kept for the next run: {error}"
            ));
        }
        let stays = self.tenant == Tenant::Stays;
        let leg = EndedLeg {
            directory: &self.directory,
            manifest: &self.manifest,
            entity: prepared.connector.name(),
            selection: &self.selection,
            hints: RetryHints {
                rejected: stays,
                unknown: stays && prepared.bound.operation.in_doubt() != InDoubt::Keep,
            },
        };
        let status = conclude(&leg, end?, &history, showing);
        drop(self.lock);
        status
    }
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
        profile: assembled.profile.clone(),
        input,
        input_is_staged: staged,
        input_bytes,
        input_modified_ns,
        delimiter: settings.delimiter.map(|delimiter| delimiter.to_string()),
        encoding: settings.encoding.map(|encoding| encoding.to_string()),
        duplicates: settings.duplicates.to_string(),
        connector: connector_origin(&settings.connector),
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
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
