//! What the plan remarks about rows that aren't refused.

use crate::record::Fields;

use super::spreadsheet::{is_scientific, may_lack_leading_zeros};
use super::{FieldKind, Program};

/// Lines that an observation names; the plan has room for a few.
const LINES_KEPT: usize = 5;

/// What is remarkable about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservationKind {
    /// A telephone number of digits alone, without `+` and without a leading 0.
    LeadingZerosMayBeLost,
    /// A text in scientific notation, as a spreadsheet leaves it.
    ScientificNotation,
    /// A key with white space at an end.
    BlanksAroundKey,
}

impl ObservationKind {
    /// The remark in words.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::LeadingZerosMayBeLost => {
                "digits only, no + and no leading 0: leading zeros may be lost; sent as it stands, `e164: REGION` checks it"
            }
            Self::ScientificNotation => {
                "scientific notation: a spreadsheet may have cut the number down"
            }
            Self::BlanksAroundKey => {
                "white space around the key, which makes it another key; `trim: true` cuts it off, in a template `|trim`"
            }
        }
    }
}

/// One remark about one field, over all rows that were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The target field's name.
    pub field: String,
    /// What is remarkable.
    pub kind: ObservationKind,
    /// In how many rows.
    pub rows: u64,
    /// The lines of the first of them, counted from 1.
    pub first_lines: Vec<u64>,
}

/// Gathers remarks while the plan walks over the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations {
    found: Vec<Observation>,
}

impl Observations {
    /// Looks at one row.
    pub fn observe(&mut self, program: &Program, fields: &Fields, line: u64) {
        if program.key.is_spaced(fields) {
            self.count(program.key_field(), ObservationKind::BlanksAroundKey, line);
        }
        for step in &program.steps {
            let Some(value) = step.text_to_remark(fields) else {
                continue;
            };
            let kind = match step.kind {
                FieldKind::Phone if may_lack_leading_zeros(&value) => {
                    ObservationKind::LeadingZerosMayBeLost
                }
                // In a phone it refuses the row, so it is counted there.
                FieldKind::String if is_scientific(&value) => ObservationKind::ScientificNotation,
                _ => continue,
            };
            self.count(&step.target, kind, line);
        }
    }

    fn count(&mut self, field: &str, kind: ObservationKind, line: u64) {
        let known = self
            .found
            .iter()
            .position(|entry| entry.kind == kind && entry.field == field);
        let index = known.unwrap_or_else(|| {
            self.found.push(Observation {
                field: field.to_owned(),
                kind,
                rows: 0,
                first_lines: Vec::new(),
            });
            self.found.len() - 1
        });
        let entry = &mut self.found[index];
        entry.rows += 1;
        if entry.first_lines.len() < LINES_KEPT {
            entry.first_lines.push(line);
        }
    }

    /// The remarks, in the order in which they were first met.
    #[must_use]
    pub fn found(&self) -> &[Observation] {
        &self.found
    }
}
