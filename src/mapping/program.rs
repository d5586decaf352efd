//! Compiled rules, and their application to a row.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::record::{Fields, Refusal};

use super::key::Key;
use super::members::Node;
use super::nested::{NestedCells, Nesting};
use super::problem::LocatedProblem;
use super::step::Step;
use super::{Contract, FieldRule, TargetIds, compile};

/// Rules compiled against a header and a contract. It is the same for all
/// rows and threads.
#[derive(Debug)]
pub struct Program {
    pub(super) key: Key,
    pub(super) steps: Vec<Step>,
    /// Where the steps' values stand.
    pub(super) record: Node,
    /// Whether a row may have nothing but its key: that stands in the record, or
    /// the rest of the record stays as it is.
    pub(super) may_be_empty: bool,
}

/// What a program made of one row, in memory that is used again for the next.
#[derive(Clone, Debug, Default)]
pub struct MappedRow {
    key: String,
    /// The fields' values as JSON, one after the other.
    values: Vec<u8>,
    /// Where each value ends; an empty one was left out.
    ends: Vec<usize>,
}

impl MappedRow {
    /// The record's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The JSON that the field with this number of [`Program::fields`] got,
    /// the key not counted; `None` where it was left out.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1],
        };
        (start < end).then(|| &self.values[start..end])
    }

    fn clear(&mut self) {
        self.key.clear();
        self.values.clear();
        self.ends.clear();
    }
}

/// A field that a program fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledField<'program> {
    /// The field's name.
    pub name: &'program str,
    /// The indexes of the columns that it comes from.
    pub columns: Vec<usize>,
    /// The names of what its rule does, in order.
    pub parts: &'program [&'static str],
}

impl Program {
    /// The key field's name.
    #[must_use]
    pub fn key_field(&self) -> &str {
        &self.key.step.target
    }

    /// The key and then the other fields, in the rules' order.
    pub fn fields(&self) -> impl Iterator<Item = FilledField<'_>> {
        std::iter::once(&self.key.step)
            .chain(&self.steps)
            .map(|step| FilledField {
                name: &step.target,
                columns: step.cells(),
                parts: &step.parts,
            })
    }

    /// Compiles rules against a header and a contract; without rules, each
    /// payload column's header is a target field's name.
    ///
    /// `payload_columns` are the indexes of the columns that hold data; the
    /// others, such as `_line` and `_error` of a reject file that is loaded
    /// again, are no part of the record and can't be named.
    ///
    /// # Errors
    /// Everything that doesn't fit together, not only the first of it.
    pub fn compile(
        rules: Option<&[FieldRule]>,
        header: &[String],
        payload_columns: &[usize],
        contract: &Contract,
    ) -> Result<Self, Vec<LocatedProblem>> {
        compile(rules, header, payload_columns, contract)
    }

    /// The entities that fields refer to.
    #[must_use]
    pub fn references(&self) -> BTreeSet<&str> {
        let references = self.steps.iter().filter_map(|step| step.reference.as_ref());
        references
            .map(|reference| reference.entity.as_str())
            .collect()
    }

    /// Has references find ids there. Before that every row that refers to
    /// something is refused.
    pub fn set_target_ids(&mut self, ids: &Arc<dyn TargetIds>) {
        let references = self.steps.iter_mut();
        for reference in references.filter_map(|step| step.reference.as_mut()) {
            reference.ids = Arc::clone(ids);
        }
    }

    /// Has cells that hold lists and objects taken as such. `header` is what the
    /// program was compiled against.
    pub fn set_nesting(&mut self, nesting: Nesting, header: &[String]) {
        for step in self.steps.iter_mut().chain([&mut self.key.step]) {
            step.nested = Some(NestedCells::new(nesting, header, &step.cells()));
        }
    }

    /// Maps a row: `row` becomes its key and values, and the record is appended
    /// to `body` as a JSON object. A refused row leaves `body` as it was.
    ///
    /// # Errors
    /// The rule that the row breaks, with the field and what to do.
    pub fn apply(
        &self,
        fields: &Fields,
        row: &mut MappedRow,
        body: &mut Vec<u8>,
    ) -> Result<(), Box<Refusal>> {
        row.clear();
        self.key.write(fields, &mut row.key)?;
        for step in &self.steps {
            step.write(fields, &mut row.values)?;
            row.ends.push(row.values.len());
        }
        // An empty record would wipe what it replaces.
        if row.values.is_empty() && !self.may_be_empty {
            return Err(Box::new(Refusal {
                error: "nothing_to_send".to_owned(),
                message: "no field but the key has a value, so there is nothing to send; fill one in, or send empty cells with `omit_empty: false`".to_owned(),
                ..Refusal::default()
            }));
        }
        self.record.write_record(row, body);
        Ok(())
    }
}
