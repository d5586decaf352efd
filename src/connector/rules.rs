//! From a job file's `map` to the mapping's rules: `config` and `mapping` know
//! nothing of each other, and this is the lowest layer that knows both.

use crate::config::{MapRule, MapSource};
use crate::mapping::{FieldRule, RuleSource};

/// The mapping's rules for a job file's.
#[must_use]
pub fn field_rules(rules: &[MapRule]) -> Vec<FieldRule> {
    rules
        .iter()
        .map(|rule| FieldRule {
            target: rule.target.clone(),
            from: match &rule.source {
                MapSource::Column(column) => RuleSource::Column(column.clone()),
                MapSource::Constant(text) => RuleSource::Constant(text.clone()),
            },
            trim: rule.trim,
            lowercase: rule.lowercase,
            default: rule.default.clone(),
            required: rule.required,
        })
        .collect()
}
