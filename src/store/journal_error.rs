//! What can be wrong with a journal, and what its user can do about it.

use std::io;

use crate::error::{FatalError, FatalKind};

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No more can be written.
    #[error("the disk is full: can't write {file}")]
    DiskFull {
        /// The file.
        file: String,
    },
    /// A newer version of the loader wrote it.
    #[error(
        "{file} was written by a newer version of sluice (journal version {found}, this one reads up to {known})"
    )]
    Newer {
        /// The file.
        file: String,
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// It isn't there.
    #[error("{file} is missing")]
    Missing {
        /// The file.
        file: String,
    },
    /// It can be read and not written.
    #[error("{file} or its folder can't be written: {cause}")]
    ReadOnly {
        /// The file.
        file: String,
        /// What the database said.
        cause: String,
    },
    /// Another process holds it, for longer than can be waited for.
    #[error("{file} is held by another process")]
    Held {
        /// The file.
        file: String,
    },
    /// It isn't a journal, or it is damaged.
    #[error("{file} is damaged or isn't a journal: {cause}")]
    Damaged {
        /// The file.
        file: String,
        /// What the database said.
        cause: String,
    },
    /// The database failed in another way.
    #[error("can't use {file}: {cause}")]
    Database {
        /// The file.
        file: String,
        /// What the database said.
        cause: String,
    },
    /// A file beside the journal failed.
    #[error("can't write {file}: {cause}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        cause: io::Error,
    },
}

impl From<JournalError> for FatalError {
    fn from(error: JournalError) -> Self {
        let disk = |hint: &str| Self::new(FatalKind::Disk, error.to_string()).with_hint(hint);
        match &error {
            JournalError::DiskFull { .. } => disk("Free some space, then go on."),
            JournalError::Io { file, cause } => Self::writing(file, cause),
            JournalError::Newer { .. } => Self::usage(error.to_string()).with_hint(
                "Resume the run with the version of sluice that started it, or a newer one.",
            ),
            JournalError::Missing { .. } => disk(
                "Without its journal nobody knows which rows of the run have ended. \
                 Put journal.db back, with journal.db-wal where there is one; where they are lost, \
                 audit.ndjson and the .csv files beside them tell what was done.",
            ),
            JournalError::ReadOnly { .. } => disk(
                "Make the run's directory writable for this user, then try again. \
                 `sluice status` needs to write there too.",
            ),
            JournalError::Held { .. } => {
                disk("Wait until it is done (a backup or a copy, maybe), then try again.")
            }
            JournalError::Damaged { .. } => disk(
                "Nothing was sent. Put back a good copy of journal.db together with its journal.db-wal, \
                 or look in audit.ndjson and the .csv files beside it for what was done; \
                 a new run would send all rows again.",
            ),
            JournalError::Database { .. } => disk(
                "The rows that were committed are safe; resume the run once the cause is gone.",
            ),
        }
    }
}
