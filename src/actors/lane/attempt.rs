//! A row on its way through attempts.

use std::cmp::Ordering;

use tokio::time::Instant;

use crate::limit::Permit;
use crate::record::Item;
use crate::transport::{Reply, SendError};

/// A row that is to be sent, or sent again.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) item: Item,
    /// How often the row was sent.
    pub(super) sent: u32,
    /// Failures that count against the row.
    pub(super) failures: u32,
    /// How often a token was refused for the row.
    pub(super) token_refusals: u32,
}

impl Pending {
    pub(super) fn new(item: Item) -> Self {
        Self {
            item,
            sent: 0,
            failures: 0,
            token_refusals: 0,
        }
    }
}

/// A row that waits for its backoff. Ordered so that a max-heap gives the
/// earliest first, and equal times in the order they were put in.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) due: Instant,
    pub(super) order: u64,
    pub(super) pending: Pending,
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

/// A request that came to its end, one way or the other.
pub(super) struct Answered {
    pub(super) pending: Pending,
    pub(super) permit: Permit,
    pub(super) generation: u64,
    pub(super) request_number: u64,
    pub(super) sent_at_ms: u64,
    pub(super) result: Result<Reply, SendError>,
}
