//! The key of a row: the one value that no row can do without.

use crate::record::{Fields, Refusal};

use super::MappingProblem;
use super::columns::Columns;
use super::convert::Refused;
use super::reading::read_template;
use super::rule::{FieldRule, RuleSource};
use super::spreadsheet::{self, is_scientific};
use super::step::Step;

/// The key's compiled rule.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) step: Step,
    /// Columns that it is put together of, by index and name: where one of them
    /// is empty, so is its part of the key, and what is left names another record.
    parts: Vec<(usize, String)>,
    /// Columns of which at least one has a value; empty where the key's own text
    /// tells.
    sources: Vec<usize>,
}

impl Key {
    /// # Errors
    /// A template that says the same for every row.
    pub(super) fn new(
        step: Step,
        rule: &FieldRule,
        columns: &Columns,
    ) -> Result<Self, MappingProblem> {
        let found = |names: &[String]| -> Vec<(usize, String)> {
            let index = |name: &String| Some((columns.index(name).ok()?, name.clone()));
            names.iter().filter_map(index).collect()
        };
        let (parts, sources) = match &rule.from {
            RuleSource::Joined { columns, .. } => (found(columns), Vec::new()),
            RuleSource::Template(text) => {
                let named = read_template(text).map_err(|cause| MappingProblem::BadRule {
                    target: rule.target.clone(),
                    cause,
                })?;
                let used = found(&named.used);
                if used.is_empty() {
                    return Err(MappingProblem::ConstantKey {
                        key: rule.target.clone(),
                    });
                }
                let sources = used.into_iter().map(|(index, _)| index).collect();
                (found(&named.always), sources)
            }
            RuleSource::Columns(_) | RuleSource::Constant(_) => (Vec::new(), Vec::new()),
        };
        Ok(Self {
            step,
            parts,
            sources,
        })
    }

    /// Whether the row's key, or a column that it is put together of, has white
    /// space at an end.
    pub(super) fn is_spaced(&self, fields: &Fields) -> bool {
        let is_spaced = |text: &str| text.trim() != text && !text.trim().is_empty();
        let Some(key) = self.step.text_to_remark(fields) else {
            return false;
        };
        let cells = self.parts.iter().map(|(index, _)| fields.get(*index));
        let parts: Vec<&str> = cells.map(Option::unwrap_or_default).collect();
        if parts.iter().any(|part| part.trim().is_empty()) {
            // There is no key, which is told elsewhere.
            return false;
        }
        // A template may have trimmed its parts.
        let is_kept = |part: &&str| is_spaced(part) && key.contains(*part);
        is_spaced(&key) || parts.iter().any(is_kept)
    }

    /// Appends the key's text for a row.
    pub(super) fn write(&self, fields: &Fields, key: &mut String) -> Result<(), Box<Refusal>> {
        let written = self.write_or_refuse(fields, key);
        written.map_err(|refused| self.step.refuse(refused))
    }

    fn write_or_refuse(&self, fields: &Fields, out: &mut String) -> Result<(), Refused> {
        let cell = |index: usize| fields.get(index).unwrap_or_default().trim();
        for (index, name) in &self.parts {
            let part = cell(*index);
            if part.is_empty() {
                return Err((
                    "missing_key",
                    format!("the column `{name}`, which the key is made of, is empty; fill it in"),
                ));
            }
            if is_scientific(part) {
                return Err(spreadsheet::refused(part));
            }
        }
        let is_without_source =
            !self.sources.is_empty() && self.sources.iter().all(|&index| cell(index).is_empty());
        let text = self.step.source_text(fields)?;
        let key = self.step.refine(&text, fields)?.text;
        if is_without_source || key.trim().is_empty() {
            return Err((
                "missing_key",
                "the row has no key, so no record can be named".to_owned(),
            ));
        }
        if matches!(&*key, "." | "..") {
            return Err((
                "unsafe_key",
                "the key is a step in a path, which would lead the request to another address"
                    .to_owned(),
            ));
        }
        if is_scientific(&key) {
            return Err(spreadsheet::refused(&key));
        }
        self.step.checks.check(&key, false)?;
        out.push_str(&key);
        Ok(())
    }
}
