//! One JSON object a line (NDJSON, also called JSON Lines), staged as CSV.
//!
//! The columns are those of all records: a first pass gathers them, a second
//! one writes. A member of an object within is a column with a dotted path
//! (`address.city`), an element of a list one with its place (`emails.0`). A
//! line that can't be read is a rejected row, and the rest goes on.

mod flatten;
mod lines;
mod salvage;
mod stage;

#[cfg(test)]
mod tests;

pub use stage::stage_ndjson;
