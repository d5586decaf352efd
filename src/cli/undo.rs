//! `sluice undo`: puts the records of a run back as they were, from the
//! pre-images that it kept. Without `--yes` it only tells what it would do.
//!
//! It is a leg like any other, over rows that are pre-images, with books of its
//! own in the run's directory. One that is cut off goes on where it stopped;
//! one that is done again finds everything put back already.

mod report;
mod rows;

use std::time::Duration;

use encoding_rs::UTF_8;
use serde::{Deserialize, Serialize};

use crate::actors::{Endpoint, RowMapper, RunEnd, RunPlan, Selection, StopReason};
use crate::config::Overrides;
use crate::connector::UndoError;
use crate::error::{ExitStatus, FatalError};
use crate::source::csv::{CsvSettings, Input};
use crate::store::{Checkpoint, Journal, PRE_IMAGES, RunDirectory, SqliteJournal};

use super::arguments::{ResumeArguments, ShowingFlags};
use super::assemble::of_pacing_flags;
use super::compare::{Mismatches, counted, look_up_key};
use super::conclude::{peak_memory_bytes, shown};
use super::credentials::read_credentials;
use super::load::prepare_undo;
use super::overtaken::note_undone;
use super::parts::{self, Whose};
use super::pass::Pass;
use super::set_up;
use super::side_task;
use super::started_with::settings_of;
use super::told::Told;

use report::Undone;
use rows::{ROWS, RowsOfRun, write_conflicts};

/// The folder of the undo's own books, in the run's directory.
const FOLDER: &str = "undo";
/// The records that aren't put back, in that folder.
const CONFLICTS: &str = "conflicts.csv";

/// What an undo that was cut off was about.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Task {
    applies: bool,
    /// The run's legs and the length of its pre-images: another leg of it makes
    /// another task.
    run_legs: u32,
    pre_images_bytes: u64,
    /// Records to be put back.
    rows: u64,
}

/// How the leg has gone.
#[derive(Default)]
struct Course {
    stop: Option<StopReason>,
    elapsed: Duration,
}

/// `sluice undo`.
pub(super) fn undo(arguments: &ResumeArguments) -> Result<ExitStatus, FatalError> {
    let showing = &arguments.showing;
    let flags = of_pacing_flags(&arguments.pacing)?;
    let runs = flags.run_dir.clone().unwrap_or_else(|| "runs".into());
    let directory = RunDirectory::find(&runs, arguments.run.as_deref())?;
    let Some(manifest) = directory.parts()? else {
        return undo_run(&directory, flags, showing)?.tell(showing.output);
    };
    let _lock = directory.lock()?;
    // The last comes first: what refers to a record goes before it.
    let mut parts: Vec<&str> = manifest.names().collect();
    parts.reverse();
    parts::of_each(
        Whose::RunId(&directory.run_id()),
        &parts,
        showing,
        |name, showing| undo_run(&directory.part(name), flags.clone(), showing),
    )
}

/// Takes one run back, or plans it; what came of it is still to be told.
fn undo_run(
    directory: &RunDirectory,
    flags: Overrides,
    showing: &ShowingFlags,
) -> Result<Told<Undone>, FatalError> {
    let applies = showing.yes;
    // Held to the end: nothing may go on with the run meanwhile.
    let _lock = directory.lock()?;
    let manifest = directory.manifest()?;
    let Ok(images) = std::fs::metadata(directory.path().join(PRE_IMAGES)) else {
        return Err(FatalError::usage(format!(
            "run {} has no pre-images, so nobody knows what stood in the tenant before",
            directory.run_id()
        ))
        .with_hint(
            "They are kept by a run with `pre_images: true` in its job file, or --pre-images, \
             from its first change on.",
        ));
    };
    // The run's own budget is about rows that a tenant refuses; and what is
    // only told isn't done, which is no refusal.
    let max_errors = flags.max_errors.filter(|_| applies);
    let mut settings = settings_of(&manifest, flags)?;
    settings.max_errors = max_errors;
    let credentials = read_credentials(&settings)?;
    let (settings, _) = set_up::looked_up(&settings, &credentials)?;
    let mut journal = SqliteJournal::open_to_read(&directory.journal_path())?;
    let mut task = Task {
        applies,
        run_legs: journal.load()?.checkpoint.legs,
        pre_images_bytes: images.len(),
        rows: 0,
    };
    let books = books_of(directory, &mut task, &mut journal)?;
    drop(journal);
    let csv = CsvSettings {
        delimiter: Some(','),
        encoding: Some(UTF_8),
        ..CsvSettings::new(Input::File(books.path().join(ROWS)))
    };
    let prepared = prepare_undo(settings, csv)?;
    let mut course = Course::default();
    if task.rows > 0 {
        if applies {
            note_undone(directory)?;
        }
        let journal = SqliteJournal::open(&books.journal_path())?;
        let what = match applies {
            true => "undo run",
            false => "plan the undo of run",
        };
        let bound = &prepared.bound;
        let pass = Pass {
            headline: format!(
                "{what} {}: {} at {}",
                directory.run_id(),
                bound.connector,
                bound.base_url
            ),
            directory: &books,
            journal: Box::new(journal),
            source: "",
            credentials,
            selection: Selection::default(),
            counting: counted(task.rows),
        };
        let name = format!("{}-{FOLDER}", directory.run_id());
        let (end, _) = pass.carry_out(&prepared, showing, |plan| RunPlan {
            run_id: name,
            go_on: format!(
                "sluice undo {}{}",
                shown(directory),
                if applies { " --yes" } else { "" }
            ),
            endpoint: Endpoint::undoing(bound, !applies),
            mapper: RowMapper {
                carries_keys: true,
                ..plan.mapper
            },
            // What a tenant allows for reads says nothing about writes.
            limit_key: match applies {
                true => plan.limit_key,
                false => look_up_key(plan.limit_key),
            },
            ..plan
        })?;
        course.note(end)?;
    }
    let checkpoint = SqliteJournal::open_to_read(&books.journal_path())?
        .load()?
        .checkpoint;
    let end = Conclusion {
        directory,
        books: &books,
        job: &manifest.job,
        task: &task,
        checkpoint: &checkpoint,
        course: &course,
    };
    end.told()
}

/// The books to go on with, or new ones with the rows of this task.
fn books_of(
    directory: &RunDirectory,
    task: &mut Task,
    journal: &mut dyn Journal,
) -> Result<RunDirectory, FatalError> {
    if let Some((books, cut_off)) = side_task::cut_off::<Task>(directory, FOLDER) {
        task.rows = cut_off.rows;
        if cut_off == *task {
            return Ok(books);
        }
    }
    let books = RunDirectory::make_side_books(&directory.path().join(FOLDER))?;
    task.rows = RowsOfRun { directory, journal }.write(&books)?;
    // The last of all: without it the rows are written anew.
    side_task::begin(&books, task)?;
    Ok(books)
}

impl Course {
    fn note(&mut self, mut end: RunEnd) -> Result<(), FatalError> {
        side_task::settled_ledger(&mut end, "undo")?;
        self.elapsed = end.elapsed;
        self.stop = end.stop;
        Ok(())
    }
}

/// What the result is made from.
struct Conclusion<'run> {
    directory: &'run RunDirectory,
    books: &'run RunDirectory,
    job: &'run str,
    task: &'run Task,
    checkpoint: &'run Checkpoint,
    course: &'run Course,
}

impl Conclusion<'_> {
    /// Counts, and writes `conflicts.csv`.
    fn told(&self) -> Result<Told<Undone>, FatalError> {
        let mut counts = self.checkpoint.counts;
        counts.settle(self.task.rows);
        let refused = match self.task.rows {
            0 => Mismatches::default(),
            _ => {
                let book = self.books.path().join("rejected.csv");
                write_conflicts(&book, self.books, CONFLICTS)?;
                Mismatches::count(&book)?
            }
        };
        let of = |error: UndoError| refused.of(error.name());
        let mut undone = Undone {
            run_id: self.directory.run_id(),
            job: self.job.to_owned(),
            applied: self.task.applies,
            state: "",
            exit_code: 0,
            reason: self.course.stop.as_ref().map(StopReason::text),
            ended_at: jiff::Timestamp::now().to_string(),
            elapsed_s: self.course.elapsed.as_secs_f64(),
            read: self.task.rows,
            undone: counts.updated,
            to_put_back: of(UndoError::ToPutBack),
            to_delete: of(UndoError::ToDelete),
            unchanged: counts.unchanged,
            changed_since: of(UndoError::ChangedSince),
            cant_delete: of(UndoError::CantDelete),
            not_sure: of(UndoError::NotSure),
            failed: 0,
            unknown: counts.unknown,
            not_reached: counts.not_reached,
            requests: self.checkpoint.requests,
            peak_memory_bytes: peak_memory_bytes(),
            conflicts: self.books.path().join(CONFLICTS).display().to_string(),
            go_on: shown(self.directory),
        };
        undone.failed = counts.rejected
            - undone.to_put_back
            - undone.to_delete
            - undone.changed_since
            - undone.cant_delete
            - undone.not_sure;
        let status = self.status(&undone)?;
        undone.state = status.state();
        undone.exit_code = status.code();
        if undone.not_reached == 0 && status != ExitStatus::Fatal {
            side_task::forget(self.books);
        }
        Ok(Told {
            status,
            text: undone.to_text(),
            data: undone,
            failure: match &self.course.stop {
                Some(StopReason::Fatal(error)) => Some(error.clone()),
                _ => None,
            },
            remark: None,
        })
    }

    fn status(&self, undone: &Undone) -> Result<ExitStatus, FatalError> {
        let mut status = match undone.conflicts() {
            0 => ExitStatus::Done,
            _ => ExitStatus::SomeRejected,
        };
        if undone.unknown > 0 {
            status = status.worst_of(ExitStatus::SomeUnknown);
        }
        let stop = self.course.stop.as_ref();
        side_task::stopped_status(status, stop, undone.not_reached, "records")
    }
}
