//! A set of rows kept as ranges.
//!
//! Rows finish out of order, so a resume position is a set and never a count.
//! In practice it is one long range and a few islands, so a run of five
//! million rows needs a few hundred bytes.

use std::collections::BTreeMap;

/// A set of row numbers, kept as disjoint, non-adjacent, closed ranges. It
/// remembers what changed since it was last stored, so that a journal can store
/// the difference alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowRanges {
    /// First row of each range to its last.
    ranges: BTreeMap<u64, u64>,
    /// First row of each range touched since `mark_stored`; `None` where the
    /// range is gone.
    changes: BTreeMap<u64, Option<u64>>,
    rows: u64,
}

/// One stored range that is different from what was stored before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeChange {
    /// The range that starts at `first` now ends at `last`.
    Put {
        /// First row of the range.
        first: u64,
        /// Last row of the range.
        last: u64,
    },
    /// No range starts at `first` any more.
    Remove {
        /// First row of the range that is gone.
        first: u64,
    },
}

impl RowRanges {
    /// The set of the given closed ranges, with nothing marked as changed.
    #[must_use]
    pub fn from_stored(stored: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut set = Self::default();
        for (first, last) in stored {
            set.insert_range(first, last);
        }
        set.changes.clear();
        set
    }

    /// Adds one row; whether it was new.
    pub fn insert(&mut self, row: u64) -> bool {
        let before = self.range_at_or_before(row);
        if before.is_some_and(|(_, last)| last >= row) {
            return false;
        }
        let joins_before = before.filter(|(_, last)| last + 1 == row);
        let joins_after = self.ranges.get(&(row + 1)).copied();
        let first = joins_before.map_or(row, |(first, _)| first);
        let last = joins_after.unwrap_or(row);
        if joins_after.is_some() {
            self.ranges.remove(&(row + 1));
            self.changes.insert(row + 1, None);
        }
        self.ranges.insert(first, last);
        self.changes.insert(first, Some(last));
        self.rows += 1;
        true
    }

    /// Takes one row out; whether it was there.
    pub fn remove(&mut self, row: u64) -> bool {
        let Some((first, last)) = self
            .range_at_or_before(row)
            .filter(|&(_, last)| last >= row)
        else {
            return false;
        };
        let before = (first < row).then(|| row - 1);
        match before {
            Some(end) => self.ranges.insert(first, end),
            None => self.ranges.remove(&first),
        };
        self.changes.insert(first, before);
        if row < last {
            self.ranges.insert(row + 1, last);
            self.changes.insert(row + 1, Some(last));
        }
        self.rows -= 1;
        true
    }

    fn insert_range(&mut self, first: u64, last: u64) {
        // Stored ranges are disjoint, so the end points alone decide; a journal
        // that was tampered with still gives a set, row by row.
        if self
            .ranges
            .range(first..=last)
            .next()
            .is_none_or(|(&next, _)| next > last)
            && self
                .range_at_or_before(first)
                .is_none_or(|(_, end)| end + 1 < first)
            && !self.ranges.contains_key(&(last + 1))
        {
            self.ranges.insert(first, last);
            self.rows += last - first + 1;
        } else {
            for row in first..=last {
                self.insert(row);
            }
        }
    }

    fn range_at_or_before(&self, row: u64) -> Option<(u64, u64)> {
        self.ranges
            .range(..=row)
            .next_back()
            .map(|(&first, &last)| (first, last))
    }

    /// Whether the row is in the set.
    #[must_use]
    pub fn contains(&self, row: u64) -> bool {
        self.range_at_or_before(row)
            .is_some_and(|(_, last)| last >= row)
    }

    /// The last row of the range that holds `row`.
    #[must_use]
    pub fn end_of_range_at(&self, row: u64) -> Option<u64> {
        self.range_at_or_before(row)
            .map(|(_, last)| last)
            .filter(|&last| last >= row)
    }

    /// How many rows are in the set.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The ranges, first to last.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().map(|(&first, &last)| (first, last))
    }

    /// What is different from what was stored last, in the order of the rows.
    #[must_use]
    pub fn changes(&self) -> Vec<RangeChange> {
        self.changes
            .iter()
            .map(|(&first, &last)| match last {
                Some(last) => RangeChange::Put { first, last },
                None => RangeChange::Remove { first },
            })
            .collect()
    }

    /// Takes the set as stored: nothing is marked as changed any more.
    pub fn mark_stored(&mut self) {
        self.changes.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_set_and_its_changes_rebuild_it(
            rows in prop::collection::vec((1_u64..200, prop::bool::weighted(0.8)), 0..300),
            cut in 1_usize..40,
        ) {
            let mut ranges = RowRanges::default();
            let mut model = BTreeSet::new();
            let mut stored = BTreeMap::new();
            for part in rows.chunks(cut) {
                for &(row, is_added) in part {
                    if is_added {
                        prop_assert_eq!(ranges.insert(row), model.insert(row));
                    } else {
                        prop_assert_eq!(ranges.remove(row), model.remove(&row));
                    }
                }
                for change in ranges.changes() {
                    match change {
                        RangeChange::Put { first, last } => { stored.insert(first, last); }
                        RangeChange::Remove { first } => { stored.remove(&first); }
                    }
                }
                ranges.mark_stored();
            }
            for row in 0..=201 {
                prop_assert_eq!(ranges.contains(row), model.contains(&row));
            }
            prop_assert_eq!(ranges.rows(), model.len() as u64);
            let rebuilt = RowRanges::from_stored(stored);
            prop_assert!(rebuilt.changes().is_empty());
            prop_assert_eq!(rebuilt, ranges);
        }
    }

    #[test]
    fn filling_the_gap_joins_its_neighbours() {
        let mut ranges = RowRanges::default();
        for row in [1, 2, 4, 3] {
            ranges.insert(row);
        }
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(1, 4)]);
        assert_eq!(ranges.end_of_range_at(2), Some(4));
        assert_eq!(ranges.end_of_range_at(5), None);
    }
}
