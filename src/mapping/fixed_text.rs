//! The job file's own texts: constants, defaults and what a lookup table puts in
//! a value's place. They are the same whatever the input holds, so those that the
//! field doesn't take are told before any row is read.

use crate::record::Fields;

use super::MappingProblem;
use super::rule::{FieldRule, RuleSource};
use super::step::Step;

/// Holds a rule's own texts to what its field takes. `empty_row` stands for a row
/// where a conversion asks for one.
///
/// # Errors
/// The first text that the field doesn't take, with its line.
pub(super) fn check_fixed_texts(
    step: &Step,
    rule: &FieldRule,
    empty_row: &Fields,
) -> Result<(), MappingProblem> {
    if rule.reference.is_some() {
        // They are keys of another entity, which the field never holds.
        return Ok(());
    }
    let bad = |text: &str, what: &'static str, cause: String| MappingProblem::BadText {
        target: rule.target.clone(),
        what,
        cause,
        line: rule.text_lines.get(text).copied().unwrap_or(rule.line),
    };
    let fixed = match &rule.from {
        RuleSource::Constant(text) => Some(text),
        _ => rule.default.as_ref(),
    };
    if let Some(text) = fixed
        && !text.is_empty()
        && let Err((_, cause)) = step.checks.check(text, false)
    {
        return Err(bad(text, "the fixed text", cause));
    }
    // A table in a file is data, whose rows are told one by one.
    let table = rule.lookup.as_ref().filter(|table| table.file.is_none());
    let is_row_free = step
        .converter
        .as_ref()
        .is_none_or(|converter| !converter.reads_row());
    for text in table.into_iter().flat_map(|table| table.entries.values()) {
        if text.is_empty() || !is_row_free {
            continue;
        }
        let found = step.finish(text.into(), empty_row);
        let checked = found.and_then(|refined| match refined.text.is_empty() {
            true => Ok(()),
            false => step.checks.check(&refined.text, refined.is_converted),
        });
        if let Err((_, cause)) = checked {
            return Err(bad(text, "what its lookup table has", cause));
        }
    }
    Ok(())
}
