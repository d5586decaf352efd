//! `sluice resume`: goes on with what was not finished.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use crate::actors::InputCounting;
use crate::auth::Credentials;
use crate::config::{InputSource, Settings, StreamSource};
use crate::error::{ExitStatus, FatalError};
use crate::source::FetchState;
use crate::source::csv::Input;
use crate::store::{
    Checkpoint, Journal, Manifest, RunDirectory, RunLock, SourceRecord, SqliteJournal,
};

use super::arguments::ResumeArguments;
use super::assemble::of_pacing_flags;
use super::conclusion::Conclusion;
use super::credentials::read_credentials;
use super::load::{Prepared, prepare, prepare_staged};
use super::overtaken::check_not_overtaken;
use super::run::{Circumstances, Leg, fetch_into};
use super::source_stream::{SourceStream, read_state, record_of};
use super::staging::{STAGED, stage_file};
use super::started_with::settings_of;
use super::unchanged::{changed, check_input, check_same_connector, check_unchanged};
use super::{entities, parts, retry, set_up};

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
    let showing = &arguments.showing;
    if let Some(manifest) = directory.parts()? {
        return parts::go_on(directory, manifest, &flags, circumstances, showing);
    }
    let opened = Opened::open(directory)?;
    if let Some(status) = opened.finished_with() {
        return Conclusion::of_finished(&opened.directory, status);
    }
    parts::check_alone(&opened.directory)?;
    // A series goes on with its own last round, which nothing can have overtaken.
    if circumstances.round.is_none() {
        check_not_overtaken(&opened.directory, &opened.manifest, "resume", showing)?;
    }
    let settings = settings_of(&opened.manifest, flags)?;
    let whole = opened.directory.whole_run();
    let (leg, prepared) = opened.leg(settings, circumstances)?;
    let conclusion = leg.run(&prepared, showing)?;
    if let Some(whole) = whole {
        parts::refresh(&whole)?;
    }
    Ok(conclusion)
}

/// A run that this process alone works on.
pub(super) struct Opened {
    pub(super) directory: RunDirectory,
    lock: RunLock,
    pub(super) manifest: Manifest,
    journal: SqliteJournal,
    pub(super) checkpoint: Checkpoint,
}

impl Opened {
    /// Takes the run's lock, and reads how far it has come.
    ///
    /// # Errors
    /// Another process works on it, or its books can't be read.
    pub(super) fn open(directory: RunDirectory) -> Result<Self, FatalError> {
        let lock = directory.lock()?;
        let manifest = directory.manifest()?;
        let mut journal = SqliteJournal::open(&directory.journal_path())?;
        let checkpoint = journal.load()?.checkpoint;
        Ok(Self {
            directory,
            lock,
            manifest,
            journal,
            checkpoint,
        })
    }

    /// The status that it was finished with, where it is.
    pub(super) fn finished_with(&self) -> Option<ExitStatus> {
        self.checkpoint.finished_with.and_then(ExitStatus::of_code)
    }

    /// The next leg, ready to start.
    ///
    /// # Errors
    /// What the run was started with has changed, or can't be had any more.
    pub(super) fn leg(
        self,
        settings: Settings,
        circumstances: Circumstances,
    ) -> Result<(Leg, Prepared), FatalError> {
        if self.manifest.mapping_hash.is_empty() {
            return Err(FatalError::usage(format!(
                "run {} was ended before it had read its first row; nothing was sent",
                self.directory.run_id()
            ))
            .with_hint("Start it again with `sluice run`."));
        }
        if self.checkpoint.retry.is_some() {
            return retry::leg(self.directory, self.lock, self.manifest, settings);
        }
        let credentials = read_credentials(&settings)?;
        let (mut prepared, counting) = match &circumstances.shared {
            Some(shared) => {
                let counting = self.check_read(&settings)?;
                let (settings, set_up) = set_up::settled(&settings, &credentials)?;
                let mut prepared = shared.prepare(settings)?;
                prepared.set_up = set_up;
                check_unchanged(&self.manifest, &prepared)?;
                (prepared, counting)
            }
            None => self.prepare(settings, &credentials, &circumstances)?,
        };
        entities::find_ids(&mut prepared, &self.directory)?;
        let counting = match counting {
            Some(counting) => counting,
            None => {
                let was_cut =
                    self.manifest.input_is_staged && self.manifest.source == SourceRecord::Csv;
                InputCounting::Count(prepared.counter(was_cut)?)
            }
        };
        let leg = Leg {
            selection: prepared.selection(self.directory.path())?,
            directory: self.directory,
            journal: Box::new(self.journal),
            lock: self.lock,
            manifest: self.manifest,
            credentials,
            counting,
            circumstances,
        };
        Ok((leg, prepared))
    }

    /// What was read of a copy that is being filled is as it was; all of it was
    /// counted where the end is known.
    fn check_read(&self, settings: &Settings) -> Result<Option<InputCounting>, FatalError> {
        if self.checkpoint.input.is_none() {
            return Ok(None);
        }
        let read_from = read_from(&self.directory, &self.manifest);
        check_input(&self.manifest, settings, &read_from, &self.checkpoint)
    }

    /// The load from the run's own source, and its count where that is known.
    fn prepare(
        &self,
        settings: Settings,
        credentials: &Credentials,
        circumstances: &Circumstances,
    ) -> Result<(Prepared, Option<InputCounting>), FatalError> {
        let (directory, manifest) = (&self.directory, &self.manifest);
        let read_from = read_from(directory, manifest);
        if self.has_to_stage(&read_from) {
            let (settings, set_up) = set_up::settled(&settings, credentials)?;
            // What a kill left of it.
            let _ = fs::remove_file(&read_from);
            let mut prepared = match &settings.input {
                InputSource::Stream(stream) => {
                    self.fetch(&settings, stream, None, circumstances)?
                }
                _ => {
                    let (prepared, record) = stage_file(&settings, directory.path())?;
                    if record != manifest.source {
                        return Err(changed("input", &manifest.input));
                    }
                    prepared
                }
            };
            prepared.set_up = set_up;
            check_unchanged(manifest, &prepared)?;
            return Ok((prepared, None));
        }
        let fetched = match &manifest.source {
            SourceRecord::Stream(_) => Some(cut_to_state(directory, &read_from)?),
            _ => None,
        };
        let counting = check_input(manifest, &settings, &read_from, &self.checkpoint)?;
        let (settings, set_up) = set_up::settled(&settings, credentials)?;
        let mut prepared = match (&settings.input, fetched) {
            (InputSource::Stream(stream), Some(state)) if !state.complete => {
                let prepared = self.fetch(&settings, stream, Some(state), circumstances)?;
                check_unchanged(manifest, &prepared)?;
                prepared
            }
            _ => prepare_again(manifest, settings, read_from)?,
        };
        prepared.set_up = set_up;
        Ok((prepared, counting))
    }

    /// Whether it is a part that hasn't begun, and whose own source isn't CSV.
    fn has_to_stage(&self, staged: &Path) -> bool {
        let is_link = fs::symlink_metadata(staged).is_ok_and(|metadata| metadata.is_symlink());
        let has_begun = match &self.manifest.source {
            SourceRecord::Stream(_) => read_state(&self.directory).is_some(),
            _ => self.checkpoint.legs > 0,
        };
        self.manifest.part.is_some()
            && self.manifest.source != SourceRecord::Csv
            && !has_begun
            && !is_link
    }

    fn fetch(
        &self,
        settings: &Settings,
        stream: &StreamSource,
        state: Option<FetchState>,
        circumstances: &Circumstances,
    ) -> Result<Prepared, FatalError> {
        let mut source = SourceStream::open(settings, stream)?;
        source.leave_out(&circumstances.known);
        check_same_connector(&self.manifest, &record_of(&source, stream))?;
        fetch_into(source, settings, &self.directory, state)
    }
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

/// How far fetching had come; what is staged beyond that was never read.
pub(super) fn cut_to_state(
    directory: &RunDirectory,
    staged: &Path,
) -> Result<FetchState, FatalError> {
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
