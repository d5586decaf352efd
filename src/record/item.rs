//! Rows on their way to the tenant: mapped, serialised once, and grouped.

use bytes::Bytes;

use super::{CreditShare, Outcome, Position, RowId};

/// One row, ready to be sent.
#[derive(Clone, Debug)]
pub struct Item {
    /// The row's number in its source.
    pub row: RowId,
    /// Where the row starts in its source.
    pub position: Position,
    /// Hash of the record's key: items with equal hashes are sent one after
    /// the other, in the source's order.
    pub key_hash: u64,
    /// The key itself where the operation needs it again once the request is
    /// made (look-ups, batches, idempotency keys); empty elsewhere.
    pub key: Bytes,
    /// Path and query of the request, percent-encoded, below the base URL.
    pub path: Bytes,
    /// The body, serialised once.
    pub body: Bytes,
    /// The row as it stood in the source, for the reject file.
    pub raw: Bytes,
    /// The row's hold on the memory budget.
    pub credit: Option<CreditShare>,
}

/// What mapping made of one raw batch: every row of the batch is in one of the
/// two lists.
#[derive(Debug)]
pub struct MappedBatch {
    /// The raw batch's number.
    pub sequence: u64,
    /// Rows to be sent, in the source's order.
    pub items: Vec<Item>,
    /// Rows that end here: malformed, or refused by the mapping.
    pub outcomes: Vec<Outcome>,
}

/// Items for one endpoint that travel together.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The items, in the source's order.
    pub items: Vec<Item>,
}
