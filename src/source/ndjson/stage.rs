//! The two passes over the file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::source::SourceError;
use crate::source::csv::{
    is_added_column, open_regular, write_flawed_row, write_staged_header, write_staged_row,
    write_unread_row,
};
use crate::source::staging::{StagedRecords, StagingFile};

use super::flatten::flatten;
use super::lines::{Line, Lines};
use super::salvage::readable;

/// Columns that all records together may have. More means a list or a map with
/// names of its own in each record, and a row of a mebibyte of commas.
const MOST_COLUMNS: usize = 2_000;

/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Stages the file at `path` into the new file `staged`. A list or an object
/// under a name of `named_columns` or `nesting_fields` is a column as a whole, as
/// JSON text; a name of the former that no record has is an empty column, which
/// is told.
///
/// # Errors
/// The file can't be read or is no NDJSON at all, or the staged one can't be
/// written.
pub fn stage_ndjson(
    path: &Path,
    named_columns: &HashSet<String>,
    nesting_fields: &HashSet<String>,
    staged: &Path,
) -> Result<StagedRecords, SourceError> {
    let input = format!("`{}`", path.display());
    let kept_whole: HashSet<String> = named_columns | nesting_fields;
    let mut columns = gather_columns(path, &kept_whole, &input)?;
    let mut notices = Vec::new();
    let mut missing: Vec<&String> = named_columns
        .iter()
        .filter(|name| !columns.contains(name) && !is_added_column(name))
        .collect();
    missing.sort();
    for name in missing {
        notices.push(format!("no record has `{name}`; it is read as empty"));
        columns.push(name.clone());
    }
    let places: HashMap<&str, usize> = (0..)
        .zip(&columns)
        .map(|(place, name)| (name.as_str(), place))
        .collect();
    let mut out = StagingFile::create(staged)?;
    write_staged_header(out.text(), &columns);
    let mut lines = Lines::new(open(path)?);
    let mut cells = vec![String::new(); columns.len()];
    let mut rows = 0;
    while let Some((number, line)) = lines.next().map_err(|cause| failed(&input, cause))? {
        rows += 1;
        cells.iter_mut().for_each(String::clear);
        match line {
            Line::TooLong(start) => {
                let message = format!("line {number} is longer than a row may be; shorten it");
                let found = readable(start, &kept_whole);
                write_flawed(&mut out, (number, start), &message, found, &places);
            }
            Line::Whole(text) => match flatten(text, &kept_whole) {
                Ok(found) => {
                    for (name, text) in found {
                        if let Some(&place) = places.get(name.as_str()) {
                            cells[place] = text;
                        }
                    }
                    write_staged_row(out.text(), number, &cells);
                }
                Err(why) => {
                    let message = format!("line {number} is no record: {why}");
                    let found = readable(text, &kept_whole);
                    write_flawed(&mut out, (number, text), &message, found, &places);
                }
            },
        }
        out.write_when_full()?;
    }
    out.finish()?;
    Ok(StagedRecords { rows, notices })
}

/// Adds a line that can't be loaded: what can be read of it under its columns,
/// and its text behind them.
fn write_flawed(
    out: &mut StagingFile,
    (number, text): (u64, &[u8]),
    message: &str,
    found: Vec<(String, Vec<u8>)>,
    places: &HashMap<&str, usize>,
) {
    let text = text.trim_ascii_end();
    let mut cells = vec![Vec::new(); places.len()];
    let mut is_read = false;
    for (name, text) in found {
        if let Some(&place) = places.get(name.as_str()) {
            cells[place] = text;
            is_read = true;
        }
    }
    match is_read {
        true => write_flawed_row(out.text(), number, message, &cells, &[text]),
        false => write_unread_row(out.text(), number, message, cells.len(), text),
    }
}

/// The columns of all records, in the order in which they come up.
fn gather_columns(
    path: &Path,
    kept_whole: &HashSet<String>,
    input: &str,
) -> Result<Vec<String>, SourceError> {
    let mut columns = Vec::new();
    let mut known = HashSet::new();
    let mut first_flaw = None;
    let mut lines = Lines::new(open(path)?);
    let mut is_first = true;
    while let Some((number, line)) = lines.next().map_err(|cause| failed(input, cause))? {
        let Line::Whole(text) = line else { continue };
        if std::mem::take(&mut is_first) {
            refuse_other_formats(text, input)?;
        }
        let found = match flatten(text, kept_whole) {
            Ok(found) => found,
            Err(why) => {
                first_flaw.get_or_insert((number, why));
                continue;
            }
        };
        for (name, _) in found {
            if is_added_column(&name) || known.contains(&name) {
                continue;
            }
            if columns.len() == MOST_COLUMNS {
                return Err(SourceError::TooManyColumns {
                    input: input.to_owned(),
                    line: number,
                    most: MOST_COLUMNS,
                });
            }
            known.insert(name.clone());
            columns.push(name);
        }
    }
    match (columns.is_empty(), first_flaw) {
        (false, _) => Ok(columns),
        (true, Some((line, message))) => Err(SourceError::NoRecord {
            input: input.to_owned(),
            line,
            message,
        }),
        (true, None) => Err(SourceError::Empty {
            input: input.to_owned(),
        }),
    }
}

/// What is taken for NDJSON by mistake: JSON over several lines would be a
/// rejected row for each of its lines.
fn refuse_other_formats(first_line: &[u8], input: &str) -> Result<(), SourceError> {
    let refused = |format, hint| {
        Err(SourceError::NotText {
            input: input.to_owned(),
            wanted: "NDJSON",
            format,
            hint,
        })
    };
    let text = first_line.trim_ascii();
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return refused("UTF-16", "NDJSON is UTF-8: save it as such.");
    }
    if text.starts_with(b"[") {
        let hint = "Write one object a line: jq -c '.[]' FILE > FILE.ndjson";
        return refused("a JSON list", hint);
    }
    if text == b"{" {
        let hint = "Write each object on one line: jq -c . FILE > FILE.ndjson";
        return refused("JSON over several lines", hint);
    }
    Ok(())
}

fn open(path: &Path) -> Result<BufReader<File>, SourceError> {
    Ok(BufReader::with_capacity(READ_BYTES, open_regular(path)?))
}

fn failed(input: &str, cause: std::io::Error) -> SourceError {
    SourceError::Reading {
        input: input.to_owned(),
        byte: 0,
        cause,
    }
}
