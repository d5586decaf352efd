//! What is wrong with the rows of an input, by rule, in bounded memory.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::{Position, Refusal, RowId};

/// Lines that are named for each rule; the others are counted.
const NAMED_LINES: usize = 10;

/// One row that would be rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The row's number.
    pub row: u64,
    /// The line it starts on.
    pub line: u64,
    /// The byte it starts at.
    pub byte: u64,
    /// The field at fault, where one can be named.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// The rows that break one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleFindings {
    /// How many there are.
    pub rows: u64,
    /// The first of them.
    pub first: Vec<Problem>,
}

/// All rows that would be rejected, by the rule they break.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// How many there are.
    pub rejected: u64,
    /// By rule.
    pub rules: BTreeMap<String, RuleFindings>,
}

impl Findings {
    /// Takes rows in that repeat another row's key. Beside their numbers only the
    /// lines of the first are known; what isn't is 0.
    pub fn add_repeats(&mut self, rows: &[u64], first_lines: &[u64]) {
        let refusal = Refusal {
            error: "duplicate_key".to_owned(),
            message: "an earlier row has the same key".to_owned(),
            ..Refusal::default()
        };
        let lines = first_lines.iter().copied().chain(std::iter::repeat(0));
        for (&row, line) in rows.iter().zip(lines) {
            self.add(RowId(row), Position { byte: 0, line }, &refusal);
        }
    }

    /// Takes a refused row in.
    pub fn add(&mut self, row: RowId, position: Position, refusal: &Refusal) {
        self.rejected += 1;
        let rule = match self.rules.get_mut(&refusal.error) {
            Some(rule) => rule,
            None => self.rules.entry(refusal.error.clone()).or_default(),
        };
        rule.rows += 1;
        if rule.first.len() < NAMED_LINES {
            rule.first.push(Problem {
                row: row.0,
                line: position.line,
                byte: position.byte,
                field: refusal.field.clone(),
                message: refusal.message.clone(),
            });
        }
    }
}
