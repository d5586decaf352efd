//! The source that all parts of a run read: what isn't a CSV file is staged
//! once, in the run's directory, and the parts read behind it, each at its own
//! pace.

use std::fs;
use std::sync::Arc;

use crate::cli::begin_manifest::STAGED_INPUT;
use crate::cli::load::{Prepared, prepare, prepare_staged};
use crate::cli::resume::cut_to_state;
use crate::cli::source_stream::{FetchedStream, SourceStream, read_state, record_of};
use crate::cli::staging::{STAGED, stage_records};
use crate::cli::unchanged::check_same_connector;
use crate::config::{InputSource, Settings};
use crate::error::FatalError;
use crate::source::csv::Input;
use crate::source::{KnownRows, Spool};
use crate::store::{Manifest, RunDirectory};

/// What the parts read.
#[derive(Default)]
pub(super) struct Staged {
    /// The source, where it is being staged; else the parts read a file.
    pub(super) shared: Option<SharedSource>,
    /// What the user should know of a file that was staged.
    pub(super) notices: Vec<String>,
}

impl From<SharedSource> for Staged {
    fn from(shared: SharedSource) -> Self {
        Self {
            shared: Some(shared),
            notices: Vec::new(),
        }
    }
}

/// A source that is being staged, for one of its readers.
#[derive(Clone)]
pub(in crate::cli) struct SharedSource(FetchedStream);

impl SharedSource {
    /// Begins to stage the source of a new run. `source` is the stream, where it
    /// is one.
    pub(super) fn stage(
        directory: &RunDirectory,
        settings: &[Settings],
        source: Option<SourceStream>,
        known: &Arc<KnownRows>,
    ) -> Result<Staged, FatalError> {
        let first = &settings[0];
        let shared = match (&first.input, source) {
            (InputSource::StandardInput, _) => {
                let path = directory.path().join(STAGED_INPUT);
                let spool = Spool::start(std::io::stdin(), &path)
                    .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
                Self(FetchedStream::of_stdin(spool))
            }
            (InputSource::Stream(_), Some(mut source)) => {
                source.leave_out(known);
                Self(source.start_in(directory, first, None)?)
            }
            (InputSource::Workbook { .. } | InputSource::Ndjson(_), _) => {
                let staged = stage_anew(directory, settings)?;
                let path = directory.path().join(STAGED);
                for settings in settings {
                    prepare_staged(settings.clone(), Input::File(path.clone()))?;
                }
                return Ok(staged);
            }
            (InputSource::File(_) | InputSource::Stream(_), _) => return Ok(Staged::default()),
        };
        shared.check(settings)?;
        Ok(shared.into())
    }

    /// Goes on with the source of a run, where not all of it is there.
    /// `settings` are those of parts that aren't finished, `manifest` is one of
    /// theirs.
    pub(super) fn go_on(
        directory: &RunDirectory,
        manifest: &Manifest,
        settings: &[Settings],
        has_begun: bool,
        known: &Arc<KnownRows>,
    ) -> Result<Staged, FatalError> {
        let Some(first) = settings.first() else {
            return Ok(Staged::default());
        };
        let staged = directory.path().join(STAGED);
        match &first.input {
            InputSource::Workbook { .. } | InputSource::Ndjson(_) if !has_begun => {
                let _ = fs::remove_file(&staged);
                stage_anew(directory, settings)
            }
            InputSource::Stream(stream) => {
                let state = match read_state(directory) {
                    Some(_) => Some(cut_to_state(directory, &staged)?),
                    None => {
                        let _ = fs::remove_file(&staged);
                        None
                    }
                };
                if state.as_ref().is_some_and(|state| state.complete) {
                    return Ok(Staged::default());
                }
                let mut source = SourceStream::open(first, stream)?;
                source.leave_out(known);
                check_same_connector(manifest, &record_of(&source, stream))?;
                let fetched = source.start_in(directory, first, state)?;
                Ok(Self(fetched).into())
            }
            _ => Ok(Staged::default()),
        }
    }

    /// Whether the rows are what each part's mapping wants.
    fn check(&self, settings: &[Settings]) -> Result<(), FatalError> {
        let checked = settings
            .iter()
            .try_for_each(|settings| self.prepare(settings.clone()).map(drop));
        checked.inspect_err(|_| self.stop())
    }

    /// The same source for one part, which may stop reading while the others go
    /// on.
    pub(super) fn for_part(&self) -> Self {
        Self(self.0.for_one_of_several())
    }

    /// The load of one part.
    pub(in crate::cli) fn prepare(&self, settings: Settings) -> Result<Prepared, FatalError> {
        let input = Input::Spool(self.0.spool.clone());
        let mut prepared = match &settings.input {
            InputSource::StandardInput => prepare(settings, input)?,
            _ => prepare_staged(settings, input)?,
        };
        self.0.tell_in(&mut prepared);
        Ok(prepared)
    }

    /// Takes in nothing more, whoever may still want it.
    pub(super) fn stop(&self) {
        self.0.spool.stop();
    }
}

/// Stages a workbook or an NDJSON file, with the columns that any part names.
fn stage_anew(directory: &RunDirectory, settings: &[Settings]) -> Result<Staged, FatalError> {
    let settings: Vec<&Settings> = settings.iter().collect();
    let (records, _) = stage_records(&settings, directory.path())?;
    Ok(Staged {
        shared: None,
        notices: records.notices,
    })
}
