//! Compiled rules, and their application to a row.

use std::borrow::Cow;

use crate::record::{Fields, Refusal};

use super::json::{is_number, push_string};
use super::spreadsheet::is_scientific;
use super::{Contract, EmptyCells, FieldKind, FieldRule, MappingProblem, compile};

/// Rules compiled against a header and a contract. It is the same for all
/// rows and threads.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) key: Step,
    pub(super) key_in_body: bool,
    pub(super) steps: Vec<Step>,
    pub(super) empty_cells: EmptyCells,
}

/// One target field and how it is filled.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) target: String,
    /// The member's name as it stands in the body: quoted, with its colon.
    pub(super) member: Vec<u8>,
    pub(super) value: StepValue,
    pub(super) trim: bool,
    pub(super) lowercase: bool,
    pub(super) default: Option<String>,
    pub(super) required: bool,
    pub(super) kind: FieldKind,
    pub(super) max_length: Option<usize>,
    pub(super) forbids_control_characters: bool,
}

/// Where a step's value comes from.
#[derive(Clone, Debug)]
pub(super) enum StepValue {
    /// The cell at this index of the row.
    Cell(usize),
    /// The same text for every row.
    Constant(String),
}

impl Program {
    /// The key field's name.
    #[must_use]
    pub fn key_field(&self) -> &str {
        &self.key.target
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
    ) -> Result<Self, Vec<MappingProblem>> {
        compile(rules, header, payload_columns, contract)
    }

    /// Appends the key's text to `key` and the body's JSON object to `body`.
    /// A refused row leaves both as they were.
    ///
    /// # Errors
    /// The rule that the row breaks, with the field and what to do.
    pub fn apply(
        &self,
        fields: &Fields,
        key: &mut String,
        body: &mut Vec<u8>,
    ) -> Result<(), Box<Refusal>> {
        let (key_start, body_start) = (key.len(), body.len());
        let applied = self.write(fields, key, key_start, body);
        if applied.is_err() {
            key.truncate(key_start);
            body.truncate(body_start);
        }
        applied
    }

    fn write(
        &self,
        fields: &Fields,
        key: &mut String,
        key_start: usize,
        body: &mut Vec<u8>,
    ) -> Result<(), Box<Refusal>> {
        key.push_str(&self.key.value_in(fields));
        let key_text = &key[key_start..];
        self.key.check_key(key_text)?;
        body.push(b'{');
        let mut separator = false;
        if self.key_in_body {
            body.extend_from_slice(&self.key.member);
            push_string(body, key_text);
            separator = true;
        }
        for step in &self.steps {
            let value = step.value_in(fields);
            if value.is_empty() {
                if step.required {
                    return Err(
                        step.refuse("required", "the cell is empty, and the field is required")
                    );
                }
                if self.empty_cells == EmptyCells::Omit {
                    continue;
                }
            } else {
                step.check(&value)?;
            }
            if separator {
                body.push(b',');
            }
            separator = true;
            body.extend_from_slice(&step.member);
            match step.kind {
                FieldKind::String | FieldKind::Phone => push_string(body, &value),
                FieldKind::Number | FieldKind::Boolean if value.is_empty() => {
                    body.extend_from_slice(b"null");
                }
                FieldKind::Number | FieldKind::Boolean => body.extend_from_slice(value.as_bytes()),
            }
        }
        body.push(b'}');
        Ok(())
    }
}

/// Whether a byte of UTF-8 text may belong to a letter that has a lower case.
fn may_be_upper_case(byte: u8) -> bool {
    byte.is_ascii_uppercase() || !byte.is_ascii()
}

impl Step {
    /// The step's value for a row, with `trim`, `lowercase` and `default` done.
    pub(super) fn value_in<'row>(&'row self, fields: &'row Fields) -> Cow<'row, str> {
        let mut value = match &self.value {
            StepValue::Cell(index) => fields.get(*index).unwrap_or_default(),
            StepValue::Constant(text) => text,
        };
        if self.trim {
            value = value.trim();
        }
        if value.is_empty() {
            if let Some(default) = &self.default {
                return Cow::Borrowed(default);
            }
        } else if self.lowercase && value.bytes().any(may_be_upper_case) {
            return Cow::Owned(value.to_lowercase());
        }
        Cow::Borrowed(value)
    }

    fn check_key(&self, key: &str) -> Result<(), Box<Refusal>> {
        if key.trim().is_empty() {
            return Err(self.refuse(
                "missing_key",
                "the row has no key, so no record can be named",
            ));
        }
        if matches!(key, "." | "..") {
            return Err(self.refuse(
                "unsafe_key",
                "the key is a step in a path, which would lead the request to another address",
            ));
        }
        if is_scientific(key) {
            return Err(self.refuse_spreadsheet(key));
        }
        self.check_length(key)
    }

    fn check(&self, value: &str) -> Result<(), Box<Refusal>> {
        match self.kind {
            FieldKind::String => {}
            FieldKind::Phone if is_scientific(value) => return Err(self.refuse_spreadsheet(value)),
            FieldKind::Phone => {}
            FieldKind::Number if is_number(value) => {}
            FieldKind::Number => {
                return Err(self.refuse(
                    "not_a_number",
                    "the value isn't a number; write it with a decimal point and without separators",
                ));
            }
            FieldKind::Boolean if matches!(value, "true" | "false") => {}
            FieldKind::Boolean => {
                return Err(self.refuse("not_a_boolean", "the value is neither true nor false"));
            }
        }
        if self.forbids_control_characters
            && let Some(character) = value.chars().find(|character| character.is_control())
        {
            return Err(self.refuse(
                "control_character",
                &format!(
                    "the value holds the control character U+{:04X}, which this field doesn't take",
                    u32::from(character)
                ),
            ));
        }
        self.check_length(value)
    }

    fn check_length(&self, value: &str) -> Result<(), Box<Refusal>> {
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
        Err(self.refuse(
            "too_long",
            &format!("the value has {length} characters; the field takes {max_length}"),
        ))
    }

    fn refuse_spreadsheet(&self, value: &str) -> Box<Refusal> {
        self.refuse(
            "spreadsheet_number",
            &format!(
                "a spreadsheet has cut the number down to {}; export the column as text",
                value.trim().chars().take(40).collect::<String>()
            ),
        )
    }

    fn refuse(&self, rule: &str, message: &str) -> Box<Refusal> {
        Box::new(Refusal {
            error: rule.to_owned(),
            field: self.target.clone(),
            message: message.to_owned(),
            ..Refusal::default()
        })
    }
}
