//! From the job file's rules to the program that maps rows: lookup tables are
//! read, and mistakes told with the file and the line that has them.

use std::collections::BTreeMap;

use crate::config::{InputSource, Origin, Settings, did_you_mean};
use crate::error::FatalError;
use crate::mapping::{Contract, FieldRule, LookupFile, Nesting, Program};
use crate::record::Fields;
use crate::source::Source;
use crate::source::csv::{CsvReader, CsvSettings, CsvShape, Input, Start, inspect, split};

/// Mistakes of the mapping that are told beside the first.
const OTHERS_TOLD: usize = 4;
/// Entries of a lookup table, which is kept in memory.
const MAX_ENTRIES: usize = 1_000_000;

/// The job file's rules, their lookup tables read.
pub(super) fn rules(settings: &Settings) -> Result<Option<Vec<FieldRule>>, FatalError> {
    let Some(mut rules) = settings.mapping.clone() else {
        return Ok(None);
    };
    for rule in &mut rules {
        let line = rule.line;
        let Some(lookup) = &mut rule.lookup else {
            continue;
        };
        if let Some(file) = &lookup.file {
            lookup.entries = read_table(file).map_err(|cause| {
                FatalError::usage(format!(
                    "{}: the lookup table of `{}`: {cause}",
                    place(settings, line),
                    rule.target
                ))
            })?;
        }
    }
    Ok(Some(rules))
}

/// The compiled mapping of an input of this shape.
pub(super) fn program(
    settings: &Settings,
    rules: Option<&[FieldRule]>,
    shape: &CsvShape,
    contract: &Contract,
) -> Result<Program, FatalError> {
    let mut columns = shape.payload_columns();
    if rules.is_none() && matches!(settings.input, InputSource::Ndjson(_)) {
        // Entries of a list that a field takes as a whole are no fields.
        let is_part = |column: &str| {
            contract.nesting_fields().any(|field| {
                let rest = column.strip_prefix(field);
                rest.is_some_and(|rest| rest.starts_with('.'))
            })
        };
        columns.retain(|&index| !is_part(&shape.header[index]));
    }
    let compiled = Program::compile(rules, &shape.header, &columns, contract);
    let nesting = match &settings.input {
        InputSource::Ndjson(_) => Some(Nesting::InColumns),
        InputSource::Stream(_) => Some(Nesting::InCells),
        _ => None,
    };
    let compiled = compiled.map(|mut program| {
        if let Some(nesting) = nesting {
            program.set_nesting(nesting, &shape.header);
        }
        program
    });
    compiled.map_err(|problems| {
        let mut messages = problems.iter().map(ToString::to_string);
        let first = messages.next().unwrap_or_default();
        let others: Vec<String> = messages.by_ref().take(OTHERS_TOLD).collect();
        let untold = messages.count();
        let line = problems.first().map_or(0, |located| located.line);
        let error = FatalError::usage(format!("{}: {first}", place(settings, line)));
        match (others.is_empty(), untold) {
            (true, _) => error,
            (false, 0) => error.with_hint(format!("Also: {}.", others.join("; "))),
            (false, _) => {
                error.with_hint(format!("Also: {}; and {untold} more.", others.join("; ")))
            }
        }
    })
}

/// A hash of what the rules say; where in the file they say it doesn't matter.
pub(super) fn hash_of_rules(rules: Option<&[FieldRule]>) -> String {
    let placeless: Option<Vec<FieldRule>> = rules.map(|rules| {
        let rule = |rule: &FieldRule| FieldRule {
            line: 0,
            text_lines: BTreeMap::new(),
            ..rule.clone()
        };
        rules.iter().map(rule).collect()
    });
    super::load::hash(format!("{placeless:?}").as_bytes())
}

/// Where a rule stands; the input, where none is at fault.
fn place(settings: &Settings, line: u64) -> String {
    match settings.origins.get("map") {
        Some(Origin::File(place)) if line > 0 => format!("{}:{line}", place.file),
        _ => settings.input.to_string(),
    }
}

/// Reads a lookup table from its CSV file.
fn read_table(file: &LookupFile) -> Result<BTreeMap<String, String>, String> {
    let name = file.path.display();
    let settings = CsvSettings::new(Input::File(file.path.clone()));
    let shape = inspect(&settings).map_err(|error| error.to_string())?;
    let column = |wanted: &str| {
        let found = shape.header.iter().position(|header| header == wanted);
        found.ok_or_else(|| {
            let known = shape.header.iter().map(String::as_str);
            format!(
                "{name} has no column `{wanted}`{}",
                did_you_mean(wanted, known)
            )
        })
    };
    let (key, value) = (column(&file.key)?, column(&file.value)?);
    let mut entries = BTreeMap::new();
    let mut fields = Fields::default();
    let mut source =
        CsvReader::open(&settings, &shape, Start::Beginning).map_err(|error| error.to_string())?;
    while let Some(batch) = source.next_batch().map_err(|error| error.to_string())? {
        for row in &batch.rows {
            let line = row.position.line;
            let at = |cause: &str| format!("{name}:{line}: {cause}");
            if let Some(flaw) = &row.flaw {
                return Err(at(&flaw.message));
            }
            let raw = &batch.buffer[row.start..row.end];
            let columns = shape.header.len();
            split(raw, row.position, shape.dialect(), columns, &mut fields)
                .map_err(|flaw| at(&flaw.message))?;
            let cell = |index| fields.get(index).unwrap_or_default().to_owned();
            let (key, value) = (cell(key), cell(value));
            if key.is_empty() {
                continue;
            }
            match entries.get(&key) {
                Some(known) if *known != value => {
                    return Err(at(&format!(
                        "{key:?} stands here a second time, for {value:?}"
                    )));
                }
                _ => {
                    entries.insert(key, value);
                }
            }
            if entries.len() > MAX_ENTRIES {
                return Err(format!("{name} has more than {MAX_ENTRIES} entries"));
            }
        }
    }
    match entries.is_empty() {
        true => Err(format!("{name} has no entry")),
        false => Ok(entries),
    }
}
