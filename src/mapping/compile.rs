//! From rules to a program: every name is looked up once, here.

use std::collections::HashSet;

use super::check::Checks;
use super::columns::{Columns, NoColumn};
use super::convert::Converter;
use super::expression::{Condition, Template};
use super::fixed_text::check_fixed_texts;
use super::json::push_string;
use super::key::Key;
use super::members::lay_out;
use super::problem::{LocatedProblem, nearest};
use super::reference::Reference;
use super::step::{ListBrackets, Step, StepSource};
use super::{
    Contract, ContractField, EmptyCells, FieldKind, FieldRule, ListForm, MappingProblem, Program,
    RuleSource,
};

/// See [`Program::compile`].
pub(super) fn compile(
    rules: Option<&[FieldRule]>,
    header: &[String],
    payload_columns: &[usize],
    contract: &Contract,
) -> Result<Program, Vec<LocatedProblem>> {
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
    let contract = &contract.with_others(rules.iter().map(|rule| rule.target.as_str()));
    let key_field = ContractField {
        max_length: contract.key_max_length,
        required: true,
        ..ContractField::new(&contract.key, FieldKind::String)
    };
    let mut problems = Vec::new();
    let mut filled = HashSet::new();
    let mut key = None;
    let mut steps = Vec::new();
    let mut filled_fields = Vec::new();
    for rule in rules {
        let mut note = |problem| {
            let line = match &problem {
                MappingProblem::BadText { line, .. } => *line,
                _ => rule.line,
            };
            problems.push(LocatedProblem { line, problem });
        };
        let is_key = rule.target == contract.key;
        let place = contract
            .fields
            .iter()
            .position(|field| field.name == rule.target);
        let field = match place {
            _ if is_key => &key_field,
            Some(index) => &contract.fields[index],
            None => {
                note(unknown_target(&rule.target, contract, by_header));
                continue;
            }
        };
        if !filled.insert(rule.target.as_str()) {
            note(MappingProblem::DuplicateTarget {
                target: rule.target.clone(),
            });
            continue;
        }
        if is_key && let Some(problem) = unfit_for_key(rule) {
            note(problem);
            continue;
        }
        match step(rule, field, &columns, contract) {
            Ok(step) if is_key => match Key::new(step, rule, &columns) {
                Ok(found) => key = Some(found),
                Err(problem) => note(problem),
            },
            Ok(step) => {
                steps.push(step);
                filled_fields.extend(place);
            }
            Err(problem) => note(problem),
        }
    }
    let mut note = |problem| problems.push(LocatedProblem { line: 0, problem });
    if !filled.contains(contract.key.as_str()) {
        note(MappingProblem::NoKey {
            key: contract.key.clone(),
            nearest: nearest(&contract.key, columns.names.iter().copied()),
        });
    }
    for field in &contract.fields {
        if field.required && !filled.contains(field.name.as_str()) {
            note(MappingProblem::RequiredUnfilled {
                field: field.name.clone(),
            });
        }
    }
    let record = lay_out(contract, &filled_fields);
    if let Err(name) = &record {
        note(MappingProblem::PlaceTaken { name: name.clone() });
    }
    if steps.is_empty() && problems.is_empty() {
        problems.push(LocatedProblem {
            line: 0,
            problem: MappingProblem::NothingToWrite,
        });
    }
    let has_key = contract.key_in_body || !contract.key_at.is_empty();
    match (key, record) {
        (Some(key), Ok(record)) if problems.is_empty() => Ok(Program {
            key,
            steps,
            record,
            may_be_empty: !contract.replaces || (has_key && !contract.only_changes),
        }),
        _ => Err(problems),
    }
}

/// A fixed text would name one record for all rows, or for all without a key;
/// and a row always has one key.
fn unfit_for_key(rule: &FieldRule) -> Option<MappingProblem> {
    if matches!(rule.from, RuleSource::Constant(_)) || rule.default.is_some() {
        return Some(MappingProblem::ConstantKey {
            key: rule.target.clone(),
        });
    }
    if rule.reference.is_some() {
        return Some(MappingProblem::BadRule {
            target: rule.target.clone(),
            cause: "it is the key, by which a row is known before any id is, so `reference` can't \
                    be used"
                .to_owned(),
        });
    }
    let key = match (&rule.when, rule.omit_empty, &rule.split) {
        (Some(_), ..) => "when",
        (_, Some(_), _) => "omit_empty",
        (.., Some(_)) => "split",
        _ => return None,
    };
    Some(MappingProblem::BadRule {
        target: rule.target.clone(),
        cause: format!("it is the key, which every row has once, so `{key}` can't be used"),
    })
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

fn step(
    rule: &FieldRule,
    field: &ContractField,
    columns: &Columns,
    contract: &Contract,
) -> Result<Step, MappingProblem> {
    let no_column = |missing: NoColumn| MappingProblem::NoColumn {
        target: rule.target.clone(),
        cause: missing.words(),
    };
    let bad_rule = |cause: String| MappingProblem::BadRule {
        target: rule.target.clone(),
        cause,
    };
    for column in rule.columns() {
        columns.index(column).map_err(no_column)?;
    }
    let cells = |names: &[String]| -> Result<Vec<usize>, MappingProblem> {
        let found = names.iter().map(|name| columns.index(name));
        found.collect::<Result<_, _>>().map_err(no_column)
    };
    let source = match &rule.from {
        RuleSource::Constant(text) => StepSource::Constant(text.clone()),
        RuleSource::Template(text) => {
            StepSource::Template(Box::new(Template::new(text, columns).map_err(bad_rule)?))
        }
        RuleSource::Joined {
            columns: names,
            separator,
        } => StepSource::Joined {
            cells: cells(names)?,
            separator: separator.clone(),
        },
        RuleSource::Columns(names) => match cells(names)?.as_slice() {
            [cell] => StepSource::Cell(*cell),
            several => StepSource::First(several.to_vec()),
        },
    };
    if rule.split.is_some() && field.list.is_none() {
        return Err(bad_rule(
            "the field takes one value, not a list, so `split` can't be used".to_owned(),
        ));
    }
    let when = rule.when.as_deref();
    let when = when.map(|condition| Condition::new(condition, columns));
    let converter = rule.convert.as_ref().map(|conversion| {
        Converter::new(conversion, |name| {
            columns.index(name).map_err(|missing| missing.words())
        })
    });
    let checks = Checks::new(field, rule);
    let entries = rule.lookup.as_ref().map(|lookup| lookup.entries.clone());
    let step = Step {
        target: rule.target.clone(),
        source,
        when: when.transpose().map_err(bad_rule)?,
        split: rule.split.clone(),
        trim: rule.trim || contract.trims,
        lookup: entries.map(|entries| entries.into_iter().collect()),
        letter_case: rule.letter_case,
        converter: converter.transpose().map_err(bad_rule)?,
        truncate: rule.truncate,
        default: rule.default.clone(),
        reference: rule.reference.as_deref().map(Reference::new),
        required: rule.required || field.required,
        omit_empty: match rule.omit_empty {
            Some(omits) => omits,
            None => contract.empty_cells == EmptyCells::Omit,
        },
        kind: field.kind,
        checks,
        list: field.list.as_ref().map(brackets),
        nested: None,
        parts: rule.parts(),
    };
    check_fixed_texts(&step, rule, &columns.empty_row())?;
    Ok(step)
}

/// What stands around each entry of a list: `{"value":` and `}` for `/value`.
fn brackets(form: &ListForm) -> ListBrackets {
    let (mut open, mut close) = (Vec::new(), Vec::new());
    for name in &form.item {
        open.push(b'{');
        push_string(&mut open, name);
        open.push(b':');
        close.push(b'}');
    }
    ListBrackets { open, close }
}
