//! `sluice run`: does the load.

use std::sync::Arc;

use crate::actors::{InputCounting, RunPlan, Selection};
use crate::auth::Credentials;
use crate::config::{InputSource, Settings, StreamSource};
use crate::connector::InDoubt;
use crate::error::{ExitStatus, FatalError};
use crate::source::csv::Input;
use crate::source::{FetchState, KnownRows, Spool};
use crate::store::{Journal, Manifest, RunDirectory, RunLock, SourceRecord};

use super::arguments::{LoadArguments, ShowingFlags};
use super::assemble::{Assembled, ConfigFiles, Load, settings_of};
use super::begin_manifest::{STAGED_INPUT, manifest_of, origins};
use super::conclude::{EndedLeg, conclude};
use super::conclusion::Conclusion;
use super::credentials::read_credentials;
use super::go_on::go_on_command;
use super::load::{Prepared, file_input, prepare, prepare_staged};
use super::parts::{self, PartsRun, SharedSource};
use super::pass::Pass;
use super::retry_hints::RetryHints;
use super::source_stream::{SourceStream, prepare_without_rows, record_of};
use super::staging::{PrivateFolder, stage_file};
use super::{follow, just_before, plan, set_up};

/// `sluice run`.
pub(super) fn run(arguments: &LoadArguments) -> Result<ExitStatus, FatalError> {
    let (every, arguments) = (arguments.follow, &arguments.run);
    let assembled = settings_of(arguments)?;
    if assembled.load.common().dry_run {
        let asking = plan::Asking::Nothing;
        return plan::plan_load(assembled.load, asking, &arguments.showing);
    }
    match every {
        Some(every) => follow::follow(assembled, every, arguments),
        None => load(assembled, Circumstances::default(), &arguments.showing),
    }
}

/// Whether the tenant will be there for another leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tenant {
    /// It is a service.
    #[default]
    Stays,
    /// It lives in this process.
    GoesWithUs,
}

/// What a leg is part of.
#[derive(Clone, Default)]
pub(super) struct Circumstances {
    pub(super) tenant: Tenant,
    /// Which round it is, of a load that follows its source; the load itself
    /// is none.
    pub(super) round: Option<u64>,
    /// Rows that the rounds before have loaded.
    pub(super) known: Arc<KnownRows>,
    /// The source, where the parts of a run have one together.
    pub(super) shared: Option<SharedSource>,
}

/// Starts a new run and does it.
pub(super) fn load(
    assembled: Assembled,
    circumstances: Circumstances,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    begin(assembled, circumstances)?.run(showing)?.tell(showing)
}

/// A new run, made and ready to start.
pub(super) enum Begun {
    /// It is loaded as a whole.
    Whole(Box<(Leg, Prepared)>),
    /// It has parts.
    Parts(Box<PartsRun>),
}

impl Begun {
    /// The run's directory.
    pub(super) fn directory(&self) -> &RunDirectory {
        match self {
            Self::Whole(whole) => &whole.0.directory,
            Self::Parts(parts) => parts.directory(),
        }
    }

    /// Does it, from its start to its summary, which is still to be told.
    pub(super) fn run(self, showing: &ShowingFlags) -> Result<Conclusion, FatalError> {
        match self {
            Self::Whole(whole) => {
                let (leg, prepared) = *whole;
                leg.run(&prepared, showing)
            }
            Self::Parts(parts) => parts.run(showing),
        }
    }
}

/// Makes a new run, ready to start.
pub(super) fn begin(
    assembled: Assembled,
    circumstances: Circumstances,
) -> Result<Begun, FatalError> {
    let files = &assembled.files;
    Ok(match &assembled.load {
        Load::Whole(settings) => {
            Begun::Whole(Box::new(begin_whole(settings, files, circumstances)?))
        }
        Load::Parts(parts) => Begun::Parts(Box::new(parts::begin(parts, files, circumstances)?)),
    })
}

fn begin_whole(
    settings: &Settings,
    files: &ConfigFiles,
    circumstances: Circumstances,
) -> Result<(Leg, Prepared), FatalError> {
    // Whatever is wrong is told before anything is made.
    let credentials = read_credentials(settings)?;
    let stream = match &settings.input {
        InputSource::Stream(stream) => {
            let scratch = PrivateFolder::create()?;
            prepare_without_rows(settings, stream, scratch.path())?;
            let mut source = SourceStream::open(settings, stream)?;
            source.leave_out(&circumstances.known);
            Some((source, stream))
        }
        _ => None,
    };
    let (settings, set_up) = set_up::settled(settings, &credentials)?;
    let settings = &settings;
    let mut manifest = manifest_of(settings, files)?;
    if let Some(round) = circumstances.round {
        manifest.run_id.push_str(&format!("-round-{round}"));
    }
    let runs = settings.run_dir.clone();
    let (mut prepared, made) = match file_input(settings) {
        Some(input) => {
            let prepared = prepare(settings.clone(), input)?;
            note_hashes(&mut manifest, &prepared);
            (prepared, RunDirectory::create(&runs, &mut manifest)?)
        }
        None => {
            let made = RunDirectory::create(&runs, &mut manifest)?;
            match stage(settings, stream, &made.0, &mut manifest) {
                Ok(prepared) => (prepared, made),
                Err(error) => {
                    // Nothing was sent, and there is nothing to go on from.
                    let _ = std::fs::remove_dir_all(made.0.path());
                    return Err(error);
                }
            }
        }
    };
    prepared.set_up = set_up;
    let (directory, journal, lock) = made;
    let leg = Leg {
        selection: prepared.selection(directory.path())?,
        counting: InputCounting::Count(prepared.counter(false)?),
        directory,
        journal: Box::new(journal),
        lock,
        manifest,
        credentials,
        circumstances,
    };
    Ok((leg, prepared))
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

/// What isn't a CSV file is staged in the run's directory, so that the run can
/// be resumed; standard input while it is loaded, a file before.
fn stage(
    settings: &Settings,
    stream: Option<(SourceStream, &StreamSource)>,
    directory: &RunDirectory,
    manifest: &mut Manifest,
) -> Result<Prepared, FatalError> {
    let prepared = match (&settings.input, stream) {
        (InputSource::StandardInput, _) => {
            let path = directory.path().join(STAGED_INPUT);
            let spool = Spool::start(std::io::stdin(), &path)
                .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
            prepare(settings.clone(), Input::Spool(spool))?
        }
        (_, Some((source, named))) => {
            manifest.source = source_record(&source, named);
            fetch_into(source, settings, directory, None)?
        }
        _ => {
            let (prepared, source) = stage_file(settings, directory.path())?;
            manifest.source = source;
            prepared
        }
    };
    note_hashes(manifest, &prepared);
    directory.write_manifest(manifest)?;
    Ok(prepared)
}

/// What the manifest says about a stream and its own credentials.
pub(super) fn source_record(source: &SourceStream, named: &StreamSource) -> SourceRecord {
    let mut record = record_of(source, named);
    if let Some(own) = &named.credentials {
        let (client_id, client_secret) = origins(own);
        record.client_id = Some(client_id);
        record.client_secret = Some(client_secret);
    }
    SourceRecord::Stream(Box::new(record))
}

/// Starts fetching a stream into a run's directory, and prepares the load of
/// what comes. `state` is how far an earlier leg has come.
pub(super) fn fetch_into(
    source: SourceStream,
    settings: &Settings,
    directory: &RunDirectory,
    state: Option<FetchState>,
) -> Result<Prepared, FatalError> {
    let fetched = source.start_in(directory, settings, state)?;
    let spool = fetched.spool.clone();
    let mut prepared = prepare_staged(settings.clone(), Input::Spool(spool))
        .inspect_err(|_| fetched.spool.stop())?;
    fetched.tell_in(&mut prepared);
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
    pub(super) circumstances: Circumstances,
}

impl Leg {
    /// Does the leg, from its start to its summary, which is still to be told.
    pub(super) fn run(
        self,
        prepared: &Prepared,
        showing: &ShowingFlags,
    ) -> Result<Conclusion, FatalError> {
        let run_id = self.directory.run_id();
        let pass = Pass {
            headline: format!("{} (run {run_id})", prepared.headline()),
            directory: &self.directory,
            journal: self.journal,
            source: &source_name(&self.manifest),
            credentials: self.credentials,
            selection: self.selection.clone(),
            counting: self.counting,
        };
        let follows_another = self.circumstances.round.is_some()
            || just_before::has_made_records(prepared, &self.directory);
        let whole = self.directory.whole_run();
        let go_on = go_on_command(whole.as_ref().unwrap_or(&self.directory));
        let (end, history) = pass.carry_out(prepared, showing, |plan| RunPlan {
            go_on,
            follows_another,
            ..plan
        })?;
        let stays = self.circumstances.tenant == Tenant::Stays;
        let leg = EndedLeg {
            prepared,
            directory: &self.directory,
            manifest: &self.manifest,
            entity: match &self.manifest.part {
                Some(part) => part,
                None => prepared.connector.name(),
            },
            selection: &self.selection,
            hints: RetryHints {
                rejected: stays,
                unknown: stays
                    && (prepared.bound.operation.in_doubt() != InDoubt::Keep
                        || prepared.bound.operation.has_job()),
            },
        };
        let conclusion = conclude(&leg, end, &history);
        drop(self.lock);
        conclusion
    }
}

fn note_hashes(manifest: &mut Manifest, prepared: &Prepared) {
    manifest.mapping_hash = prepared.mapping_hash();
    manifest.connector_hash = prepared.connector_hash();
}
