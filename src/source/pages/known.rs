//! Rows that rounds before have loaded.
//!
//! Each round asks from a time a little before the round before it, so that
//! nothing is missed; what was changed in that time comes again. It is told by
//! its contents and left out: to send it once more would take back what
//! somebody has changed in the target since.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use jiff::Timestamp;

use crate::source::SourceError;
use crate::source::csv::STAGED_COLUMN_COUNT;

use super::staged_rows::for_each_staged;
use super::state::read_time;

/// 16 bytes of BLAKE3: two rows that differ never have the same in practice,
/// and one that is left out by mistake would be lost.
pub(super) type Digest = [u8; 16];

/// Rows that are remembered at most, some 40 MB. Those beyond are sent once
/// more, which an upsert bears; more would let memory grow with the load, where
/// a stream's records don't tell when they were changed.
const MOST_KNOWN: usize = 1_000_000;

/// Rows that were loaded, by their contents, and when each was changed. Holds
/// those alone that may come again.
#[derive(Clone, Debug, Default)]
pub struct KnownRows {
    changed_at: HashMap<Digest, Timestamp>,
}

impl KnownRows {
    /// What is known after a round whose rows were staged at `staged`, with
    /// the time of a change in the column `changed_at` of the stream's own.
    /// `since` is what the next round asks from; `until` stands for the time of
    /// rows that don't tell theirs. Rows whose place is among `not_loaded` aren't
    /// taken in.
    ///
    /// # Errors
    /// The staged file can't be read.
    pub fn after(
        &self,
        staged: &Path,
        changed_at: Option<usize>,
        since: Timestamp,
        until: Timestamp,
        not_loaded: &BTreeSet<u64>,
    ) -> Result<Self, SourceError> {
        let times = (since, until);
        self.after_with(staged, changed_at, times, not_loaded, MOST_KNOWN)
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed_at.is_empty()
    }

    /// The same, with so many rows at most.
    fn after_with(
        &self,
        staged: &Path,
        changed_at: Option<usize>,
        (since, until): (Timestamp, Timestamp),
        not_loaded: &BTreeSet<u64>,
        most: usize,
    ) -> Result<Self, SourceError> {
        let mut known = self.changed_at.clone();
        known.retain(|_, changed_at| *changed_at >= since);
        for_each_staged(staged, |row| {
            let told = changed_at
                .zip(row.cells)
                .and_then(|(column, cells)| read_time(cells.get(STAGED_COLUMN_COUNT + column)?));
            let time = told.unwrap_or(until);
            let is_loaded = !not_loaded.contains(&row.number);
            if is_loaded && time >= since && known.len() < most {
                known.insert(digest(row.line), time);
            }
        })?;
        Ok(Self { changed_at: known })
    }

    /// Whether the staged line was loaded before.
    pub(super) fn has(&self, line: &[u8]) -> bool {
        !self.is_empty() && self.changed_at.contains_key(&digest(line))
    }
}

/// Of a staged line without its place, and without the message that names it:
/// they are other ones each time.
pub(super) fn digest(line: &[u8]) -> Digest {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let behind_place = memchr::memchr(b',', line).map_or(0, |comma| comma + 1);
    let contents = &line[behind_place..];
    let behind_message = match contents.first() {
        Some(b'"') => memchr::memmem::find(contents, b"\",").unwrap_or(0),
        _ => 0,
    };
    let mut digest = Digest::default();
    let hash = blake3::hash(&contents[behind_message..]);
    digest.copy_from_slice(&hash.as_bytes()[..16]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::csv::{write_staged_header, write_staged_row, write_unread_row};

    fn line(place: u64, cells: [&str; 2]) -> Vec<u8> {
        let mut line = Vec::new();
        write_staged_row(&mut line, place, &cells);
        line
    }

    fn staged(lines: &[Vec<u8>]) -> tempfile::NamedTempFile {
        let mut text = Vec::new();
        write_staged_header(&mut text, &["id".to_owned(), "changed".to_owned()]);
        text.extend(lines.concat());
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    fn at(minute: i8) -> Timestamp {
        format!("2026-01-01T00:{minute:02}:00Z")
            .parse()
            .expect("a time")
    }

    #[test]
    fn a_row_is_known_by_its_contents_wherever_it_stands_as_long_as_it_may_come_again() {
        let early = line(1, ["a", "2026-01-01T00:01:00Z"]);
        let quoted = line(2, ["b\n\"c\", d", "2026-01-01T00:09:00Z"]);
        let flawed = |place: u64| {
            let (mut line, message) = (Vec::new(), format!("record {place} is no object"));
            write_unread_row(&mut line, place, &message, 2, b"[1, 2]");
            line
        };
        let file = staged(&[early.clone(), quoted, flawed(3)]);
        let first = KnownRows::default()
            .after(file.path(), Some(1), at(5), at(10), &BTreeSet::new())
            .expect("readable");
        assert!(!first.has(&early), "it is too old to come again");
        assert!(first.has(&line(77, ["b\n\"c\", d", "2026-01-01T00:09:00Z"])));
        assert!(first.has(&flawed(8)));
        assert!(!first.has(&line(2, ["b\n\"c\", e", "2026-01-01T00:09:00Z"])));
        assert!(!first.has(&line(2, ["b\n\"c\", d", "2026-01-01T00:09:30Z"])));

        let few = KnownRows::default().after_with(
            file.path(),
            None,
            (at(5), at(10)),
            &BTreeSet::new(),
            2,
        );
        assert_eq!(few.expect("readable").changed_at.len(), 2);

        let refused = BTreeSet::from([2]);
        let without = KnownRows::default().after(file.path(), Some(1), at(5), at(10), &refused);
        let without = without.expect("readable");
        assert!(!without.has(&line(2, ["b\n\"c\", d", "2026-01-01T00:09:00Z"])));
        assert!(without.has(&flawed(8)));

        // It came again and was left out, so the next file lacks it.
        let empty = staged(&[]);
        let again = first.after(empty.path(), Some(1), at(9), at(12), &BTreeSet::new());
        let again = again.expect("readable");
        assert!(again.has(&line(1, ["b\n\"c\", d", "2026-01-01T00:09:00Z"])));
        let later = again.after(empty.path(), Some(1), at(11), at(14), &BTreeSet::new());
        let later = later.expect("readable");
        assert!(later.changed_at.is_empty(), "nothing is kept for ever");
    }
}
