//! What a plan knows of the records that others refer to: not their ids, which
//! only a load will learn, but whether there will be any.

use std::collections::{BTreeMap, HashSet};

use parking_lot::Mutex;

use crate::actors::RowMapper;
use crate::config::Part;
use crate::mapping::{FoundId, TargetIds};

/// The most keys of one entity that are kept, at 8 bytes and some room each. Of
/// an entity with more, any key may be there.
const MAX_KEYS: usize = 2_000_000;

/// The keys of the rows that a load would send, by entity.
#[derive(Debug, Default)]
pub(super) struct PlannedKeys {
    /// Of entities that others refer to; `None` while nothing is known.
    entities: Mutex<BTreeMap<String, Option<HashSet<u64>>>>,
}

/// The keys of one entity, while its rows are planned.
#[derive(Debug, Default)]
pub(super) struct KeysOfEntity {
    hashes: HashSet<u64>,
    are_too_many: bool,
}

impl PlannedKeys {
    /// Nothing is known yet of the entities that these parts refer to.
    pub(super) fn of(parts: &[Part]) -> Self {
        let entities = parts.iter().flat_map(|part| &part.after);
        Self {
            entities: Mutex::new(entities.map(|name| (name.clone(), None)).collect()),
        }
    }

    /// Where the keys of an entity go; `None` where nobody refers to it.
    pub(super) fn keys_of(&self, entity: &str) -> Option<KeysOfEntity> {
        let is_wanted = self.entities.lock().contains_key(entity);
        is_wanted.then(KeysOfEntity::default)
    }

    /// All keys of an entity.
    pub(super) fn note(&self, entity: &str, keys: KeysOfEntity) {
        if !keys.are_too_many {
            let hashes = Some(keys.hashes);
            self.entities.lock().insert(entity.to_owned(), hashes);
        }
    }
}

impl KeysOfEntity {
    /// Takes a row's key in.
    pub(super) fn add(&mut self, key_hash: u64) {
        if self.are_too_many {
            return;
        }
        self.hashes.insert(key_hash);
        if self.hashes.len() > MAX_KEYS {
            self.are_too_many = true;
            self.hashes = HashSet::new();
        }
    }
}

impl TargetIds for PlannedKeys {
    fn find(&self, entity: &str, key: &str) -> FoundId {
        let entities = self.entities.lock();
        match entities.get(entity) {
            Some(Some(keys)) if !keys.contains(&RowMapper::hash_key(key)) => FoundId::Absent(
                "none of its rows has this key, or the one that has it would be rejected"
                    .to_owned(),
            ),
            _ => FoundId::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_missed_only_where_all_keys_are_known() {
        let planned = PlannedKeys {
            entities: Mutex::new([("sites".to_owned(), None)].into()),
        };
        assert_eq!(planned.find("sites", "HQ"), FoundId::Later);
        assert!(planned.keys_of("people").is_none());
        let mut keys = planned.keys_of("sites").expect("somebody refers to it");
        keys.add(RowMapper::hash_key("HQ"));
        planned.note("sites", keys);
        assert_eq!(planned.find("sites", "HQ"), FoundId::Later);
        assert!(matches!(planned.find("sites", "hq"), FoundId::Absent(_)));
        let mut keys = KeysOfEntity::default();
        (0..=MAX_KEYS as u64).for_each(|hash| keys.add(hash));
        assert!(keys.are_too_many && keys.hashes.capacity() == 0);
    }
}
