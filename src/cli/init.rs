//! `sluice init` and `sluice guess`: write a commented job file, without or
//! with a look at the input.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::config::{InputSource, did_you_mean};
use crate::connector::Connector;
use crate::error::{ExitStatus, FatalError, printable};
use crate::mapping::Contract;
use crate::source::csv::{CsvSettings, CsvShape, Input, inspect};
use crate::source::{SourceError, stage_ndjson, stage_workbook};

use super::arguments::{GuessArguments, InitArguments};
use super::print;
use super::source_stream::absolute_connector;
use super::staging::{PrivateFolder, STAGED};

const TEMPLATE: &str = include_str!("init/job.yaml");

/// `sluice init`.
pub(super) fn init(arguments: &InitArguments) -> Result<ExitStatus, FatalError> {
    write_new(&arguments.file, TEMPLATE)?;
    print::result(&format!(
        "wrote {file}; change it, then look at `sluice plan {file}`\n",
        file = arguments.file.display()
    ))?;
    Ok(ExitStatus::Done)
}

/// `sluice guess`.
pub(super) fn guess(arguments: &GuessArguments) -> Result<ExitStatus, FatalError> {
    let connector = Connector::load(&arguments.to)?;
    // Only the operation's fields are wanted, so any address will do.
    let address = ("base_url".to_owned(), "http://localhost".to_owned());
    let bound = connector.bind(&[address].into())?;
    let scratch = PrivateFolder::create()?;
    let input = InputSource::of_path(&arguments.input);
    let (key, shape) = look_at(&input, scratch.path())?;
    for notice in &shape.notices {
        print::remark(&format!("sluice: {notice}"));
    }
    let job = guessed_job(
        (key, &arguments.input),
        &shape,
        (&connector, &absolute_connector(&arguments.to)),
        &bound.operation.contract,
    );
    match &arguments.write {
        None => print::result(&job)?,
        Some(file) => {
            write_new(file, &job)?;
            print::remark(&format!("wrote {}", file.display()));
        }
    }
    Ok(ExitStatus::Done)
}

/// The input's columns, and what its kind is called in a job file.
fn look_at(input: &InputSource, scratch: &Path) -> Result<(&'static str, CsvShape), FatalError> {
    let staged = scratch.join(STAGED);
    let (key, records) = match input {
        InputSource::Workbook { path, sheet } => {
            ("xlsx", stage_workbook(path, sheet.as_deref(), &staged))
        }
        InputSource::Ndjson(path) => {
            let none = HashSet::new();
            ("ndjson", stage_ndjson(path, &none, &none, &staged))
        }
        _ => {
            let file = match input.path() {
                Some(path) => Input::File(path.to_owned()),
                None => Input::Stdin,
            };
            let shape = inspect(&CsvSettings::new(file)).map_err(SourceError::into_fatal)?;
            return Ok(("csv", shape));
        }
    };
    let records = records.map_err(SourceError::into_fatal)?;
    let settings = CsvSettings::staged(Input::File(staged), format!("`{input}`"));
    let mut shape = inspect(&settings).map_err(SourceError::into_fatal)?;
    shape.notices.splice(0..0, records.notices);
    Ok((key, shape))
}

fn guessed_job(
    (key, input): (&str, &Path),
    shape: &CsvShape,
    (connector, name): (&Connector, &str),
    contract: &Contract,
) -> String {
    let names = shape.payload_names();
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut job = format!(
        "# Look it over, then: sluice plan THIS-FILE\n\
         source: {{{key}: {}}}\n\
         target: {{connector: {}}}\n",
        quoted(&input.display().to_string()),
        quoted(name),
    );
    for (name, section) in connector.variables() {
        job.push_str(&format!("#   {name}: {}\n", section.description));
    }
    job.push_str("map:\n");
    let fields = contract.fields.iter().map(|field| field.name.as_str());
    for target in std::iter::once(contract.key.as_str()).chain(fields) {
        let found = columns.iter().find(|column| same_name(column, target));
        match found {
            Some(column) => job.push_str(&format!("  {target}: {}\n", quoted(column))),
            None => {
                let near = did_you_mean(target, columns.iter().copied());
                job.push_str(&format!("  # {target}:{}\n", printable(&near)));
            }
        }
    }
    // A comment ends with its line, and a column's name may have several.
    let columns = columns.join(", ");
    job.push_str(&format!("# The input's columns: {}\n", printable(&columns)));
    job
}

/// `First Name`, `first_name` and `firstName` are one name to people.
fn same_name(left: &str, right: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|character| character.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    letters(left) == letters(right)
}

/// A text as a YAML scalar: JSON strings are YAML, but for the line breaks and
/// controls that only YAML knows.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
        && !matches!(
            text,
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if is_plain {
        text.to_owned()
    } else {
        let json = serde_json::to_string(text).expect("a text is JSON");
        let mut scalar = String::with_capacity(json.len());
        for character in json.chars() {
            match character {
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                    scalar.push_str(&format!("\\u{:04x}", u32::from(character)));
                }
                character => scalar.push(character),
            }
        }
        scalar
    }
}

/// Writes a file that must not exist yet: nobody's work is written over.
fn write_new(path: &Path, text: &str) -> Result<(), FatalError> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    match opened {
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Err(FatalError::usage(
            format!("{} exists already", path.display()),
        )
        .with_hint("Name another file; it isn't written over.")),
        opened => opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause)),
    }
}
