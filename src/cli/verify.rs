//! `sluice verify`: looks the rows of a run up in the tenant, and compares them
//! with what is there, field by field.
//!
//! It is a leg like any other, with a lane that only looks up and books of its
//! own in the run's directory; the run's journal is only read. A verification
//! that is cut off goes on where it stopped.

mod report;
mod rows;

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actors::{RowMapper, RunEnd, RunPlan, Selection, StopReason};
use crate::config::{Overrides, Sample};
use crate::error::{ExitStatus, FatalError};
use crate::record::{Counts, RowId};
use crate::report::{LimitSummary, RateSummary};
use crate::source::{DuplicateFinder, SourceError};
use crate::store::{Checkpoint, Journal, JournalState, Manifest, RunDirectory, SqliteJournal};

use super::arguments::{ShowingFlags, VerifyArguments};
use super::assemble::of_pacing_flags;
use super::compare::{Mismatches, check_can_compare, comparing, counted};
use super::conclude::{limit_summaries, peak_memory_bytes, rate_summary, settled_counts, shown};
use super::credentials::read_credentials;
use super::entities;
use super::overtaken::undone_at;
use super::parts::{self, Whose};
use super::pass::Pass;
use super::print;
use super::resume::{prepare_again, read_from};
use super::set_up;
use super::side_task;
use super::started_with::settings_of;
use super::told::Told;
use super::unchanged::check_input;

use report::{ComparedRows, RowsLeftOut, UniqueKeys, Verification};
use rows::RowsToCompare;

pub(super) use rows::{RunBooks, for_each_row};

/// The folder of the verification's own books, in the run's directory.
const FOLDER: &str = "verify";
/// The rows that don't agree, in the run's directory.
const MISMATCHES: &str = "mismatch.csv";

/// What a verification that was cut off was about.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Task {
    sample: Option<String>,
    /// The run's legs and its ended rows: another leg of it makes another task.
    run_legs: u32,
    run_rows: u64,
}

impl Task {
    /// The command that goes on with it.
    fn go_on(&self, directory: &RunDirectory) -> String {
        let sample = self.sample.as_ref();
        let sample = sample.map_or_else(String::new, |sample| format!(" --sample {sample}"));
        format!("sluice verify {}{sample}", shown(directory))
    }
}

/// How the legs of a verification have gone.
#[derive(Default)]
struct Course {
    stop: Option<StopReason>,
    elapsed: Duration,
    rate: RateSummary,
    limits: Vec<LimitSummary>,
}

/// `sluice verify`.
pub(super) fn verify(arguments: &VerifyArguments) -> Result<ExitStatus, FatalError> {
    let showing = &arguments.resume.showing;
    let flags = of_pacing_flags(&arguments.resume.pacing)?;
    let runs = flags.run_dir.clone().unwrap_or_else(|| "runs".into());
    let directory = RunDirectory::find(&runs, arguments.resume.run.as_deref())?;
    let Some(manifest) = directory.parts()? else {
        return verify_run(&directory, flags, arguments.sample, showing)?.tell(showing.output);
    };
    let _lock = directory.lock()?;
    let parts: Vec<&str> = manifest.names().collect();
    parts::of_each(
        Whose::RunId(&directory.run_id()),
        &parts,
        showing,
        |name, showing| {
            let part = directory.part(name);
            verify_run(&part, flags.clone(), arguments.sample, showing)
        },
    )
}

/// Looks the rows of one run up; what was found is still to be told.
fn verify_run(
    directory: &RunDirectory,
    flags: Overrides,
    sample: Option<Sample>,
    showing: &ShowingFlags,
) -> Result<Told<Verification>, FatalError> {
    // Held to the end: what the run has applied must not change meanwhile.
    let _lock = directory.lock()?;
    let manifest = directory.manifest()?;
    let mut journal = SqliteJournal::open_to_read(&directory.journal_path())?;
    let (state, listed) = (journal.load()?, journal.listed()?);
    drop(journal);
    if manifest.mapping_hash.is_empty() || state.finished.rows() == 0 {
        return Err(FatalError::usage(format!(
            "run {} has not ended a row yet, so there is nothing to verify",
            directory.run_id()
        ))
        .with_hint("Go on with it first: `sluice resume`."));
    }
    if let Some(at) = undone_at(directory) {
        print::remark(&format!(
            "sluice: run {} was undone ({at}), so that its rows aren't expected to agree",
            directory.run_id()
        ));
    }
    // The run's own budget is about rows that a tenant refuses.
    let max_errors = flags.max_errors;
    let mut settings = settings_of(&manifest, flags)?;
    settings.max_errors = max_errors;
    let credentials = read_credentials(&settings)?;
    let text = read_from(directory, &manifest);
    check_input(&manifest, &settings, &text, &state.checkpoint)?;
    // What the run has made and isn't there any more shows in its rows.
    let (settings, _) = set_up::looked_up(&settings, &credentials)?;
    let mut prepared = prepare_again(&manifest, settings.clone(), text)?;
    entities::find_ids(&mut prepared, directory)?;
    check_can_compare(&prepared)?;
    let headline = format!("verify run {}: {}", directory.run_id(), prepared.headline());
    let task = Task {
        sample: sample.map(|sample| sample.to_string()),
        run_legs: state.checkpoint.legs,
        run_rows: state.finished.rows(),
    };
    let books = books_of(directory, &task)?;
    let to_compare = RunBooks {
        directory,
        manifest: &manifest,
        settings: &settings,
        state: &state,
        listed: &listed,
    }
    .rows_to_compare(prepared, sample, books.path())?;
    let rows = to_compare.rows;
    let left_out = left_out(&state, &to_compare, &manifest, sample.is_some());
    let mut course = Course::default();
    for text in to_compare.texts {
        let journal = SqliteJournal::open(&books.journal_path())?;
        let pass = Pass {
            headline: headline.clone(),
            directory: &books,
            journal: Box::new(journal),
            source: "",
            credentials: credentials.clone(),
            selection: Selection::default(),
            counting: counted(rows),
        };
        let name = format!("{}-{FOLDER}", directory.run_id());
        let prepared = &text.prepared;
        let (end, _) = pass.carry_out(prepared, showing, |plan| RunPlan {
            go_on: task.go_on(directory),
            ..comparing(plan, prepared, &name, text.choice)
        })?;
        course.note(end)?;
        if course.stop.is_some() {
            break;
        }
    }
    let checkpoint = SqliteJournal::open_to_read(&books.journal_path())?
        .load()?
        .checkpoint;
    conclude(
        &Conclusion {
            directory,
            books: &books,
            job: &manifest.job,
            task: &task,
            rows,
            checkpoint: &checkpoint,
            course: &course,
        },
        left_out,
    )
}

/// The books to go on with, or new ones.
fn books_of(directory: &RunDirectory, task: &Task) -> Result<RunDirectory, FatalError> {
    if let Some((books, cut_off)) = side_task::cut_off::<Task>(directory, FOLDER)
        && cut_off == *task
    {
        return Ok(books);
    }
    let books = RunDirectory::make_side_books(&directory.path().join(FOLDER))?;
    side_task::begin(&books, task)?;
    Ok(books)
}

/// The run's rows that nothing is compared for.
fn left_out(
    state: &JournalState,
    to_compare: &RowsToCompare,
    manifest: &Manifest,
    is_sample: bool,
) -> RowsLeftOut {
    let selection = Selection {
        skip: manifest.skip,
        limit: manifest.limit,
        ..Selection::default()
    };
    let counts = settled_counts(&state.checkpoint, &selection);
    let mut left_out = RowsLeftOut {
        rejected: counts.rejected,
        unknown: counts.unknown,
        skipped: counts.skipped,
        keys_not_applied: 0,
        superseded: to_compare.superseded,
        outside_sample: to_compare.outside_sample,
        not_reached: counts.not_reached,
    };
    if !is_sample {
        let rows = left_out.not_applied();
        left_out.keys_not_applied = rows.saturating_sub(to_compare.not_applied_again);
    }
    left_out
}

impl Course {
    fn note(&mut self, mut end: RunEnd) -> Result<(), FatalError> {
        let ledger = side_task::settled_ledger(&mut end, "verify")?;
        self.elapsed = end.elapsed;
        self.rate = rate_summary(ledger.counts().ended(), &ledger, &end);
        self.limits = limit_summaries(&end.limits);
        self.stop = end.stop;
        Ok(())
    }
}

/// What a verification's result is made from.
struct Conclusion<'run> {
    directory: &'run RunDirectory,
    books: &'run RunDirectory,
    job: &'run str,
    task: &'run Task,
    rows: u64,
    checkpoint: &'run Checkpoint,
    course: &'run Course,
}

/// Counts, and writes `mismatch.csv`.
fn conclude(end: &Conclusion<'_>, left_out: RowsLeftOut) -> Result<Told<Verification>, FatalError> {
    let book = end.books.path().join("rejected.csv");
    let mismatches = match end.rows {
        0 => Mismatches::default(),
        _ => {
            let mut from = File::open(&book)
                .map_err(|cause| FatalError::writing(&book.display().to_string(), &cause))?;
            end.directory
                .write_file_with(MISMATCHES, |file| io::copy(&mut from, file).map(drop))?;
            Mismatches::count(&book)?
        }
    };
    let mut counts: Counts = end.checkpoint.counts;
    counts.settle(end.rows);
    let found = distinct_records(end.books)?;
    let rows = compared_rows(&counts, end.checkpoint.missing, &mismatches);
    let shared = (rows.same + rows.different).saturating_sub(found);
    let not_applied = left_out.not_applied();
    let status = match rows.mismatches() + shared + not_applied {
        0 => ExitStatus::Done,
        _ => ExitStatus::SomeRejected,
    };
    let course = end.course;
    let stop = course.stop.as_ref();
    let status = side_task::stopped_status(status, stop, rows.not_reached, "rows")?;
    let is_finished = rows.not_reached == 0 && status != ExitStatus::Fatal;
    if is_finished {
        side_task::forget(end.books);
    }
    let left_out_rows = left_out.sum();
    let verification = Verification {
        run_id: end.directory.run_id(),
        job: end.job.to_owned(),
        state: status.state(),
        exit_code: status.code(),
        reason: course.stop.as_ref().map(StopReason::text),
        ended_at: jiff::Timestamp::now().to_string(),
        elapsed_s: course.elapsed.as_secs_f64(),
        sample: end.task.sample.clone(),
        read: end.rows + left_out_rows,
        unique_keys: UniqueKeys {
            source: rows.compared + left_out.keys_not_applied,
            target: found,
        },
        rows,
        not_compared: left_out,
        places: mismatches.places,
        requests: end.checkpoint.requests,
        rate: course.rate.clone(),
        limits: course.limits.clone(),
        peak_memory_bytes: peak_memory_bytes(),
        mismatches: end.directory.path().join(MISMATCHES).display().to_string(),
    };
    Ok(Told {
        status,
        text: verification.to_text(),
        data: verification,
        failure: match &course.stop {
            Some(StopReason::Fatal(error)) => Some(error.clone()),
            _ => None,
        },
        remark: (!is_finished)
            .then(|| format!("sluice: to go on: {}", end.task.go_on(end.directory))),
    })
}

fn compared_rows(counts: &Counts, missing: u64, mismatches: &Mismatches) -> ComparedRows {
    let several = mismatches.of("several_records");
    let different = mismatches.of("differs");
    let same = counts.unchanged;
    ComparedRows {
        compared: same + different + missing + several,
        same,
        different,
        missing,
        several,
        failed: counts.rejected - missing - different - several,
        not_reached: counts.not_reached,
    }
}

/// How many different records were found. Each key was looked up once, so two
/// keys with one id share a record.
fn distinct_records(books: &RunDirectory) -> Result<u64, FatalError> {
    let mut finder = DuplicateFinder::new(books.path());
    let (mut ids, mut trouble) = (0, None);
    SqliteJournal::open_to_read(&books.journal_path())?.visit_target_ids(&mut |_, id| {
        ids += 1;
        match finder.add(RowId(ids), RowMapper::hash_key(id)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                trouble = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = trouble {
        return Err(SourceError::into_fatal(error));
    }
    let repeated = finder.finish().map_err(SourceError::into_fatal)?.later;
    Ok(ids - repeated.len() as u64)
}
