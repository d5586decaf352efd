//! From an operation's fields to the contract that rows are mapped to.

use std::collections::BTreeMap;

use crate::config::{Located, NameMap};
use crate::mapping::{Contract, ContractField, FixedMember, ListForm, OtherFields};

use super::class::Effect;
use super::compile::pointer_names;
use super::field_file::{FieldSection, FixedValue, ListSection, OtherFieldsSection};
use super::file::ConnectorFile;
use super::operation::Method;
use super::operation_file::OperationSection;

/// The operation whose fields an operation has: its own, or those of another.
fn owner<'file>(
    file: &'file ConnectorFile,
    section: &'file OperationSection,
) -> &'file OperationSection {
    (section.fields_of.as_ref())
        .and_then(|name| file.operations.get(&name.value))
        .map_or(section, |operation| &operation.value)
}

/// The fields of an operation.
pub(super) fn fields<'file>(
    file: &'file ConnectorFile,
    section: &'file OperationSection,
) -> &'file NameMap<Located<FieldSection>> {
    &owner(file, section).fields
}

/// What every record of an operation has besides.
pub(super) fn constants<'file>(
    file: &'file ConnectorFile,
    section: &'file OperationSection,
) -> &'file NameMap<Located<FixedValue>> {
    match section.constants.entries.is_empty() {
        true => &owner(file, section).constants,
        false => &section.constants,
    }
}

/// Whether a field, what stands beside one, or a constant has a place in the
/// record's outermost member of this name.
pub(super) fn takes_outermost(
    file: &ConnectorFile,
    section: &OperationSection,
    name: &str,
) -> bool {
    let begins_there = |pointer: &str| pointer_names(pointer).next().as_deref() == Some(name);
    let has_place_there = |fixed: &NameMap<Located<FixedValue>>| fixed.names().any(begins_there);
    has_place_there(constants(file, section))
        || fields(file, section).entries.iter().any(|entry| {
            let field = &entry.value.value;
            let stands_there = match &field.at {
                Some(at) => begins_there(&at.value),
                None => entry.name.value == name,
            };
            stands_there || has_place_there(&field.beside)
        })
}

/// The contract, with the variables filled in; the error is the name of one
/// without a value.
pub(super) fn contract(
    file: &ConnectorFile,
    section: &OperationSection,
    values: &BTreeMap<String, String>,
) -> Result<Contract, String> {
    let mut contract_fields = Vec::new();
    for entry in &fields(file, section).entries {
        let field = &entry.value.value;
        contract_fields.push(ContractField {
            name: entry.name.value.clone(),
            at: (field.at.as_ref())
                .map(|at| pointer_names(&at.value).collect())
                .unwrap_or_default(),
            beside: members(&field.beside, values)?,
            kind: field.kind,
            values: (field.values.iter().flatten())
                .map(|value| value.value.clone())
                .collect(),
            pattern: field.pattern.as_ref().map(|pattern| pattern.value.clone()),
            min: field.min,
            max: field.max,
            list: match &field.list {
                ListSection::No => None,
                ListSection::Values => Some(ListForm::default()),
                ListSection::Objects(item) => Some(ListForm {
                    item: pointer_names(&item.value).collect(),
                }),
            },
            max_length: field.max_length,
            required: field.required,
            forbids_control_characters: field.forbid_control_characters,
        });
    }
    Ok(Contract {
        key: section.key.value.clone(),
        key_max_length: section.key_max_length,
        trims: section.trims,
        key_in_body: section.body.includes_key,
        key_at: (section.body.key_at.iter())
            .map(|place| pointer_names(&place.value).collect())
            .collect(),
        fields: contract_fields,
        others: owner(file, section).other_fields.as_ref().map(other_fields),
        constants: members(constants(file, section), values)?,
        replaces: replaces(section),
        only_changes: section.effect == Effect::Updated,
        empty_cells: section.empty.into(),
    })
}

/// Whether what a record doesn't name is taken away at the platform.
pub(super) fn replaces(section: &OperationSection) -> bool {
    match &section.body.partial {
        Some(partial) => !partial.value,
        None => section.method != Method::Patch,
    }
}

fn other_fields(section: &Located<OtherFieldsSection>) -> OtherFields {
    let section = &section.value;
    OtherFields {
        at: pointer_names(&section.at.value).collect(),
        name_at: (section.name_at.as_ref()).map(|at| pointer_names(&at.value).collect()),
        max_length: section.max_length,
    }
}

fn members(
    fixed: &NameMap<Located<FixedValue>>,
    values: &BTreeMap<String, String>,
) -> Result<Vec<FixedMember>, String> {
    let members = fixed.entries.iter().map(|entry| {
        Ok(FixedMember {
            at: pointer_names(&entry.name.value).collect(),
            json: entry.value.value.json(values)?,
        })
    });
    members.collect()
}
