//! The journal in SQLite, in WAL mode.
//!
//! `synchronous = NORMAL`: a commit survives `kill -9` at any instant (the
//! pages are with the kernel), and a power cut can take the last commits but
//! never tear the file. That is enough for operations that may be repeated,
//! since their rows are sent again with the same body.
//! See <https://www.sqlite.org/pragma.html#pragma_synchronous>.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use crate::record::{RangeChange, RowRanges};

use super::{Checkpoint, Commit, Journal, JournalError, JournalState};

/// Raised with every change of the tables; older journals are migrated.
const SCHEMA_VERSION: i64 = 1;

const CREATE_TABLES: &str = "
    CREATE TABLE finished (first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;
    CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT;
";

/// A run's journal, `journal.db`.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
}

impl SqliteJournal {
    /// Makes a new, empty journal that only its owner can read.
    ///
    /// # Errors
    /// Fails where the file exists already or can't be written.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        // SQLite gives its side files the mode of the main file.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|cause| JournalError::Io {
                file: path.display().to_string(),
                cause,
            })?;
        let journal = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        journal.prepare_for_writing()?;
        journal
            .connection
            .execute_batch(&format!(
                "BEGIN; {CREATE_TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))
            .map_err(|cause| journal.explain(&cause))?;
        Ok(journal)
    }

    /// Opens a journal to go on with its run.
    ///
    /// # Errors
    /// Fails where the file is missing, damaged or of a newer version.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let journal = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        journal.check_version()?;
        journal.prepare_for_writing()?;
        Ok(journal)
    }

    /// Opens a journal to look at it, also while another process writes.
    ///
    /// # Errors
    /// Fails where the file is missing, damaged or of a newer version.
    pub fn open_to_read(path: &Path) -> Result<Self, JournalError> {
        // A reader of a WAL database needs its shared-memory file, which a
        // read-only connection can't make; so it is opened for both, and
        // `query_only` holds it to reading.
        let journal = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        journal
            .connection
            .pragma_update(None, "query_only", true)
            .map_err(|cause| journal.explain(&cause))?;
        journal.check_version()?;
        Ok(journal)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self, JournalError> {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|cause| explain(path, &cause))?;
        connection
            .busy_timeout(Duration::from_secs(5))
            .map_err(|cause| explain(path, &cause))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    fn prepare_for_writing(&self) -> Result<(), JournalError> {
        self.connection
            .pragma_update(None, "journal_mode", "WAL")
            .and_then(|()| self.connection.pragma_update(None, "synchronous", "NORMAL"))
            .map_err(|cause| self.explain(&cause))
    }

    fn check_version(&self) -> Result<(), JournalError> {
        let found: i64 = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|cause| self.explain(&cause))?;
        match found {
            SCHEMA_VERSION => Ok(()),
            newer if newer > SCHEMA_VERSION => Err(JournalError::Newer {
                file: self.path.display().to_string(),
                found: newer,
                known: SCHEMA_VERSION,
            }),
            _ => Err(JournalError::Damaged {
                file: self.path.display().to_string(),
                cause: format!("its version is {found}"),
            }),
        }
    }

    fn explain(&self, cause: &rusqlite::Error) -> JournalError {
        explain(&self.path, cause)
    }

    fn read_state(&self) -> rusqlite::Result<(RowRanges, Option<String>)> {
        let mut ranges = self
            .connection
            .prepare("SELECT first, last FROM finished ORDER BY first")?;
        let finished = ranges
            .query_map([], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let mut states = self
            .connection
            .prepare("SELECT state FROM checkpoint WHERE id = 1")?;
        let state = states
            .query_map([], |row| row.get::<_, String>(0))?
            .next()
            .transpose()?;
        Ok((RowRanges::from_stored(finished), state))
    }

    fn write(&mut self, commit: &Commit<'_>, state: &str) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO finished (first, last) VALUES (?1, ?2)
                 ON CONFLICT (first) DO UPDATE SET last = excluded.last",
            )?;
            let mut remove = transaction.prepare_cached("DELETE FROM finished WHERE first = ?1")?;
            for change in commit.changes {
                match *change {
                    RangeChange::Put { first, last } => put.execute(params![first, last])?,
                    RangeChange::Remove { first } => remove.execute(params![first])?,
                };
            }
            transaction
                .prepare_cached(
                    "INSERT INTO checkpoint (id, state) VALUES (1, ?1)
                     ON CONFLICT (id) DO UPDATE SET state = excluded.state",
                )?
                .execute(params![state])?;
        }
        transaction.commit()
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self) -> Result<JournalState, JournalError> {
        let (finished, state) = self.read_state().map_err(|cause| self.explain(&cause))?;
        let checkpoint = match state {
            None => Checkpoint::default(),
            Some(text) => serde_json::from_str(&text).map_err(|cause| JournalError::Damaged {
                file: self.path.display().to_string(),
                cause: cause.to_string(),
            })?,
        };
        Ok(JournalState {
            finished,
            checkpoint,
        })
    }

    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), JournalError> {
        let state = serde_json::to_string(commit.checkpoint)
            .expect("a checkpoint has only string keys and finite numbers");
        self.write(commit, &state)
            .map_err(|cause| self.explain(&cause))
    }
}

fn explain(path: &Path, cause: &rusqlite::Error) -> JournalError {
    let file = path.display().to_string();
    match cause.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::DiskFull { file },
        // A limit on the file's size shows as a failed write, not as a full disk.
        Some(ErrorCode::SystemIoFailure) if is_failed_write(cause) => {
            JournalError::DiskFull { file }
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => JournalError::Damaged {
            file,
            cause: cause.to_string(),
        },
        _ => JournalError::Database {
            file,
            cause: cause.to_string(),
        },
    }
}

fn is_failed_write(cause: &rusqlite::Error) -> bool {
    let extended = cause.sqlite_error().map(|error| error.extended_code);
    extended == Some(rusqlite::ffi::SQLITE_IOERR_WRITE)
        || extended == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(updated: u64) -> Checkpoint {
        let mut checkpoint = Checkpoint::default();
        checkpoint.counts.updated = updated;
        checkpoint
    }

    #[test]
    fn what_is_committed_is_loaded_by_the_next_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.db");
        let mut rows = RowRanges::default();
        let mut journal = SqliteJournal::create(&path).expect("created");
        for part in [vec![1, 2, 5], vec![3, 4, 9]] {
            for row in part {
                rows.insert(row);
            }
            journal
                .commit(&Commit {
                    changes: &rows.changes(),
                    checkpoint: &checkpoint(rows.rows()),
                })
                .expect("committed");
            rows.mark_stored();
        }
        drop(journal);
        let state = SqliteJournal::open(&path)
            .and_then(|mut journal| journal.load())
            .expect("loaded");
        assert_eq!(state.finished.iter().collect::<Vec<_>>(), [(1, 5), (9, 9)]);
        assert_eq!(state.checkpoint.counts.updated, 6);
    }

    #[test]
    fn a_newer_journal_and_a_text_file_are_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let newer = folder.path().join("newer.db");
        drop(SqliteJournal::create(&newer).expect("created"));
        Connection::open(&newer)
            .and_then(|connection| connection.pragma_update(None, "user_version", 99))
            .expect("changed");
        let error = SqliteJournal::open(&newer).expect_err("refused");
        assert!(
            error.to_string().contains("newer version of sluice"),
            "{error}"
        );

        let text = folder.path().join("text.db");
        std::fs::write(
            &text,
            "this is not a database, but long enough to look at\n".repeat(50),
        )
        .expect("written");
        let error = SqliteJournal::open(&text).expect_err("refused");
        assert!(error.to_string().contains("isn't a journal"), "{error}");
    }
}
