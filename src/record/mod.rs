//! The vocabulary of the loader: what a row, a batch, an item, a chunk and an
//! outcome are, and what a run tells about itself. Everything above speaks
//! these words; nothing here does I/O.

mod batch;
mod credit;
mod event;
mod fields;
mod item;
mod outcome;
mod ranges;

pub use batch::{Flaw, FlawKind, Position, RawBatch, RawRow, RowId};
pub use credit::{ByteCredit, CreditShare};
pub use event::{
    CallRecord, Counts, DecisionKind, EntityCounts, InputDigest, RequestCounts, RunEvent, Snapshot,
};
pub use fields::Fields;
pub use item::{Chunk, Item, MappedBatch};
pub use outcome::{Outcome, OutcomeBatch, OutcomeKind, Refusal};
pub use ranges::{RangeChange, RowRanges};
