//! Taking the keys in.

use std::path::PathBuf;

use super::found::{Duplicates, Pair};
use super::scattered::Scattered;
use crate::record::RowId;
use crate::source::SourceError;

/// Pairs kept in memory before a file is made; 16 bytes each.
const PAIRS_IN_MEMORY: usize = 50_000;

/// Takes in the keys of an input, row by row, and tells which come twice.
#[derive(Debug)]
pub struct DuplicateFinder {
    directory: PathBuf,
    pairs_in_memory: usize,
    pairs: Vec<Pair>,
    scattered: Option<Scattered>,
}

impl DuplicateFinder {
    /// A finder that makes its temporary file, if it needs one, in `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self::with_limit(directory.into(), PAIRS_IN_MEMORY)
    }

    fn with_limit(directory: PathBuf, pairs_in_memory: usize) -> Self {
        Self {
            directory,
            pairs_in_memory,
            pairs: Vec::new(),
            scattered: None,
        }
    }

    /// Takes in one row's key. Each row is to be given once; the order is free.
    ///
    /// # Errors
    /// The temporary file can't be written.
    pub fn add(&mut self, row: RowId, key_hash: u64) -> Result<(), SourceError> {
        let pair = Pair {
            key_hash,
            row: row.0,
        };
        if let Some(scattered) = &mut self.scattered {
            return scattered.add(pair);
        }
        if self.pairs.len() < self.pairs_in_memory {
            self.pairs.push(pair);
            return Ok(());
        }
        let mut scattered = Scattered::create(&self.directory)?;
        for early in std::mem::take(&mut self.pairs) {
            scattered.add(early)?;
        }
        scattered.add(pair)?;
        self.scattered = Some(scattered);
        Ok(())
    }

    /// What the rows taken in have in common. The temporary file is gone
    /// afterwards.
    ///
    /// # Errors
    /// The temporary file can't be written or read back.
    pub fn finish(mut self) -> Result<Duplicates, SourceError> {
        let mut found = Duplicates::default();
        match self.scattered {
            None => found.book(&mut self.pairs),
            Some(mut scattered) => scattered.book(&mut found)?,
        }
        Ok(found.in_order())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn plain(pairs: &[(u64, u64)]) -> Duplicates {
        let mut groups: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for &(row, key_hash) in pairs {
            groups.entry(key_hash).or_default().push(row);
        }
        let mut found = Duplicates::default();
        for rows in groups.values().filter(|rows| rows.len() > 1) {
            found.groups += 1;
            found.later.extend(&rows[1..]);
            found.earlier.extend(&rows[..rows.len() - 1]);
        }
        found.in_order()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn agrees_with_a_plain_map_in_memory_and_on_disk(
            hashes in prop::collection::vec(0_u64..3_000, 0..6_000),
            in_memory in 0_usize..7_000,
        ) {
            let directory = tempfile::tempdir().expect("a directory");
            let mut finder = DuplicateFinder::with_limit(directory.path().into(), in_memory);
            let pairs: Vec<_> = (1..).zip(hashes).collect();
            for &(row, key_hash) in &pairs {
                finder.add(RowId(row), key_hash).expect("taken in");
            }
            prop_assert_eq!(finder.finish().expect("found"), plain(&pairs));
            prop_assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 0);
        }
    }

    #[test]
    fn the_rows_before_and_behind_the_others_are_named() {
        let mut finder = DuplicateFinder::new("unused");
        for (row, key_hash) in [(1, 7), (2, 8), (3, 7), (4, 7)] {
            finder.add(RowId(row), key_hash).expect("in memory");
        }
        let found = finder.finish().expect("found");
        assert_eq!(found.later, [3, 4]);
        assert_eq!(found.earlier, [1, 3]);
        assert_eq!(found.groups, 1);
    }

    #[test]
    fn a_directory_that_is_gone_is_told_with_its_path() {
        let mut finder = DuplicateFinder::with_limit("/nonexistent/run".into(), 0);
        let failure = finder.add(RowId(1), 1).expect_err("no such directory");
        assert!(failure.to_string().contains("duplicates-"), "{failure}");
    }
}
