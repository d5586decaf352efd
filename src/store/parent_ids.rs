//! The ids that records of other entities got, found by their keys while rows
//! that refer to them are mapped.
//!
//! The journal of a load keeps ids in the order of its rows, so that taking them
//! in costs nothing however the keys are sorted. The index by key is made when
//! the first load that refers to them begins: then they have all been taken in.
//! Nothing of it stands in memory but a few pages and the keys that were asked
//! for last, so a parent may have any number of records.

use std::fmt;
use std::hash::BuildHasher;
use std::path::PathBuf;

use foldhash::fast::FixedState;
use parking_lot::Mutex;

use crate::error::FatalError;
use crate::mapping::{FoundId, TargetIds};

use super::journal::{Checkpoint, Journal};
use super::{JournalError, SqliteJournal};

/// Keys that a reader remembers with their ids. Rows of one parent often stand
/// together, and a few parents have most of the children; more would be memory
/// that the rest has no use for.
const REMEMBERED: usize = 4_096;
/// The longest key and id that are remembered, in bytes together: with the
/// number of them the bound on a reader's memory, 1 MiB.
const LONGEST_REMEMBERED: usize = 256;

/// The ids that the loads of other entities have learnt.
pub struct ParentIds {
    parents: Vec<Parent>,
    /// Readers that no thread uses at this moment; there are never more than
    /// threads.
    idle: Mutex<Vec<Reader>>,
}

#[derive(Debug)]
struct Parent {
    entity: String,
    /// The newest first; of a record that several have, the first one's id counts.
    journals: Vec<PathBuf>,
    /// What to do about a key that has no id.
    advice: String,
}

/// What one thread reads with.
struct Reader {
    /// By parent; each is opened when the first row asks for it.
    journals: Vec<Vec<Option<SqliteJournal>>>,
    remembered: Vec<Option<Remembered>>,
}

struct Remembered {
    parent: usize,
    key: Box<str>,
    id: Box<str>,
}

impl ParentIds {
    /// Makes the journals of these entities ready to be asked: of each the load
    /// that goes before, and those that were loaded earlier, the newest first.
    /// Each must have ended.
    ///
    /// # Errors
    /// A journal that can't be read, or that can't be given its index.
    pub fn open(
        entities: impl IntoIterator<Item = (String, Vec<PathBuf>)>,
    ) -> Result<Self, FatalError> {
        let mut parents = Vec::new();
        for (entity, journals) in entities {
            let mut advice = None;
            for path in &journals {
                let mut journal = SqliteJournal::open(path)?;
                journal.index_target_ids()?;
                if advice.is_none() {
                    advice = Some(advice_of(&entity, &journal.load()?.checkpoint));
                }
            }
            parents.push(Parent {
                entity,
                journals,
                advice: advice.unwrap_or_default(),
            });
        }
        Ok(Self {
            parents,
            idle: Mutex::new(Vec::new()),
        })
    }
}

impl fmt::Debug for ParentIds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("ParentIds")
            .field(&self.parents)
            .finish()
    }
}

/// Where a key without an id may have been left.
fn advice_of(entity: &str, checkpoint: &Checkpoint) -> String {
    let counts = &checkpoint.counts;
    let read = checkpoint.input.as_ref().map_or(0, |input| input.rows);
    let left_out = counts.skipped + read.saturating_sub(counts.ended());
    let mut places = Vec::new();
    if counts.rejected > 0 {
        places.push(format!(
            "{} of its rows were rejected (mend {entity}/rejected.csv, then `sluice retry`)",
            counts.rejected
        ));
    }
    if counts.unknown > 0 {
        places.push(format!(
            "the fate of {} isn't known (`sluice retry --unknown`)",
            counts.unknown
        ));
    }
    if left_out > 0 {
        places.push(format!("{left_out} were left out"));
    }
    match places.is_empty() {
        true => "none of its rows has this key: add one, or mend this row".to_owned(),
        false => format!("{}, or none of them has this key", places.join(", ")),
    }
}

impl TargetIds for ParentIds {
    fn find(&self, entity: &str, key: &str) -> FoundId {
        let named = |parent: &Parent| parent.entity == entity;
        let Some(parent) = self.parents.iter().position(named) else {
            return FoundId::Failed(format!("the load of `{entity}` isn't at hand"));
        };
        let idle = self.idle.lock().pop();
        let mut reader = idle.unwrap_or_else(|| Reader::new(&self.parents));
        let found = reader.find(&self.parents[parent], parent, key);
        self.idle.lock().push(reader);
        found.unwrap_or_else(|error| FoundId::Failed(error.to_string()))
    }
}

impl Reader {
    fn new(parents: &[Parent]) -> Self {
        let closed = |parent: &Parent| parent.journals.iter().map(|_| None).collect();
        Self {
            journals: parents.iter().map(closed).collect(),
            remembered: (0..REMEMBERED).map(|_| None).collect(),
        }
    }

    fn find(&mut self, of: &Parent, parent: usize, key: &str) -> Result<FoundId, JournalError> {
        let hash = FixedState::default().hash_one((parent, key));
        // The remainder is below the number of slots.
        let slot = (hash % REMEMBERED as u64) as usize;
        if let Some(known) = &self.remembered[slot]
            && known.parent == parent
            && *known.key == *key
        {
            return Ok(FoundId::Known(known.id.to_string()));
        }
        let mut ids = Vec::new();
        for (journal, path) in self.journals[parent].iter_mut().zip(&of.journals) {
            let journal = match journal {
                Some(journal) => journal,
                closed => closed.insert(SqliteJournal::open_for_look_ups(path)?),
            };
            ids = journal.ids_of_key(key)?;
            if !ids.is_empty() {
                break;
            }
        }
        let mut ids = ids.into_iter();
        Ok(match (ids.next(), ids.next()) {
            (None, _) => FoundId::Absent(of.advice.clone()),
            (Some(_), Some(_)) => FoundId::Several,
            (Some(id), None) => {
                if key.len() + id.len() <= LONGEST_REMEMBERED {
                    self.remembered[slot] = Some(Remembered {
                        parent,
                        key: key.into(),
                        id: id.as_str().into(),
                    });
                }
                FoundId::Known(id)
            }
        })
    }
}
