//! From a row to what is sent for it.
//!
//! The rules are compiled once, against the input's header and the target's
//! [`Contract`], into a [`Program`]: every name is looked up, every template
//! parsed and every place in the record laid out then, so that a row costs one
//! walk over its cells, written straight to bytes. A cell that breaks a rule
//! refuses its row: nothing is ever repaired by guess.

mod check;
mod columns;
mod compile;
mod contract;
mod convert;
mod date;
mod expression;
mod fixed_text;
mod json;
mod key;
mod kind;
mod members;
mod nested;
mod number;
mod operand;
mod phone;
mod plain_template;
mod problem;
mod program;
mod reading;
mod reference;
mod rule;
mod spreadsheet;
mod step;
mod text_use;
mod tokens;
mod warnings;

#[cfg(test)]
mod tests;

use compile::compile;
pub use contract::{
    Contract, ContractField, EmptyCells, FieldKind, FixedMember, ListForm, OtherFields,
};
pub use kind::Format;
pub use nested::Nesting;
pub use problem::{LocatedProblem, MappingProblem};
pub use program::{FilledField, MappedRow, Program};
pub use reference::{FoundId, TargetIds};
pub use rule::{
    BooleanRule, Conversion, DateRule, DateTarget, FieldRule, GapChoice, LetterCase, Lookup,
    LookupFile, NumberRule, Region, RuleSource,
};
pub use warnings::{Observation, ObservationKind, Observations};
