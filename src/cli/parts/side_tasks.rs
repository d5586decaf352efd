//! Commands that work on each part by itself, and are told as one: `plan`,
//! `verify`, `undo`.

use serde::Serialize;

use crate::cli::arguments::ShowingFlags;
use crate::cli::print;
use crate::cli::told::Told;
use crate::error::{ExitStatus, FatalError};

use super::begin::of_part;

/// What was found for all parts, as one document.
#[derive(Serialize)]
struct Document<'run, Data> {
    /// The run's id; the job's name where there is no run yet.
    #[serde(flatten)]
    whose: Whose<'run>,
    /// As a run's.
    state: &'static str,
    exit_code: u8,
    parts: Vec<PartDocument<Data>>,
}

/// What the document is about.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Whose<'run> {
    /// A run, by its id.
    RunId(&'run str),
    /// A job, by its name.
    Job(&'run str),
}

#[derive(Serialize)]
struct PartDocument<Data> {
    name: String,
    /// What kept the part from being looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    found: Option<Data>,
}

/// Does it for each part of these names, and tells it all at the end. One that
/// fails keeps none of the others from being looked at.
pub(in crate::cli) fn of_each<Data: Serialize>(
    whose: Whose<'_>,
    names: &[&str],
    showing: &ShowingFlags,
    mut task: impl FnMut(&str, &ShowingFlags) -> Result<Told<Data>, FatalError>,
) -> Result<ExitStatus, FatalError> {
    let mut status = ExitStatus::Done;
    let mut text = String::new();
    let (mut parts, mut failures, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let (found, error) = match task(name, &showing.for_part(name)) {
            Ok(told) => {
                status = status.worst_of(told.status);
                text.push_str(&format!("\n── {name} ──\n{}", told.text));
                failures.extend(told.failure.map(|error| of_part(name, error)));
                remarks.extend(told.remark);
                (Some(told.data), None)
            }
            Err(error) => {
                status = status.worst_of(error.exit_status());
                let message = error.to_string();
                failures.push(of_part(name, error));
                (None, Some(message))
            }
        };
        parts.push(PartDocument {
            name: (*name).to_owned(),
            error,
            found,
        });
    }
    let document = Document {
        whose,
        state: status.state(),
        exit_code: status.code(),
        parts,
    };
    print::report(showing.output, &document, || text)?;
    failures.iter().for_each(print::failure);
    remarks.iter().for_each(|remark| print::remark(remark));
    Ok(status)
}
