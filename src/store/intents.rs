//! Which rows are in doubt: their bytes may have left, and they have no outcome.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::RowId;

use super::{IntendedRow, Intent, Suspect};

/// The rows in doubt.
pub(super) type Suspects = BTreeMap<RowId, Suspect>;

/// What the journal has in doubt and is in doubt no more. An operation that may
/// be repeated has no such rows, and costs nothing here.
#[derive(Debug, Default)]
pub(super) struct Settled {
    rows: BTreeMap<RowId, Intent>,
    /// Those of them that the journal has with a job. Sent anew, they aren't of
    /// that job any more.
    of_jobs: BTreeSet<RowId>,
}

impl Settled {
    /// Of these rows, those that the journal doesn't have in doubt. A row that
    /// was throttled and goes out again is often there still, so that its
    /// second try costs no sync.
    pub(super) fn not_durable(
        &self,
        suspects: &Suspects,
        rows: &[IntendedRow],
    ) -> Vec<IntendedRow> {
        let is_durable = |intended: &IntendedRow| {
            let row = intended.row;
            let is_there = match suspects.get(&row) {
                Some(suspect) => suspect.intent == intended.intent,
                None => self.rows.get(&row) == Some(&intended.intent),
            };
            is_there && !self.of_jobs.contains(&row)
        };
        rows.iter()
            .filter(|intended| !is_durable(intended))
            .copied()
            .collect()
    }

    /// The rows are in doubt from here on, and the journal has them so.
    pub(super) fn open(&mut self, suspects: &mut Suspects, rows: &[IntendedRow], at_ms: u64) {
        for &IntendedRow {
            row,
            position,
            intent,
        } in rows
        {
            self.rows.remove(&row);
            self.of_jobs.remove(&row);
            let suspect = suspects.entry(row).or_insert(Suspect {
                position,
                sent_at_ms: at_ms,
                intent,
                job: None,
            });
            suspect.intent = intent;
        }
    }

    /// The row is in doubt no more; whether it was.
    pub(super) fn settle(&mut self, suspects: &mut Suspects, row: RowId) -> bool {
        let Some(suspect) = suspects.remove(&row) else {
            return false;
        };
        self.rows.insert(row, suspect.intent);
        if suspect.job.is_some() {
            self.of_jobs.insert(row);
        }
        true
    }

    /// What the next commit takes out of the journal.
    pub(super) fn rows(&self) -> Vec<RowId> {
        self.rows.keys().copied().collect()
    }

    /// That commit was made.
    pub(super) fn note_stored(&mut self) {
        self.rows.clear();
        self.of_jobs.clear();
    }
}
