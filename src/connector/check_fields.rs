//! What is wrong with the fields of an operation.

use std::collections::BTreeMap;

use crate::config::{Located, NameMap};
use crate::mapping::FieldKind;

use super::check::{Findings, check_names, check_pointer};
use super::check_upsert::only_deletes;
use super::check_variable::compile_pattern;
use super::contract::{constants, contract, fields};
use super::field_file::{FieldSection, FixedValue, ListSection};
use super::file::ConnectorFile;
use super::operation_file::OperationSection;

/// Adds the mistakes of an operation's fields and constants.
pub(super) fn examine_fields(
    findings: &mut Findings,
    file: &ConnectorFile,
    name: &str,
    operation: &Located<OperationSection>,
) {
    let section = &operation.value;
    if let Some(other) = &section.fields_of {
        if !examine_fields_of(findings, file, section, other) {
            return;
        }
    } else if section.fields.entries.is_empty()
        && section.other_fields.is_none()
        && !only_deletes(file, name)
    {
        findings.add(
            operation,
            format!("the operation `{name}` has no fields, so it could write nothing"),
            "List the record's fields under `fields`.",
        );
    }
    if let Some(others) = &section.other_fields {
        let others = &others.value;
        for place in others.name_at.iter().chain([&others.at]) {
            check_pointer(findings, place);
        }
    }
    for entry in &section.fields.entries {
        examine_field(findings, file, &entry.name, &entry.value);
    }
    examine_fixed(findings, file, &section.constants);
    for entry in &fields(file, section).entries {
        if entry.name.value == section.key.value {
            findings.add(
                &entry.name,
                format!("the key `{}` stands among the fields", entry.name.value),
                "Take it out; `includes_key: true` under `body` sends it in the body too.",
            );
        }
    }
    examine_places(findings, file, operation);
}

/// Whether the operation that is named has fields of its own.
fn examine_fields_of(
    findings: &mut Findings,
    file: &ConnectorFile,
    section: &OperationSection,
    other: &Located<String>,
) -> bool {
    if !section.fields.entries.is_empty() {
        findings.add(
            other,
            "the operation has both `fields` and `fields_of`",
            "Keep one of them.",
        );
        return false;
    }
    match file.operations.get(&other.value) {
        Some(operation) if operation.value.fields_of.is_none() => true,
        Some(_) => {
            findings.add(
                other,
                format!("the operation `{}` has no `fields` of its own", other.value),
                "Name the operation that lists them.",
            );
            false
        }
        None => {
            findings.add(
                other,
                format!(
                    "there is no operation `{}`{}",
                    other.value,
                    file.operations.did_you_mean(&other.value)
                ),
                "Name the operation whose fields this one has too.",
            );
            false
        }
    }
}

fn examine_field(
    findings: &mut Findings,
    file: &ConnectorFile,
    name: &Located<String>,
    field: &Located<FieldSection>,
) {
    let section = &field.value;
    if section.max_length == Some(0) {
        findings.add(
            field,
            format!("`max_length` of `{}` is 0, which no value fits", name.value),
            "Leave it out where there is no bound.",
        );
    }
    if let Some(at) = &section.at {
        check_pointer(findings, at);
    }
    if let ListSection::Objects(item) = &section.list {
        check_pointer(findings, item);
    }
    examine_fixed(findings, file, &section.beside);
    if let Some(pattern) = &section.pattern
        && compile_pattern(&pattern.value).is_none()
    {
        findings.add(
            pattern,
            format!("the pattern of `{}` is no regular expression", name.value),
            "Brackets and braces must be closed; `^` and `$` at the ends aren't needed.",
        );
    }
    let has_values = section
        .values
        .as_ref()
        .is_some_and(|values| !values.is_empty());
    match (section.kind == FieldKind::Enum, has_values) {
        (true, false) => findings.add(
            field,
            format!("`{}` is an enum, and has no `values`", name.value),
            "List the values that it takes: `values: [Gold, Silver]`.",
        ),
        (false, true) => findings.add(
            field,
            format!("`{}` has `values`, and isn't an enum", name.value),
            "Write `kind: enum` beside them.",
        ),
        _ => {}
    }
    let is_bounded = section.min.is_some() || section.max.is_some();
    if is_bounded && !matches!(section.kind, FieldKind::Number | FieldKind::Integer) {
        findings.add(
            field,
            format!("`{}` has `min` or `max`, and isn't a number", name.value),
            "Write `kind: integer` or `kind: number`, or use `max_length`.",
        );
    }
    if let (Some(min), Some(max)) = (section.min, section.max)
        && min > max
    {
        findings.add(
            field,
            format!("`min` of `{}` is above its `max`", name.value),
            "No value fits; exchange them.",
        );
    }
}

/// Fixed values: their places, and the variables that they name.
fn examine_fixed(
    findings: &mut Findings,
    file: &ConnectorFile,
    fixed: &NameMap<Located<FixedValue>>,
) {
    for entry in &fixed.entries {
        check_pointer(findings, &entry.name);
        if let FixedValue::Text(template) = &entry.value.value {
            let template = Located {
                value: template.clone(),
                line: entry.value.line,
                column: entry.value.column,
            };
            check_names(findings, file, &template, &[]);
        }
    }
}

/// Two things at one place would make a record that says both.
fn examine_places(
    findings: &mut Findings,
    file: &ConnectorFile,
    operation: &Located<OperationSection>,
) {
    let section = &operation.value;
    let texts = (constants(file, section)
        .entries
        .iter()
        .map(|entry| &entry.value))
    .chain((fields(file, section).entries.iter()).flat_map(|entry| {
        entry
            .value
            .value
            .beside
            .entries
            .iter()
            .map(|entry| &entry.value)
    }))
    .filter_map(|fixed| match &fixed.value {
        FixedValue::Text(template) => Some(template),
        FixedValue::Bare(_) => None,
    });
    // What the variables stand for doesn't matter to the places.
    let values: BTreeMap<String, String> = texts
        .flat_map(|template| template.names())
        .map(|name| (name.to_owned(), name.to_owned()))
        .collect();
    let Ok(contract) = contract(file, section, &values) else {
        return;
    };
    let Some(taken) = contract.clash() else {
        return;
    };
    let message = format!("`{taken}` stands in the record where something else does");
    let hint = "Give each a place of its own: a value can't stand inside another, and a step of digits is an entry of a list.";
    match section
        .fields
        .entries
        .iter()
        .find(|entry| entry.name.value == taken)
    {
        Some(entry) => findings.add(&entry.name, message, hint),
        None => findings.add(operation, message, hint),
    }
}
