//! Books beside those of a run: what a comparison or the way back keeps, in a
//! folder of its own. There is no manifest in it, so nothing lists it as a run,
//! and nothing resumes it as a load.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::error::FatalError;

use super::run_directory::sync_folder;
use super::{RunDirectory, SqliteJournal};

impl RunDirectory {
    /// A folder of books (mode 0700) with an empty journal. What an earlier one
    /// left there is removed.
    ///
    /// # Errors
    /// Fails where the disk is full or the folder can't be written.
    pub fn make_side_books(path: &Path) -> Result<Self, FatalError> {
        let writing = |cause: io::Error| FatalError::writing(&path.display().to_string(), &cause);
        match fs::remove_dir_all(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(writing(cause)),
            _ => {}
        }
        DirBuilder::new()
            .mode(0o700)
            .create(path)
            .map_err(writing)?;
        let books = Self::at(path.to_owned());
        drop(SqliteJournal::create(&books.journal_path())?);
        if let Some(parent) = path.parent() {
            sync_folder(parent)?;
        }
        Ok(books)
    }

    /// The books that stand there already; `None` where there are none.
    #[must_use]
    pub fn find_side_books(path: &Path) -> Option<Self> {
        let books = Self::at(path.to_owned());
        books.journal_path().is_file().then_some(books)
    }
}
