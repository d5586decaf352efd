//! Keeps rows of the same key apart in time.
//!
//! Two requests for one record that are under way at once may be applied in
//! either order, and the older row could win. So a key has at most one row
//! under way, retries included, and later rows of it wait behind.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::record::Item;

/// The keys that are under way, with the rows that wait behind each.
#[derive(Debug, Default)]
pub(super) struct KeyOrder {
    busy: HashMap<u64, VecDeque<Item>, BuildHasherDefault<AlreadyHashed>>,
}

impl KeyOrder {
    /// Admits an item whose key is free, and makes the key busy; one whose key
    /// is busy is kept behind it.
    pub(super) fn admit(&mut self, item: Item) -> Option<Item> {
        match self.busy.entry(item.key_hash) {
            Entry::Vacant(free) => {
                // An empty queue has no memory of its own.
                free.insert(VecDeque::new());
                Some(item)
            }
            Entry::Occupied(mut busy) => {
                busy.get_mut().push_back(item);
                None
            }
        }
    }

    /// A row has ended: gives the next one of its key, or frees the key.
    pub(super) fn release(&mut self, key_hash: u64) -> Option<Item> {
        let Entry::Occupied(mut busy) = self.busy.entry(key_hash) else {
            return None;
        };
        let next = busy.get_mut().pop_front();
        if next.is_none() {
            busy.remove();
        }
        next
    }

    /// Whether a row waits behind the one of that key that is under way.
    pub(super) fn is_awaited(&self, key_hash: u64) -> bool {
        self.busy
            .get(&key_hash)
            .is_some_and(|waiting| !waiting.is_empty())
    }

    /// Forgets everything that waits.
    pub(super) fn clear(&mut self) {
        self.busy.clear();
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only u64 keys are hashed here");
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Position, RowId};
    use bytes::Bytes;

    fn item(row: u64, key_hash: u64) -> Item {
        Item {
            row: RowId(row),
            position: Position { byte: 0, line: row },
            key_hash,
            key: Bytes::new(),
            path: Bytes::new(),
            body: Bytes::new(),
            raw: Bytes::new(),
            credit: None,
        }
    }

    #[test]
    fn rows_of_a_key_come_one_after_the_other_in_order() {
        let mut order = KeyOrder::default();
        assert!(order.admit(item(1, 7)).is_some());
        assert!(order.admit(item(2, 7)).is_none());
        assert!(order.admit(item(3, 8)).is_some());
        assert!(order.admit(item(4, 7)).is_none());
        assert!(order.is_awaited(7) && !order.is_awaited(8) && !order.is_awaited(9));
        assert_eq!(order.release(7).map(|item| item.row), Some(RowId(2)));
        assert_eq!(order.release(7).map(|item| item.row), Some(RowId(4)));
        assert!(order.release(7).is_none());
        assert!(order.admit(item(5, 7)).is_some());
    }
}
