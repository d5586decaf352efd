//! The vocabulary of the loader: what a row, a batch, an item, a chunk and an
//! outcome are, and what a run tells about itself. Everything above speaks
//! these words; nothing here does I/O.

mod batch;
mod credit;
mod decision;
mod event;
mod fields;
mod item;
mod outcome;
mod ranges;

pub use batch::{Flaw, FlawKind, Position, RawBatch, RawRow, RowId};
pub use credit::{ByteCredit, CreditShare};
pub use decision::Decision;
pub use event::{CallRecord, Counts, EntityCounts, InputDigest, RequestCounts, RunEvent, Snapshot};
pub use fields::Fields;
pub use item::{Chunk, Item, MappedBatch};
pub use outcome::{Outcome, OutcomeBatch, OutcomeKind, Refusal, TargetId};
pub use ranges::{RangeChange, RowRanges};
