//! From a row to what is sent for it.
//!
//! The rules are compiled once, against the input's header and the target's
//! [`Contract`], into a [`Program`]; every name is looked up and every JSON
//! member name escaped then, so that a row costs one walk over its cells,
//! written straight to bytes. A cell that breaks a rule refuses its row:
//! nothing is ever repaired by guess.

mod compile;
mod contract;
mod json;
mod problem;
mod program;
mod rule;
mod spreadsheet;
mod warnings;

#[cfg(test)]
mod tests;

use compile::compile;
pub use contract::{Contract, ContractField, EmptyCells, FieldKind};
pub use problem::MappingProblem;
pub use program::Program;
pub use rule::{FieldRule, RuleSource};
pub use warnings::{Observation, ObservationKind, Observations};
