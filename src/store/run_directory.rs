//! A run's directory, `runs/<UTC time>-<job>/`: mode 0700, files 0600.
//!
//! It is made under a temporary name and renamed when the manifest and the
//! journal stand in it, so that every directory that can be seen can be
//! resumed. A run that has parts has a directory of the same kind for each,
//! below its own (`parts.rs`).

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{FatalError, FatalKind};

use super::{Manifest, SqliteJournal};

const MANIFEST: &str = "manifest.json";
const JOURNAL: &str = "journal.db";
const LOCK: &str = "lock";
/// How the name of a directory begins that isn't a run yet.
const IN_THE_MAKING: &str = ".new-";

/// The directory of one run, or of one part of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory {
    pub(super) path: PathBuf,
    /// Of a part, the id of the run that it belongs to.
    pub(super) whole: Option<String>,
}

/// Held while a process works on a run; let go when it is dropped or the
/// process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunDirectory {
    /// Makes the directory of a new run below `runs`, with its manifest and an
    /// empty journal, and takes its lock.
    ///
    /// # Errors
    /// Fails where the disk is full or the folder can't be written.
    pub fn create(
        runs: &Path,
        manifest: &mut Manifest,
    ) -> Result<(Self, SqliteJournal, RunLock), FatalError> {
        let wanted = manifest.run_id.clone();
        let (directory, lock) = Self::make(
            runs,
            &wanted,
            |staging| SqliteJournal::create(&staging.journal_path()).map(drop),
            |staging, target| {
                manifest.run_id = target.run_id();
                if manifest.input_is_staged {
                    let name = manifest.input.file_name().unwrap_or_default().to_owned();
                    manifest.input = target.absolute().join(name);
                }
                staging.write_manifest(manifest)
            },
        )?;
        let journal = SqliteJournal::open(&directory.journal_path())?;
        Ok((directory, journal, lock))
    }

    /// Makes a directory below `runs` under the wanted name, or one near it
    /// where that is taken, and takes its lock. `furnish` puts what doesn't
    /// depend on the name into it, `describe` what does: it gets the directory
    /// as it is made, and as it will be.
    pub(super) fn make<Trouble: Into<FatalError>>(
        runs: &Path,
        wanted: &str,
        furnish: impl FnOnce(&Self) -> Result<(), Trouble>,
        describe: impl FnMut(&Self, &Self) -> Result<(), FatalError>,
    ) -> Result<(Self, RunLock), FatalError> {
        let writing = |cause: io::Error| FatalError::writing(&runs.display().to_string(), &cause);
        fs::create_dir_all(runs).map_err(writing)?;
        clear_abandoned(runs);
        let staging =
            Self::at(runs.join(format!("{IN_THE_MAKING}{wanted}-{}", std::process::id())));
        DirBuilder::new()
            .mode(0o700)
            .create(&staging.path)
            .map_err(writing)?;
        let made = staging
            .lock()
            .and_then(|lock| furnish(&staging).map_err(Into::into).map(|()| lock))
            .and_then(|lock| Ok((staging.take_name(runs, wanted, describe)?, lock)));
        if made.is_err() {
            // Nothing was sent yet, so nothing is worth keeping; the error that
            // led here is the one to tell.
            let _ = fs::remove_dir_all(&staging.path);
        }
        made
    }

    fn take_name(
        &self,
        runs: &Path,
        wanted: &str,
        mut describe: impl FnMut(&Self, &Self) -> Result<(), FatalError>,
    ) -> Result<Self, FatalError> {
        for attempt in 1..1_000_u32 {
            let run_id = match attempt {
                1 => wanted.to_owned(),
                _ => format!("{wanted}-{attempt}"),
            };
            let target = Self::at(runs.join(&run_id));
            if target.path.exists() {
                continue;
            }
            describe(self, &target)?;
            match fs::rename(&self.path, &target.path) {
                Ok(()) => {
                    sync_folder(runs)?;
                    return Ok(target);
                }
                // Another run took the name between the look and the rename.
                Err(cause) if cause.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                Err(cause) => {
                    return Err(FatalError::writing(
                        &target.path.display().to_string(),
                        &cause,
                    ));
                }
            }
        }
        Err(FatalError::new(
            FatalKind::Disk,
            format!(
                "{} already holds a thousand runs named {wanted}",
                runs.display()
            ),
        ))
    }

    /// The directory at that path, of a whole run.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, whole: None }
    }

    /// The run that `name` names: a path, or a run's id below `runs`; the
    /// latest where no name is given.
    ///
    /// # Errors
    /// Fails where there is no such run.
    pub fn find(runs: &Path, name: Option<&str>) -> Result<Self, FatalError> {
        let Some(name) = name else {
            return Self::all(runs)?.pop().ok_or_else(|| {
                FatalError::usage(format!("there is no run in {}", runs.display()))
                    .with_hint("Start one with `sluice run`, or name the folder with --run-dir.")
            });
        };
        let candidates = [runs.join(name), PathBuf::from(name)];
        candidates
            .into_iter()
            .map(Self::at)
            .find(|candidate| candidate.path.join(MANIFEST).is_file())
            .map(Self::with_whole)
            .ok_or_else(|| {
                FatalError::usage(format!("there is no run {name} in {}", runs.display()))
                    .with_hint("`sluice runs` lists the runs.")
            })
    }

    /// All runs below `runs`, the oldest first.
    ///
    /// # Errors
    /// Fails where the folder can't be read; a folder that isn't there has no
    /// runs.
    pub fn all(runs: &Path) -> Result<Vec<Self>, FatalError> {
        let entries = match fs::read_dir(runs) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => {
                return Err(FatalError::usage(format!(
                    "can't read {}: {cause}",
                    runs.display()
                )));
            }
        };
        let mut found: Vec<(String, Self)> = entries
            .filter_map(|entry| entry.ok().map(|entry| Self::at(entry.path())))
            .filter(|run| !run.run_id().starts_with('.'))
            // What isn't a run, or isn't readable as one, isn't listed.
            .filter_map(|run| Some((run.started_at()?, run)))
            .collect();
        found.sort_by(|left, right| (&left.0, left.1.run_id()).cmp(&(&right.0, right.1.run_id())));
        Ok(found.into_iter().map(|(_, run)| run).collect())
    }

    /// Makes this process the only one that works on the run.
    ///
    /// # Errors
    /// Fails where another process has the lock.
    pub fn lock(&self) -> Result<RunLock, FatalError> {
        let path = self.path.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(FatalError::usage(format!(
                "another process is working on run {}",
                self.run_id()
            ))
            .with_hint("`sluice status` shows where it stands.")),
            Err(TryLockError::Error(cause)) => {
                Err(FatalError::writing(&path.display().to_string(), &cause))
            }
        }
    }

    /// Whether a process works on the run at this moment.
    #[must_use]
    pub fn is_worked_on(&self) -> bool {
        File::open(self.path.join(LOCK))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Reads the manifest.
    ///
    /// # Errors
    /// Fails where it is missing, not a manifest, or that of a run that has
    /// parts.
    pub fn manifest(&self) -> Result<Manifest, FatalError> {
        if let Some(parts) = self.parts()? {
            return Err(self.parts_refusal(&parts));
        }
        self.read_manifest()
    }

    /// Reads a manifest of either kind.
    pub(super) fn read_manifest<Kind: DeserializeOwned>(&self) -> Result<Kind, FatalError> {
        let path = self.path.join(MANIFEST);
        let text = fs::read(&path).map_err(|cause| {
            FatalError::usage(format!("can't read {}: {cause}", path.display()))
        })?;
        serde_json::from_slice(&text).map_err(|cause| {
            FatalError::usage(format!(
                "{} isn't a run's manifest: {cause}",
                path.display()
            ))
        })
    }

    fn started_at(&self) -> Option<String> {
        match self.parts().ok()? {
            Some(parts) => Some(parts.started_at),
            None => Some(self.manifest().ok()?.started_at),
        }
    }

    /// Writes the manifest anew, in one step.
    ///
    /// # Errors
    /// Fails where the disk is full or the folder can't be written.
    pub fn write_manifest(&self, manifest: &impl Serialize) -> Result<(), FatalError> {
        let text = serde_json::to_vec_pretty(manifest).expect("a manifest is plain data");
        self.write_file(MANIFEST, &text)
    }

    /// Writes a file of the run in one step: the old one stays until the new
    /// one stands whole.
    ///
    /// # Errors
    /// Fails where the disk is full or the folder can't be written.
    pub fn write_file(&self, name: &str, contents: &[u8]) -> Result<(), FatalError> {
        self.write_file_with(name, |file| file.write_all(contents))
    }

    /// The same for a file that `write` writes, piece by piece.
    ///
    /// # Errors
    /// Fails where the disk is full, the folder can't be written, or `write`
    /// fails.
    pub fn write_file_with(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FatalError> {
        let target = self.path.join(name);
        self.write_durably(name, write)
            .map_err(|cause| FatalError::writing(&target.display().to_string(), &cause))
    }

    /// The same, with the operating system's own word for what went wrong.
    ///
    /// # Errors
    /// Fails where the disk is full, the folder can't be written, or `write`
    /// fails.
    pub fn write_durably(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        self.replace(name, write, true)?;
        File::open(&self.path)?.sync_all()
    }

    /// Writes a file that nothing is lost with: whoever reads it finds it
    /// whole, but a power cut may take it.
    ///
    /// # Errors
    /// Fails where the disk is full or the folder can't be written.
    pub fn write_note(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        self.replace(name, |file| file.write_all(contents), false)
    }

    fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
        is_durable: bool,
    ) -> io::Result<()> {
        let partial = self.path.join(format!(".{name}.partial"));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&partial)?;
        let written = write(&mut file)
            .and_then(|()| match is_durable {
                true => file.sync_all(),
                false => Ok(()),
            })
            .and_then(|()| fs::rename(&partial, self.path.join(name)));
        if written.is_err() {
            // What stands there takes space that other files may need more.
            let _ = fs::remove_file(&partial);
        }
        written
    }

    /// The run's id: the directory's name, and of a part the run's id before
    /// it.
    #[must_use]
    pub fn run_id(&self) -> String {
        let name = self.path.file_name().map(|name| name.to_string_lossy());
        let name = name.unwrap_or_default();
        match &self.whole {
            Some(whole) => format!("{whole}/{name}"),
            None => name.into_owned(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's absolute path.
    #[must_use]
    pub fn absolute(&self) -> PathBuf {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// The journal's path.
    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }
}

/// Makes the names in a folder durable: without it, a power cut may take a new
/// directory although rows were sent.
pub(super) fn sync_folder(folder: &Path) -> Result<(), FatalError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|cause| FatalError::writing(&folder.display().to_string(), &cause))
}

/// Removes what processes left that were killed while they made a directory.
/// One that is still being made has its lock held.
fn clear_abandoned(runs: &Path) {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let path = entry.path();
        let is_abandoned = name.to_string_lossy().starts_with(IN_THE_MAKING)
            && File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_abandoned {
            // It is only in the way; that it can't be removed harms nothing.
            let _ = fs::remove_dir_all(path);
        }
    }
}
