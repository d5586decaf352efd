//! Records that came already, by their keys: what tells that a list shifted
//! under its pages, and what a second reading leaves out.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::path::Path;

use foldhash::quality::FixedState;

use crate::source::SourceError;
use crate::source::csv::STAGED_COLUMN_COUNT;

use super::known::digest;
use super::reading::Sight;
use super::staged_rows::for_each_staged;

/// Records that are told apart at most, some 40 MB. More would let memory grow
/// with the list; a longer one is told of where it changed, and not read again.
const MOST_TOLD_APART: usize = 3_600_000;

/// Hashes of the records that came.
#[derive(Debug, Default)]
pub(super) struct SeenRecords {
    all: HashSet<u64, FixedState>,
    /// Those of this reading, where there was one before it.
    of_reading: Option<HashSet<u64, FixedState>>,
    has_left_out: bool,
}

impl SeenRecords {
    /// The records that an earlier leg has staged, with their keys in the
    /// stream's column `key`.
    ///
    /// # Errors
    /// The staged file can't be read.
    pub(super) fn staged(path: &Path, key: usize) -> Result<Self, SourceError> {
        let mut seen = Self::default();
        for_each_staged(path, |row| {
            let cells = row.cells;
            let key = cells.and_then(|cells| cells.get(STAGED_COLUMN_COUNT + key));
            seen.note(key, row.line);
        })?;
        Ok(seen)
    }

    /// The list is read once more.
    pub(super) fn begin_again(&mut self) {
        self.of_reading = Some(HashSet::default());
    }

    /// A record came, staged as `line`. One without a key is told by its
    /// contents.
    pub(super) fn note(&mut self, key: Option<&str>, line: &[u8]) -> Sight {
        let hasher = FixedState::default();
        let hash = match key.filter(|key| !key.is_empty()) {
            Some(key) => hasher.hash_one(key),
            None => hasher.hash_one(digest(line)),
        };
        if self.all.len() >= MOST_TOLD_APART && !self.all.contains(&hash) {
            self.has_left_out = true;
            return Sight::New;
        }
        let is_new = self.all.insert(hash);
        let is_first = match &mut self.of_reading {
            Some(of_reading) => of_reading.insert(hash),
            None => is_new,
        };
        match (is_new, is_first) {
            (true, _) => Sight::New,
            (false, true) => Sight::InReadingBefore,
            (false, false) => Sight::Again,
        }
    }

    /// Whether all records could be told apart.
    pub(super) fn is_complete(&self) -> bool {
        !self.has_left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::csv::{write_staged_header, write_staged_row, write_unread_row};

    #[test]
    fn what_an_earlier_leg_has_staged_is_known_by_its_key() {
        let columns = ["name".to_owned(), "id".to_owned()];
        let mut text = Vec::new();
        write_staged_header(&mut text, &columns);
        write_staged_row(&mut text, 1, &["a", "k,1"]);
        write_staged_row(&mut text, 2, &["no key", ""]);
        write_unread_row(&mut text, 3, "record 3 isn't a JSON object", 2, b"[1]");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let mut seen = SeenRecords::staged(file.path(), 1).expect("readable");
        let mut note = |place: u64, name: &str, key: &str| {
            let mut line = Vec::new();
            write_staged_row(&mut line, place, &[name, key]);
            seen.note(Some(key), &line)
        };
        assert_eq!(note(9, "changed", "k,1"), Sight::Again);
        assert_eq!(note(9, "no key", ""), Sight::Again);
        assert_eq!(note(9, "another", ""), Sight::New);
        let mut line = Vec::new();
        write_unread_row(&mut line, 8, "record 8 isn't a JSON object", 2, b"[1]");
        assert_eq!(seen.note(None, &line), Sight::Again);

        seen.begin_again();
        assert_eq!(seen.note(Some("k,1"), b""), Sight::InReadingBefore);
        assert_eq!(seen.note(Some("k,1"), b""), Sight::Again);
        assert_eq!(seen.note(Some("k2"), b""), Sight::New);
        assert_eq!(seen.note(Some("k2"), b""), Sight::Again);
        assert!(seen.is_complete());
    }
}
