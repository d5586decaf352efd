//! Which rows of the input the user wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::RowId;

/// The user's choice of rows: `--skip`, `--limit` and what is done with rows
/// of the same key. It is the same in every leg of a run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Rows left out at the start.
    pub skip: u64,
    /// The most rows taken after those.
    pub limit: Option<u64>,
    /// Rows left out because another row has the same key, in order.
    pub repeated: Arc<Vec<u64>>,
    /// Whether such rows are rejected; skipped otherwise.
    pub reject_repeated: bool,
    /// Of a retry, rows whose values are older than what an applied row of the
    /// same key has written, with the line of that row: they stay rejected.
    pub superseded: Arc<BTreeMap<u64, u64>>,
}

impl Selection {
    /// The first row that is wanted.
    #[must_use]
    pub fn first_row(&self) -> u64 {
        self.skip + 1
    }

    /// Whether the row lies in the wanted part of the input.
    #[must_use]
    pub fn wants(&self, row: RowId) -> bool {
        row.0 > self.skip && !self.is_beyond(row)
    }

    /// Whether no row from here on is wanted.
    #[must_use]
    pub fn is_beyond(&self, row: RowId) -> bool {
        self.limit
            .is_some_and(|limit| row.0 > self.skip.saturating_add(limit))
    }

    /// Whether the row is left out for another of the same key.
    #[must_use]
    pub fn is_repeated(&self, row: RowId) -> bool {
        self.repeated.binary_search(&row.0).is_ok()
    }

    /// Of an input of `rows` rows, those that lie outside the wanted part.
    #[must_use]
    pub fn rows_outside(&self, rows: u64) -> u64 {
        let before = self.skip.min(rows);
        let after = self.limit.map_or(0, |limit| {
            rows.saturating_sub(self.skip.saturating_add(limit))
        });
        before + after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_outside_agree_with_the_rows_that_are_not_wanted() {
        for skip in [0, 1, 5, 20] {
            for limit in [None, Some(0), Some(3), Some(50)] {
                let selection = Selection {
                    skip,
                    limit,
                    ..Selection::default()
                };
                let outside = (1..=10).filter(|&row| !selection.wants(RowId(row))).count();
                assert_eq!(selection.rows_outside(10), outside as u64, "{selection:?}");
            }
        }
    }
}
