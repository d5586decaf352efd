//! The journal in SQLite, in WAL mode.
//!
//! With `synchronous = NORMAL` a commit survives `kill -9` at any instant (the
//! pages are with the kernel), and a power cut can take the last commits but
//! never tear the file. That is enough for outcomes: a row whose outcome is lost
//! is sent again with the same body, or is in doubt and looked up. An intent is
//! synced before it returns ([`Journal::intend`]), and with it every outcome
//! before it; so a power cut finds no more rows in doubt than were under way.
//! See <https://www.sqlite.org/pragma.html#pragma_synchronous>.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use crate::record::{RowId, RowRanges};

use super::sqlite_error::explain;
use super::{
    Checkpoint, Commit, IntendedRow, Intent, Journal, JournalError, JournalState, ListedRow,
    schema, tables,
};

/// How long another process may hold the file before that is an error: longer
/// than any commit, shorter than a user's patience.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The death of the process, at any instant. A power cut may take the last
    /// commits.
    Process,
    /// A power cut too. Each commit waits for the disk.
    PowerLoss,
}

/// A run's journal, `journal.db`.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
    version: i64,
    durability: Durability,
}

impl Durability {
    /// SQLite's word for it, and whether the drive's own memory counts.
    fn level(self) -> (&'static str, bool) {
        match self {
            Self::Process => ("NORMAL", false),
            Self::PowerLoss => ("FULL", true),
        }
    }
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
        let mut journal = Self::connect(path)?;
        journal
            .make_tables()
            .map_err(|cause| journal.explain(&cause))?;
        journal.prepare_for_writing()?;
        journal.version = schema::VERSION;
        Ok(journal)
    }

    /// A database that is half made is thrown away, so it is synced once, when
    /// it is whole. Eight syncs, as many as its steps would make, take a tenth
    /// of a second on a busy disk.
    fn make_tables(&mut self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "synchronous", "OFF")?;
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        schema::create(&mut self.connection)?;
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(checkpoint, [], |_| Ok(()))
    }

    /// Opens a journal to go on with its run; one of an older version becomes
    /// one of today's.
    ///
    /// # Errors
    /// Fails where the file is missing, damaged or of a newer version.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let mut journal = Self::connect(path)?;
        journal.check_version()?;
        journal.check_whole()?;
        journal.prepare_for_writing()?;
        if journal.version < schema::VERSION {
            schema::migrate(&mut journal.connection).map_err(|cause| journal.explain(&cause))?;
            journal.version = schema::VERSION;
        }
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
        let mut journal = Self::connect(path)?;
        journal
            .connection
            .pragma_update(None, "query_only", true)
            .map_err(|cause| journal.explain(&cause))?;
        journal.check_version()?;
        Ok(journal)
    }

    /// Opens a journal to look single keys up, with little memory for its pages:
    /// there may be many such at once.
    pub(super) fn open_for_look_ups(path: &Path) -> Result<Self, JournalError> {
        const CACHE_KIBIBYTES: i64 = 256;
        let journal = Self::open_to_read(path)?;
        journal
            .connection
            .pragma_update(None, "cache_size", -CACHE_KIBIBYTES)
            .map_err(|cause| journal.explain(&cause))?;
        Ok(journal)
    }

    /// The same journal, whose commits survive what is asked for from now on.
    /// The first one of [`Durability::PowerLoss`] makes those before it last
    /// too.
    ///
    /// # Errors
    /// Fails where the database can't be used.
    pub fn with_durability(mut self, durability: Durability) -> Result<Self, JournalError> {
        self.set_level(durability)
            .map_err(|cause| self.explain(&cause))?;
        self.durability = durability;
        Ok(self)
    }

    fn set_level(&self, durability: Durability) -> rusqlite::Result<()> {
        let (level, waits_for_the_platter) = durability.level();
        self.connection.pragma_update(None, "synchronous", level)?;
        // On macOS a plain sync ends in the drive's own memory; no other system
        // knows this switch.
        match cfg!(target_os = "macos") {
            true => self
                .connection
                .pragma_update(None, "fullfsync", waits_for_the_platter),
            false => Ok(()),
        }
    }

    fn connect(path: &Path) -> Result<Self, JournalError> {
        // An empty file is a valid, empty database for SQLite, and no journal.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|cause| explain(path, &cause))?;
        connection
            .busy_timeout(PATIENCE)
            .map_err(|cause| explain(path, &cause))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            version: 0,
            durability: Durability::Process,
        })
    }

    /// Another patience, for a test that has none.
    #[cfg(test)]
    pub(super) fn wait_no_longer_than(&self, patience: Duration) {
        self.connection
            .busy_timeout(patience)
            .expect("a time-out can always be set");
    }

    fn prepare_for_writing(&self) -> Result<(), JournalError> {
        self.connection
            .pragma_update(None, "journal_mode", "WAL")
            .and_then(|()| self.connection.pragma_update(None, "synchronous", "NORMAL"))
            .map_err(|cause| self.explain(&cause))
    }

    fn check_version(&mut self) -> Result<(), JournalError> {
        self.version = schema::version(&self.connection).map_err(|cause| self.explain(&cause))?;
        match self.version {
            schema::OLDEST..=schema::VERSION => Ok(()),
            newer if newer > schema::VERSION => Err(JournalError::Newer {
                file: self.path.display().to_string(),
                found: newer,
                known: schema::VERSION,
            }),
            other => Err(self.damaged(format!("its version is {other}"))),
        }
    }

    /// Looks for torn pages before anything is built on them. The file has a
    /// few pages, so this takes a millisecond.
    fn check_whole(&self) -> Result<(), JournalError> {
        let verdict: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|cause| self.explain(&cause))?;
        match verdict.as_str() {
            "ok" => Ok(()),
            _ => Err(self.damaged(verdict)),
        }
    }

    fn damaged(&self, cause: String) -> JournalError {
        JournalError::Damaged {
            file: self.path.display().to_string(),
            cause,
        }
    }

    fn explain(&self, cause: &rusqlite::Error) -> JournalError {
        explain(&self.path, cause)
    }

    /// Makes look-ups by key fast. Costs a second for a million ids, and the
    /// disk a copy of them; where it was done before, nothing.
    pub(super) fn index_target_ids(&self) -> Result<(), JournalError> {
        tables::index_target_ids(&self.connection).map_err(|cause| self.explain(&cause))
    }

    /// The tenant's ids of the records of a key, two at most.
    pub(super) fn ids_of_key(&self, key: &str) -> Result<Vec<String>, JournalError> {
        if self.version < 3 {
            return Ok(Vec::new());
        }
        tables::ids_of_key(&self.connection, key).map_err(|cause| self.explain(&cause))
    }

    fn write(&mut self, commit: &Commit<'_>, state: &str) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        tables::write_finished(&transaction, commit.changes)?;
        tables::write_listed(&transaction, commit)?;
        tables::remove_intents(&transaction, commit)?;
        tables::write_target_ids(&transaction, commit.target_ids)?;
        transaction
            .prepare_cached(
                "INSERT INTO checkpoint (id, state) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state",
            )?
            .execute(params![state])?;
        transaction.commit()
    }

    fn write_intents(
        &mut self,
        rows: &[IntendedRow],
        at_ms: u64,
        are_sent_anew: bool,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        tables::write_intents(&transaction, rows, at_ms, are_sent_anew)?;
        transaction.commit()
    }

    /// Notes that these rows, which had ended, are in doubt again: of each it is
    /// known with which job it was sent, where it was with one.
    pub(super) fn doubt_again(
        &mut self,
        rows: &[IntendedRow],
        at_ms: u64,
    ) -> Result<(), JournalError> {
        self.set_level(Durability::PowerLoss)
            .and_then(|()| self.write_intents(rows, at_ms, false))
            .and_then(|()| self.set_level(self.durability))
            .map_err(|cause| self.explain(&cause))
    }

    /// Whether rows in doubt, or whose fate is unknown, were sent with a job.
    pub(super) fn has_jobs(&self) -> Result<bool, JournalError> {
        if self.version < 4 {
            return Ok(false);
        }
        tables::has_jobs(&self.connection).map_err(|cause| self.explain(&cause))
    }

    fn write_job(&mut self, rows: &[RowId], id: &str) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        tables::write_job(&transaction, rows, id)?;
        transaction.commit()
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self) -> Result<JournalState, JournalError> {
        // One transaction: a writer may commit between two reads.
        let query = |text: &str| {
            self.connection
                .execute_batch(text)
                .map_err(|cause| self.explain(&cause))
        };
        query("BEGIN")?;
        let state = self.load_all();
        query("COMMIT")?;
        state
    }

    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), JournalError> {
        let state = serde_json::to_string(commit.checkpoint)
            .expect("a checkpoint has only string keys and finite numbers");
        self.write(commit, &state)
            .map_err(|cause| self.explain(&cause))
    }

    fn intend(&mut self, rows: &[IntendedRow], at_ms: u64) -> Result<(), JournalError> {
        let level = match rows.iter().all(|row| row.intent == Intent::Change) {
            true => self.durability,
            false => Durability::PowerLoss,
        };
        self.set_level(level)
            .and_then(|()| self.write_intents(rows, at_ms, true))
            .and_then(|()| self.set_level(self.durability))
            .map_err(|cause| self.explain(&cause))
    }

    fn note_job(&mut self, rows: &[RowId], id: &str) -> Result<(), JournalError> {
        self.set_level(Durability::PowerLoss)
            .and_then(|()| self.write_job(rows, id))
            .and_then(|()| self.set_level(self.durability))
            .map_err(|cause| self.explain(&cause))
    }

    fn listed(&mut self) -> Result<Vec<ListedRow>, JournalError> {
        if self.version < 2 {
            return Ok(Vec::new());
        }
        let stored = tables::listed(&self.connection).map_err(|cause| self.explain(&cause))?;
        stored
            .into_iter()
            .map(|listed| listed.map_err(|name| self.damaged(format!("it calls a row {name}"))))
            .collect()
    }

    fn visit_target_ids(
        &mut self,
        visit: &mut dyn FnMut(&str, &str) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        if self.version < 3 {
            return Ok(());
        }
        tables::visit_target_ids(&self.connection, visit).map_err(|cause| self.explain(&cause))
    }

    fn target_id(&mut self, row: RowId) -> Result<Option<String>, JournalError> {
        if self.version < 3 {
            return Ok(None);
        }
        tables::target_id(&self.connection, row).map_err(|cause| self.explain(&cause))
    }

    fn has_target_ids(&mut self) -> Result<bool, JournalError> {
        if self.version < 3 {
            return Ok(false);
        }
        tables::has_target_ids(&self.connection).map_err(|cause| self.explain(&cause))
    }
}

impl SqliteJournal {
    fn load_all(&self) -> Result<JournalState, JournalError> {
        let explain = |cause: rusqlite::Error| self.explain(&cause);
        let ranges = tables::finished(&self.connection).map_err(explain)?;
        check_ranges(&ranges).map_err(|cause| self.damaged(cause))?;
        let finished = RowRanges::from_stored(ranges);
        let checkpoint: Checkpoint = match tables::state(&self.connection).map_err(explain)? {
            None => Checkpoint::default(),
            Some(text) => {
                serde_json::from_str(&text).map_err(|cause| self.damaged(cause.to_string()))?
            }
        };
        // They are written together, so a difference is no crash but damage.
        let ended = checkpoint.counts.ended();
        if ended != finished.rows() {
            return Err(self.damaged(format!(
                "it counts {ended} rows that have ended, and holds {}",
                finished.rows()
            )));
        }
        let mut suspects = BTreeMap::new();
        if self.version >= 2 {
            suspects = tables::intents(&self.connection, self.version >= 5).map_err(explain)?;
            suspects.retain(|row, _| !finished.contains(row.0));
        }
        if self.version >= 4 {
            tables::add_jobs(&self.connection, &mut suspects).map_err(explain)?;
        }
        Ok(JournalState {
            finished,
            checkpoint,
            suspects,
        })
    }
}

/// Ranges of a sound journal are in order and don't touch. Others could be
/// endless, so they aren't built.
fn check_ranges(ranges: &[(u64, u64)]) -> Result<(), String> {
    let mut next_may_start_at = 0;
    for &(first, last) in ranges {
        if last < first || first < next_may_start_at {
            return Err(format!("its rows {first} to {last} can't be"));
        }
        next_may_start_at = last.saturating_add(2);
    }
    Ok(())
}
