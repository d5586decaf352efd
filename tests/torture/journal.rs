//! What the journal of a run that was killed holds, read from a copy, so that
//! the next leg finds it as it was left.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sluice::store::{Journal, JournalState, ListedRow, SqliteJournal};

/// A journal's contents.
pub(crate) struct JournalCopy {
    state: JournalState,
    pub(crate) listed: Vec<ListedRow>,
}

impl JournalCopy {
    #[track_caller]
    pub(crate) fn read(directory: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["journal.db", "journal.db-wal"] {
            let from = directory.join(name);
            if from.is_file() {
                fs::copy(from, folder.path().join(name)).expect("copied");
            }
        }
        let journal = SqliteJournal::open_to_read(&folder.path().join("journal.db"));
        let mut journal = journal.expect("a kill leaves a journal that can be read");
        Self {
            state: journal.load().expect("a kill leaves a sound journal"),
            listed: journal.listed().expect("its list can be read"),
        }
    }

    /// The state.
    pub(crate) fn state(&self) -> &JournalState {
        &self.state
    }

    /// The keys of rows that have ended.
    pub(crate) fn finished(&self, rows: u64) -> BTreeSet<String> {
        let ended = (1..=rows).filter(|row| self.state.finished.contains(*row));
        ended.map(key_of).collect()
    }

    /// The keys of rows in doubt.
    pub(crate) fn suspects(&self) -> BTreeSet<String> {
        self.state
            .suspects
            .keys()
            .map(|row| key_of(row.0))
            .collect()
    }
}

/// The key of a row of a numbered input.
pub(crate) fn key_of(row: u64) -> String {
    format!("c-{row}")
}
