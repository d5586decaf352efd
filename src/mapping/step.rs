//! One target field's compiled rule, and its application to a row.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::record::{Fields, Refusal};

use super::FieldKind;
use super::check::Checks;
use super::convert::{Converter, Refused};
use super::expression::{Condition, Template};
use super::json::push_string;
use super::nested::{NestedCells, entry_text};
use super::problem::quoted;
use super::reference::Reference;
use super::rule::LetterCase;

/// One target field and how it is filled.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) target: String,
    pub(super) source: StepSource,
    pub(super) when: Option<Condition>,
    pub(super) split: Option<String>,
    pub(super) trim: bool,
    pub(super) lookup: Option<HashMap<String, String, RandomState>>,
    pub(super) letter_case: Option<LetterCase>,
    pub(super) converter: Option<Converter>,
    pub(super) truncate: Option<usize>,
    pub(super) default: Option<String>,
    pub(super) reference: Option<Reference>,
    pub(super) required: bool,
    pub(super) omit_empty: bool,
    pub(super) kind: FieldKind,
    pub(super) checks: Checks,
    pub(super) list: Option<ListBrackets>,
    /// Which of its cells may hold lists and objects; none of them can where
    /// rows come from CSV or a workbook.
    pub(super) nested: Option<NestedCells>,
    /// The names of what the rule does.
    pub(super) parts: Vec<&'static str>,
}

/// Where a step's value comes from.
#[derive(Debug)]
pub(super) enum StepSource {
    /// The cell at this index of the row.
    Cell(usize),
    /// The first of these cells that isn't empty.
    First(Vec<usize>),
    /// All of these cells that aren't empty.
    Joined {
        cells: Vec<usize>,
        separator: String,
    },
    /// The same text for every row.
    Constant(String),
    /// What a template makes of the row.
    Template(Box<Template>),
}

/// What stands around each entry of a list.
#[derive(Debug)]
pub(super) struct ListBrackets {
    pub(super) open: Vec<u8>,
    pub(super) close: Vec<u8>,
}

/// A value, and whether it went through the rule's conversion.
pub(super) struct Refined<'row> {
    pub(super) text: Cow<'row, str>,
    pub(super) is_converted: bool,
}

/// Whether a byte of UTF-8 text may belong to a letter that has another case.
fn may_change(byte: u8, letter_case: LetterCase) -> bool {
    !byte.is_ascii()
        || match letter_case {
            LetterCase::Lower => byte.is_ascii_uppercase(),
            LetterCase::Upper => byte.is_ascii_lowercase(),
        }
}

impl Step {
    /// Appends the field's value as JSON; nothing where the field is left out.
    pub(super) fn write(&self, fields: &Fields, values: &mut Vec<u8>) -> Result<(), Box<Refusal>> {
        self.write_or_refuse(fields, values)
            .map_err(|refused| self.refuse(refused))
    }

    fn write_or_refuse(&self, fields: &Fields, values: &mut Vec<u8>) -> Result<(), Refused> {
        if let Some(condition) = &self.when {
            let is_met = condition.is_met(fields).map_err(|cause| {
                (
                    "when_failed",
                    format!("the condition can't be told: {cause}"),
                )
            })?;
            if !is_met {
                return match self.required {
                    true => Err((
                        "required",
                        "the condition `when` leaves the field out, and it is required".to_owned(),
                    )),
                    false => Ok(()),
                };
            }
        }
        let text = self.source_text(fields)?;
        if let Some(brackets) = &self.list {
            return match self.entries(fields)? {
                Some(entries) => {
                    let entries = entries.iter().map(String::as_str);
                    self.write_list(entries, brackets, fields, values)
                }
                None => match &self.split {
                    Some(separator) => {
                        let entries = text.split(separator.as_str());
                        self.write_list(entries, brackets, fields, values)
                    }
                    None => self.write_list([&*text].into_iter(), brackets, fields, values),
                },
            };
        }
        let refined = self.refine(&text, fields)?;
        if !refined.text.is_empty() {
            return self.push_checked(&refined, values);
        }
        if self.required {
            return Err(nothing_there());
        }
        if !self.omit_empty {
            self.push("", values);
        }
        Ok(())
    }

    /// Appends a value that isn't empty, or what it refers to.
    fn push_checked(&self, refined: &Refined<'_>, values: &mut Vec<u8>) -> Result<(), Refused> {
        let Some(reference) = &self.reference else {
            self.checks.check(&refined.text, refined.is_converted)?;
            self.push(&refined.text, values);
            return Ok(());
        };
        match reference.id(&refined.text)? {
            Some(id) => {
                self.checks.check(&id, false)?;
                self.push(&id, values);
            }
            // Nothing can be held against an id that isn't known.
            None => push_string(values, &reference.stand_in(&refined.text)),
        }
        Ok(())
    }

    /// The entries of the list that the cell holds; `None` where it holds a text.
    fn entries(&self, fields: &Fields) -> Result<Option<Vec<String>>, Refused> {
        let cell = match &self.source {
            StepSource::Cell(index) => Some(*index),
            StepSource::First(cells) => self.first_filled(cells, fields),
            _ => None,
        };
        let Some((nested, cell)) = self.nested.as_ref().zip(cell) else {
            return Ok(None);
        };
        let Some(entries) = nested.entries(cell, fields)? else {
            return Ok(None);
        };
        let texts = entries.into_iter().map(|entry| match self.kind {
            FieldKind::Json => Ok(entry.get().to_owned()),
            _ => entry_text(entry),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    fn write_list<'entry>(
        &self,
        mut entries: impl Iterator<Item = &'entry str>,
        brackets: &ListBrackets,
        fields: &Fields,
        values: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let start = values.len();
        values.push(b'[');
        let mut is_first = true;
        let mut push = |entry: &str| -> Result<(), Refused> {
            let refined = self.refine(entry, fields)?;
            // Two separators in a row are no entry.
            if refined.text.is_empty() {
                return Ok(());
            }
            if !is_first {
                values.push(b',');
            }
            is_first = false;
            values.extend_from_slice(&brackets.open);
            self.push_checked(&refined, values)?;
            values.extend_from_slice(&brackets.close);
            Ok(())
        };
        entries.try_for_each(&mut push)?;
        values.push(b']');
        if is_first {
            if self.required {
                return Err(nothing_there());
            }
            if self.omit_empty {
                values.truncate(start);
            }
        }
        Ok(())
    }

    fn push(&self, value: &str, values: &mut Vec<u8>) {
        match self.kind.is_bare() {
            true if value.is_empty() => values.extend_from_slice(b"null"),
            true => values.extend_from_slice(value.as_bytes()),
            false => push_string(values, value),
        }
    }

    /// The value for the plan's remarks; `None` where there is no single one.
    pub(super) fn text_to_remark<'row>(&'row self, fields: &'row Fields) -> Option<String> {
        if self.list.is_some() || self.converter.is_some() {
            return None;
        }
        let text = self.source_text(fields).ok()?;
        let refined = self.refine(&text, fields).ok()?;
        Some(refined.text.into_owned())
    }

    /// What the source gives for a row, before anything is done to it.
    pub(super) fn source_text<'row>(
        &'row self,
        fields: &'row Fields,
    ) -> Result<Cow<'row, str>, Refused> {
        let cell = |index: usize| -> Result<&'row str, Refused> {
            // A list takes its entries itself.
            if self.list.is_none()
                && self.kind != FieldKind::Json
                && let Some(nested) = &self.nested
            {
                nested.check_one_value(index, fields)?;
            }
            Ok(fields.get(index).unwrap_or_default())
        };
        Ok(match &self.source {
            StepSource::Cell(index) => Cow::Borrowed(cell(*index)?),
            StepSource::Constant(text) => Cow::Borrowed(text),
            StepSource::First(cells) => Cow::Borrowed(match self.first_filled(cells, fields) {
                Some(index) => cell(index)?,
                None => "",
            }),
            StepSource::Joined { cells, separator } => {
                let texts = cells.iter().map(|&index| cell(index));
                let texts = texts.collect::<Result<Vec<_>, _>>()?.into_iter();
                let texts = texts.filter(|text| self.is_filled(text));
                let trimmed = texts.map(|text| match self.trim {
                    true => text.trim(),
                    false => text,
                });
                Cow::Owned(trimmed.collect::<Vec<_>>().join(separator))
            }
            StepSource::Template(template) => Cow::Owned(
                template
                    .render(fields)
                    .map_err(|cause| ("template_failed", format!("the template fails: {cause}")))?,
            ),
        })
    }

    fn is_filled(&self, text: &str) -> bool {
        match self.trim {
            true => !text.trim().is_empty(),
            false => !text.is_empty(),
        }
    }

    fn first_filled(&self, cells: &[usize], fields: &Fields) -> Option<usize> {
        let is_filled = |index: &&usize| self.is_filled(fields.get(**index).unwrap_or_default());
        cells.iter().find(is_filled).copied()
    }

    /// A text with everything done to it but the checks.
    pub(super) fn refine<'row>(
        &'row self,
        text: &'row str,
        fields: &Fields,
    ) -> Result<Refined<'row>, Refused> {
        let mut text = Cow::Borrowed(match self.trim {
            true => text.trim(),
            false => text,
        });
        if let Some(table) = &self.lookup
            && !text.is_empty()
        {
            text = match (table.get(&*text), &self.default) {
                (Some(found), _) => Cow::Borrowed(found.as_str()),
                (None, Some(_)) => Cow::Borrowed(""),
                (None, None) => {
                    return Err((
                        "not_in_lookup",
                        format!(
                            "{} isn't in the lookup table; add it there, or give the rule a `default`",
                            quoted(&text)
                        ),
                    ));
                }
            };
        }
        self.finish(text, fields)
    }

    /// What the lookup gave, with everything done to it that comes behind.
    pub(super) fn finish<'row>(
        &'row self,
        mut text: Cow<'row, str>,
        fields: &Fields,
    ) -> Result<Refined<'row>, Refused> {
        if let Some(letter_case) = self.letter_case
            && text.bytes().any(|byte| may_change(byte, letter_case))
        {
            text = Cow::Owned(match letter_case {
                LetterCase::Lower => text.to_lowercase(),
                LetterCase::Upper => text.to_uppercase(),
            });
        }
        let mut is_converted = false;
        if let Some(converter) = &self.converter
            && !text.is_empty()
        {
            is_converted = true;
            text = match text {
                Cow::Borrowed(text) => converter.convert(text, fields)?,
                Cow::Owned(text) => Cow::Owned(converter.convert(&text, fields)?.into_owned()),
            };
        }
        if let Some(longest) = self.truncate
            && let Some((end, _)) = text.char_indices().nth(longest)
        {
            text = match text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
                Cow::Owned(mut text) => {
                    text.truncate(end);
                    Cow::Owned(text)
                }
            };
        }
        if text.is_empty()
            && let Some(default) = &self.default
        {
            text = Cow::Borrowed(default);
            is_converted = false;
        }
        Ok(Refined { text, is_converted })
    }

    /// The indexes of the cells that the value comes from.
    pub(super) fn cells(&self) -> Vec<usize> {
        match &self.source {
            StepSource::Cell(index) => vec![*index],
            StepSource::First(cells) | StepSource::Joined { cells, .. } => cells.clone(),
            StepSource::Constant(_) => Vec::new(),
            StepSource::Template(template) => template.cells(),
        }
    }

    pub(super) fn refuse(&self, (rule, message): Refused) -> Box<Refusal> {
        Box::new(Refusal {
            error: rule.to_owned(),
            field: self.target.clone(),
            message,
            ..Refusal::default()
        })
    }
}

fn nothing_there() -> Refused {
    (
        "required",
        "the cell is empty, and the field is required".to_owned(),
    )
}
