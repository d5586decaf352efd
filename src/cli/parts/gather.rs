//! The end of a leg of a run that has parts: what came of each becomes one
//! summary, one exit code, one thing to do next.

use std::collections::BTreeSet;

use crate::actors::Counted;
use crate::cli::conclude::peak_memory_bytes;
use crate::cli::conclusion::{Conclusion, PartFiles};
use crate::cli::go_on::go_on_command;
use crate::cli::load::{file_input, prepare};
use crate::cli::started_with::settings_of;
use crate::cli::status::Standing;
use crate::config::{Overrides, PartOrder};
use crate::error::{ExitStatus, FatalError};
use crate::report::{EntitySummary, NamedSummary, Summary};
use crate::source::SourceError;
use crate::store::{PartsManifest, RunDirectory};

use super::course::PartEnd;

/// The file that has a run in figures.
const SUMMARY: &str = "summary.json";
/// Bytes that are counted between two looks at where the end is.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// Closes the books of the whole run.
///
/// # Errors
/// A part's books can't be read.
pub(super) fn gather(
    directory: &RunDirectory,
    manifest: &PartsManifest,
    ends: Vec<PartEnd>,
) -> Result<Conclusion, FatalError> {
    let mut status = ExitStatus::Done;
    let mut is_finished = true;
    let mut failures = Vec::new();
    let mut remarks = BTreeSet::new();
    let mut summaries = Vec::new();
    let mut files = Vec::new();
    for (part, end) in manifest.parts.iter().zip(ends) {
        let place = directory.part(&part.name);
        let (part_status, summary) = match end {
            PartEnd::Ended(conclusion) => {
                is_finished &= conclusion.is_finished;
                let named = conclusion.failures.into_iter();
                failures.extend(named.map(|error| super::begin::of_part(&part.name, error)));
                remarks.extend(conclusion.remarks);
                (conclusion.status, conclusion.summary)
            }
            PartEnd::Failed(error) => {
                is_finished = false;
                let status = error.exit_status();
                let summary = standing_summary(&place, status.state(), status, &error.message)?;
                failures.push(error);
                (status, summary)
            }
            PartEnd::NotStarted(reason, status) => {
                is_finished = false;
                let state = "not_started";
                (status, standing_summary(&place, state, status, &reason)?)
            }
        };
        status = status.worst_of(part_status);
        files.push(PartFiles {
            directory: place,
            summary: summary.clone(),
        });
        summaries.push(NamedSummary {
            name: part.name.clone(),
            summary,
        });
    }
    let summary = whole_summary(directory, manifest, &summaries, status);
    let written = write(directory, &summary);
    if let Err(error) = written {
        is_finished = false;
        status = status.worst_of(ExitStatus::Fatal);
        failures.push(error);
    }
    let remarks = match is_finished {
        true => remarks.into_iter().collect(),
        false => vec![format!("sluice: to go on: {}", go_on_command(directory))],
    };
    Ok(Conclusion {
        directory: directory.clone(),
        status,
        failures,
        summary,
        is_finished,
        remarks,
        parts: files,
    })
}

/// Writes the summary of the whole run anew, after one of its parts was worked
/// on by itself.
///
/// # Errors
/// A part's books can't be read, or the disk is full.
pub(in crate::cli) fn refresh(whole: &RunDirectory) -> Result<(), FatalError> {
    let Some(manifest) = whole.parts()? else {
        return Ok(());
    };
    let mut status = ExitStatus::Done;
    let mut summaries = Vec::new();
    for part in &manifest.parts {
        let place = whole.part(&part.name);
        let summary = match Conclusion::read_summary(&place) {
            Ok(summary) => summary,
            Err(_) => {
                let status = ExitStatus::Interrupted;
                standing_summary(&place, "not_started", status, "it wasn't started")?
            }
        };
        let of_part = ExitStatus::of_code(summary.exit_code).unwrap_or(ExitStatus::Fatal);
        status = status.worst_of(of_part);
        summaries.push(NamedSummary {
            name: part.name.clone(),
            summary,
        });
    }
    write(whole, &whole_summary(whole, &manifest, &summaries, status))
}

fn write(directory: &RunDirectory, summary: &Summary) -> Result<(), FatalError> {
    directory.write_file(SUMMARY, summary.to_json().as_bytes())
}

fn whole_summary(
    directory: &RunDirectory,
    manifest: &PartsManifest,
    parts: &[NamedSummary],
    status: ExitStatus,
) -> Summary {
    let reasons: Vec<String> = parts
        .iter()
        .filter_map(|part| Some(format!("{}: {}", part.name, part.summary.reason.as_ref()?)))
        .collect();
    let head = Summary {
        run_id: directory.run_id(),
        job: manifest.job.clone(),
        state: status.state().to_owned(),
        exit_code: status.code(),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        started_at: manifest.started_at.clone(),
        ended_at: jiff::Timestamp::now().to_string(),
        peak_memory_bytes: peak_memory_bytes(),
        ..Summary::default()
    };
    head.with_parts(parts, manifest.order == PartOrder::AtOnce)
}

/// What is known of a part that has told nothing itself.
fn standing_summary(
    directory: &RunDirectory,
    state: &str,
    status: ExitStatus,
    reason: &str,
) -> Result<Summary, FatalError> {
    let standing = Standing::of(directory)?;
    let mut counts = standing.counts;
    if !standing.counted
        && let Some(rows) = rows_of_file(directory)
    {
        counts.settle(rows.max(counts.ended()));
    }
    let manifest = directory.manifest()?;
    Ok(Summary {
        run_id: directory.run_id(),
        job: manifest.job,
        state: state.to_owned(),
        exit_code: status.code(),
        reason: Some(reason.to_owned()),
        started_at: manifest.started_at,
        elapsed_s: standing.elapsed_s,
        entities: vec![EntitySummary::new(
            manifest.part.unwrap_or_default(),
            &counts,
        )],
        counts,
        requests: standing.requests,
        ..Summary::default()
    })
}

/// The rows of a part's file, which nobody has counted yet; `None` where it has
/// no file, or it can't be read.
fn rows_of_file(directory: &RunDirectory) -> Option<u64> {
    let settings = settings_of(&directory.manifest().ok()?, Overrides::default()).ok()?;
    let input = file_input(&settings)?;
    let mut counter = prepare(settings, input).ok()?.counter(false).ok()?;
    loop {
        let counted: Result<Counted, SourceError> = counter.advance(STEP_BYTES);
        let counted = counted.ok()?;
        if counted.is_at_end {
            return Some(counted.digest.rows);
        }
    }
}
