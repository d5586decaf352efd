//! From rules to a program: every name is looked up once, here.

use std::collections::{HashMap, HashSet};

use super::json::push_string;
use super::problem::nearest;
use super::program::{Step, StepValue};
use super::{Contract, ContractField, FieldKind, FieldRule, MappingProblem, Program, RuleSource};

/// See [`Program::compile`].
pub(super) fn compile(
    rules: Option<&[FieldRule]>,
    header: &[String],
    payload_columns: &[usize],
    contract: &Contract,
) -> Result<Program, Vec<MappingProblem>> {
    let columns = Columns::new(header, payload_columns);
    let from_header: Vec<FieldRule>;
    let (rules, by_header) = match rules {
        Some(rules) => (rules, false),
        None => {
            from_header = columns
                .names
                .iter()
                .map(|name| FieldRule::column(*name, *name))
                .collect();
            (from_header.as_slice(), true)
        }
    };
    let key_field = ContractField {
        name: contract.key.clone(),
        kind: FieldKind::String,
        max_length: contract.key_max_length,
        required: true,
        forbids_control_characters: false,
    };
    let mut problems = Vec::new();
    let mut filled = HashSet::new();
    let mut key = None;
    let mut steps = Vec::new();
    for rule in rules {
        let is_key = rule.target == contract.key;
        let field = match contract.field(&rule.target) {
            _ if is_key => &key_field,
            Some(field) => field,
            None => {
                problems.push(unknown_target(&rule.target, contract, by_header));
                continue;
            }
        };
        if !filled.insert(rule.target.as_str()) {
            problems.push(MappingProblem::DuplicateTarget {
                target: rule.target.clone(),
            });
            continue;
        }
        // A default would name one record for all rows without a key.
        if is_key && (matches!(rule.from, RuleSource::Constant(_)) || rule.default.is_some()) {
            problems.push(MappingProblem::ConstantKey {
                key: contract.key.clone(),
            });
            continue;
        }
        match columns.step(rule, field) {
            Ok(step) if is_key => key = Some(step),
            Ok(step) => steps.push(step),
            Err(problem) => problems.push(problem),
        }
    }
    if !filled.contains(contract.key.as_str()) {
        problems.push(MappingProblem::NoKey {
            key: contract.key.clone(),
            nearest: nearest(&contract.key, columns.names.iter().copied()),
        });
    }
    for field in &contract.fields {
        if field.required && !filled.contains(field.name.as_str()) {
            problems.push(MappingProblem::RequiredUnfilled {
                field: field.name.clone(),
            });
        }
    }
    if steps.is_empty() && problems.is_empty() {
        problems.push(MappingProblem::NothingToWrite);
    }
    match key {
        Some(key) if problems.is_empty() => Ok(Program {
            key,
            key_in_body: contract.key_in_body,
            steps,
            empty_cells: contract.empty_cells,
        }),
        _ => Err(problems),
    }
}

fn unknown_target(target: &str, contract: &Contract, from_header: bool) -> MappingProblem {
    let known = contract
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .chain([contract.key.as_str()]);
    MappingProblem::UnknownTarget {
        target: target.to_owned(),
        nearest: nearest(target, known),
        from_header,
    }
}

/// The columns that hold data, by name.
struct Columns<'header> {
    names: Vec<&'header str>,
    /// Index of the name's column; `None` where the name stands twice.
    by_name: HashMap<&'header str, Option<usize>>,
}

impl<'header> Columns<'header> {
    fn new(header: &'header [String], payload_columns: &[usize]) -> Self {
        let mut names = Vec::with_capacity(payload_columns.len());
        let mut by_name = HashMap::with_capacity(payload_columns.len());
        for &index in payload_columns {
            let Some(name) = header.get(index) else {
                continue;
            };
            names.push(name.as_str());
            by_name
                .entry(name.as_str())
                .and_modify(|place| *place = None)
                .or_insert(Some(index));
        }
        Self { names, by_name }
    }

    fn step(&self, rule: &FieldRule, field: &ContractField) -> Result<Step, MappingProblem> {
        let value = match &rule.from {
            RuleSource::Constant(text) => StepValue::Constant(text.clone()),
            RuleSource::Column(column) => match self.by_name.get(column.as_str()) {
                Some(Some(index)) => StepValue::Cell(*index),
                Some(None) => {
                    return Err(MappingProblem::AmbiguousColumn {
                        target: rule.target.clone(),
                        column: column.clone(),
                    });
                }
                None => {
                    return Err(MappingProblem::UnknownColumn {
                        target: rule.target.clone(),
                        column: column.clone(),
                        nearest: nearest(column, self.names.iter().copied()),
                    });
                }
            },
        };
        let mut member = Vec::new();
        push_string(&mut member, &field.name);
        member.push(b':');
        Ok(Step {
            target: rule.target.clone(),
            member,
            value,
            trim: rule.trim,
            lowercase: rule.lowercase,
            default: rule.default.clone(),
            required: rule.required || field.required,
            kind: field.kind,
            max_length: field.max_length,
            forbids_control_characters: field.forbids_control_characters,
        })
    }
}
