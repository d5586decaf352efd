//! A run that has parts: below the run's directory each part has one of its
//! own, which is a run's directory in every respect. The run's own holds what
//! the parts share: the lock, a staged source, the summary of them all.
//!
//! All of it is made under a temporary name and renamed in one step, so that no
//! kill leaves a run with some of its parts.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::PartOrder;
use crate::error::FatalError;

use super::{Manifest, RunDirectory, RunLock, SqliteJournal};

/// `manifest.json` of a run that has parts: which there are. What each of them
/// loads, and where, says its own manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartsManifest {
    /// The loader's version that started the run.
    pub sluice_version: String,
    /// The run's id: the name of its directory.
    pub run_id: String,
    /// The job's name.
    pub job: String,
    /// When the run was started, RFC 3339 in UTC.
    pub started_at: String,
    /// The job file.
    pub job_file: Option<PathBuf>,
    /// BLAKE3 of the job file.
    pub job_hash: Option<String>,
    /// How the parts follow each other.
    pub order: PartOrder,
    /// The parts, in the order in which they are loaded.
    pub parts: Vec<PartRecord>,
    /// Files of this directory that every part reads as its own.
    pub shared_files: Vec<String>,
}

/// One part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Its name, and its directory's.
    pub name: String,
    /// The parts that have to be finished before it begins.
    pub after: Vec<String>,
}

impl PartsManifest {
    /// The parts' names, in the order in which they are loaded.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }
}

impl RunDirectory {
    /// Makes the directory of a new run below `runs`, and in it one for each
    /// part with the manifest of that name's place in the list and an empty
    /// journal; takes the run's lock.
    ///
    /// # Errors
    /// Fails where the disk is full or the folder can't be written.
    pub fn create_with_parts(
        runs: &Path,
        manifest: &mut PartsManifest,
        parts: &mut [Manifest],
    ) -> Result<(Self, RunLock), FatalError> {
        let wanted = manifest.run_id.clone();
        let (records, shared) = (manifest.parts.clone(), manifest.shared_files.clone());
        Self::make(
            runs,
            &wanted,
            |staging| {
                records
                    .iter()
                    .try_for_each(|record| furnish_part(&staging.part(&record.name), &shared))
            },
            |staging, target| {
                manifest.run_id = target.run_id();
                for (record, part) in records.iter().zip(&mut *parts) {
                    let place = target.part(&record.name);
                    part.run_id = place.run_id();
                    if part.input_is_staged {
                        let name = part.input.file_name().unwrap_or_default().to_owned();
                        part.input = place.absolute().join(name);
                    }
                    staging.part(&record.name).write_manifest(part)?;
                }
                staging.write_manifest(manifest)
            },
        )
    }

    /// What the run's parts are; `None` of a run that has none.
    ///
    /// # Errors
    /// Fails where the manifest is missing or damaged.
    pub fn parts(&self) -> Result<Option<PartsManifest>, FatalError> {
        #[derive(Deserialize)]
        struct Kind {
            parts: Option<serde::de::IgnoredAny>,
        }
        match self.read_manifest::<Kind>()?.parts {
            Some(_) => self.read_manifest().map(Some),
            None => Ok(None),
        }
    }

    /// The directory of the run's part of that name.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self {
            path: self.path.join(name),
            whole: Some(self.run_id()),
        }
    }

    /// Of a part, the directory of the run that it belongs to.
    #[must_use]
    pub fn whole_run(&self) -> Option<Self> {
        self.whole.as_ref()?;
        let near = self
            .path
            .parent()
            .filter(|near| !near.as_os_str().is_empty());
        let parent = match near {
            Some(near) => near.to_owned(),
            None => self.absolute().parent()?.to_owned(),
        };
        Some(Self::at(parent))
    }

    /// The same directory, known as a part where it is one.
    pub(super) fn with_whole(self) -> Self {
        let absolute = self.absolute();
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return self;
        };
        let parent = Self::at(parent.to_owned());
        let is_part = parent.parts().ok().flatten().is_some_and(|manifest| {
            let mut parts = manifest.parts.iter();
            parts.any(|part| name == part.name.as_str())
        });
        Self {
            whole: is_part.then(|| parent.run_id()),
            ..self
        }
    }

    /// What is told to whoever treats the run as if it had no parts.
    pub(super) fn parts_refusal(&self, manifest: &PartsManifest) -> FatalError {
        let names: Vec<&str> = manifest.names().collect();
        let path = self.path.display();
        FatalError::usage(format!(
            "run {} has parts: {}",
            self.run_id(),
            names.join(", ")
        ))
        .with_hint(format!(
            "Name one of them, such as {path}/{}.",
            names.first().copied().unwrap_or_default()
        ))
    }
}

/// Makes a part's directory, with an empty journal, and with links to what it
/// shares with the others.
fn furnish_part(part: &RunDirectory, shared_files: &[String]) -> Result<(), FatalError> {
    let writing =
        |cause: io::Error| FatalError::writing(&part.path().display().to_string(), &cause);
    DirBuilder::new()
        .mode(0o700)
        .create(part.path())
        .map_err(writing)?;
    SqliteJournal::create(&part.journal_path())?;
    for name in shared_files {
        let link = part.path().join(name);
        symlink(Path::new("..").join(name), &link).map_err(writing)?;
    }
    fs::File::open(part.path())
        .and_then(|folder| folder.sync_all())
        .map_err(writing)
}
