//! Which rows share a key, as the answer.

/// A row and the hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) key_hash: u64,
    pub(super) row: u64,
}

/// Rows that share their key with another row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Keys that stand in more than one row.
    pub groups: u64,
    /// Rows whose key stood in an earlier row already, in ascending order: what
    /// `duplicates: first` leaves out and `duplicates: reject` refuses.
    pub later: Vec<u64>,
    /// Rows whose key comes again in a later row, in ascending order: what
    /// `duplicates: last` leaves out.
    pub earlier: Vec<u64>,
}

impl Duplicates {
    /// Books the groups of one list; equal keys of a whole input must be in
    /// one call.
    pub(super) fn book(&mut self, pairs: &mut [Pair]) {
        pairs.sort_unstable();
        for group in pairs.chunk_by(|left, right| left.key_hash == right.key_hash) {
            if group.len() < 2 {
                continue;
            }
            self.groups += 1;
            self.later.extend(group[1..].iter().map(|pair| pair.row));
            self.earlier
                .extend(group[..group.len() - 1].iter().map(|pair| pair.row));
        }
    }

    pub(super) fn in_order(mut self) -> Self {
        self.later.sort_unstable();
        self.earlier.sort_unstable();
        self
    }
}
