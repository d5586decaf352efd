//! What a field's value is held to.

use regex_lite::Regex;

use super::contract::ContractField;
use super::convert::Refused;
use super::kind::{check_kind, is_sure};
use super::problem::{nearest, quoted};
use super::{FieldKind, FieldRule};

/// Values of an enumeration that a message lists.
const VALUES_LISTED: usize = 8;

/// What the target and the rule hold a field's values to.
#[derive(Debug, Default)]
pub(super) struct Checks {
    kind: FieldKind,
    /// Whether the rule's conversion makes nothing but values of the kind.
    is_sure: bool,
    format: Option<FieldKind>,
    values: Vec<String>,
    pattern: Option<Regex>,
    min: Option<f64>,
    max: Option<f64>,
    max_length: Option<usize>,
    forbids_control_characters: bool,
}

/// A whole value must match, as in a connector's other patterns.
pub(super) fn compile_pattern(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

impl Checks {
    pub(super) fn new(field: &ContractField, rule: &FieldRule) -> Self {
        Self {
            kind: field.kind,
            is_sure: is_sure(rule.convert.as_ref(), field.kind) && rule.truncate.is_none(),
            format: rule.format.map(FieldKind::from),
            values: field.values.clone(),
            pattern: field.pattern.as_deref().and_then(compile_pattern),
            min: field.min,
            max: field.max,
            max_length: match (field.max_length, rule.max_length) {
                (Some(field), Some(rule)) => Some(field.min(rule)),
                (field, rule) => field.or(rule),
            },
            forbids_control_characters: field.forbids_control_characters,
        }
    }

    /// Looks at a value that isn't empty. `is_converted`: whether it went
    /// through the rule's conversion.
    pub(super) fn check(&self, value: &str, is_converted: bool) -> Result<(), Refused> {
        if !(self.is_sure && is_converted) {
            check_kind(self.kind, value)?;
        }
        if let Some(format) = self.format {
            check_kind(format, value)?;
        }
        if !self.values.is_empty() && !self.values.iter().any(|known| known == value) {
            return Err(self.not_listed(value));
        }
        if let Some(pattern) = &self.pattern
            && !pattern.is_match(value)
        {
            return Err((
                "wrong_pattern",
                format!(
                    "{} doesn't match {}",
                    quoted(value),
                    pattern
                        .as_str()
                        .trim_start_matches("^(?:")
                        .trim_end_matches(")$")
                ),
            ));
        }
        self.check_bounds(value)?;
        if self.forbids_control_characters
            && let Some(character) = value.chars().find(|character| character.is_control())
        {
            return Err((
                "control_character",
                format!(
                    "the value holds the control character U+{:04X}, which this field doesn't take",
                    u32::from(character)
                ),
            ));
        }
        self.check_length(value)
    }

    fn not_listed(&self, value: &str) -> Refused {
        let known = self.values.iter().map(String::as_str);
        let near = match nearest(value, known.clone()) {
            Some(near) => format!("; did you mean {near}?"),
            None => String::new(),
        };
        let listed: Vec<&str> = known.take(VALUES_LISTED).collect();
        let more = match self.values.len() > listed.len() {
            true => ", …",
            false => "",
        };
        (
            "not_allowed",
            format!(
                "{} is none of the values that the field takes: {}{more}{near}",
                quoted(value),
                listed.join(", ")
            ),
        )
    }

    fn check_bounds(&self, value: &str) -> Result<(), Refused> {
        if self.min.is_none() && self.max.is_none() {
            return Ok(());
        }
        // Beyond 2^53 a number loses its last digits here; no bound is so close.
        let Ok(number) = value.parse::<f64>() else {
            return Ok(());
        };
        if let Some(min) = self.min
            && number < min
        {
            return Err((
                "too_small",
                format!(
                    "{} is below {min}, the field's smallest value",
                    quoted(value)
                ),
            ));
        }
        if let Some(max) = self.max
            && number > max
        {
            return Err((
                "too_large",
                format!(
                    "{} is above {max}, the field's largest value",
                    quoted(value)
                ),
            ));
        }
        Ok(())
    }

    /// The length alone, for the key.
    pub(super) fn check_length(&self, value: &str) -> Result<(), Refused> {
        let Some(max_length) = self.max_length else {
            return Ok(());
        };
        // There are never more characters than bytes.
        if value.len() <= max_length {
            return Ok(());
        }
        let length = value.chars().count();
        if length <= max_length {
            return Ok(());
        }
        Err((
            "too_long",
            format!("the value has {length} characters; the field takes {max_length}"),
        ))
    }
}
