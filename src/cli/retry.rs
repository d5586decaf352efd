//! `sluice retry`: takes the rejected rows of a finished run back, as its user
//! left them in `rejected.csv`, and sends them again as another leg of it.
//! `--unknown` does so with the rows whose fate isn't known.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::actors::{InputCounting, Selection};
use crate::config::{InputSource, Overrides, Settings};
use crate::error::{ExitStatus, FatalError, FatalKind};
use crate::source::csv::{CsvReader, CsvSettings, Input, LineColumn, Start, inspect};
use crate::source::{Source, SourceError};
use crate::store::{
    Journal, ListedRow, Manifest, Retake, RetryOf, RunDirectory, RunLock, SqliteJournal,
    rows_taken_back,
};

use super::arguments::{RetryArguments, ShowingFlags};
use super::assemble::of_pacing_flags;
use super::conclusion::Conclusion;
use super::credentials::read_credentials;
use super::go_on::go_on_command;
use super::left_out::left_out;
use super::load::{Prepared, prepare};
use super::overtaken::check_not_overtaken;
use super::print;
use super::run::{Circumstances, Leg};
use super::started_with::settings_of;
use super::unchanged::check_unchanged;
use super::verify::RunBooks;
use super::{entities, parts, set_up};

/// `sluice retry`.
pub(super) fn retry(arguments: &RetryArguments) -> Result<ExitStatus, FatalError> {
    let showing = &arguments.resume.showing;
    let flags = of_pacing_flags(&arguments.resume.pacing)?;
    let runs = flags.run_dir.clone().unwrap_or_else(|| "runs".into());
    let directory = RunDirectory::find(&runs, arguments.resume.run.as_deref())?;
    let of = match arguments.unknown {
        true => RetryOf::Unknown,
        false => RetryOf::Rejected,
    };
    if let Some(manifest) = directory.parts()? {
        return parts::retry(directory, manifest, &flags, of, showing)?.tell(showing);
    }
    let conclusion = match retry_run(&directory, flags, of, showing)? {
        Retried::Rows(conclusion) => *conclusion,
        Retried::Nothing(ended_with) => {
            tell_nothing_to_do(of, showing);
            Conclusion::of_finished(&directory, ended_with)?
        }
    };
    if let Some(whole) = directory.whole_run() {
        parts::refresh(&whole)?;
    }
    conclusion.tell(showing)
}

/// Says that there is nothing to retry.
pub(super) fn tell_nothing_to_do(of: RetryOf, showing: &ShowingFlags) {
    if !showing.quiet {
        print::remark(&format!("sluice: no row stands in {}", of.book()));
    }
}

/// What came of a retry.
pub(super) enum Retried {
    /// Rows were sent again.
    Rows(Box<Conclusion>),
    /// There was none; the run stays as it had ended.
    Nothing(ExitStatus),
}

/// Takes the rows of a finished run back, and sends them again.
pub(super) fn retry_run(
    directory: &RunDirectory,
    flags: Overrides,
    of: RetryOf,
    showing: &ShowingFlags,
) -> Result<Retried, FatalError> {
    let lock = directory.lock()?;
    let manifest = directory.manifest()?;
    check_not_overtaken(directory, &manifest, "retry", showing)?;
    let settings = settings_of(&manifest, flags)?;
    let mut journal = SqliteJournal::open(&directory.journal_path())?;
    check_finished(directory, &mut journal)?;
    let retake = Retake::prepare(directory, journal, of)?;
    let ended_with = retake.ended_with();
    if retake.rows() == 0 {
        return Ok(Retried::Nothing(ended_with));
    }
    // Whatever is wrong is told while nothing has changed.
    read_credentials(&settings)?;
    let book = directory.path().join(of.book());
    let prepared = prepare_retry(&retake.file(), &book, &manifest, &settings)?;
    let in_doubt = match of {
        RetryOf::Unknown if !prepared.bound.operation.repeatable => {
            if !(prepared.bound.operation.has_job() && retake.has_jobs()?) {
                check_can_be_asked(&prepared)?;
            }
            Some(now_ms())
        }
        _ => None,
    };
    let rows = rows_of(&prepared, &retake, &book)?;
    if rows.is_empty() {
        return Ok(Retried::Nothing(ended_with));
    }
    let kept_missing = match of {
        RetryOf::Rejected => kept_of(&directory.path().join("missing.csv"), &rows)?,
        RetryOf::Unknown => Vec::new(),
    };
    retake.take_back(&rows, &kept_missing, in_doubt)?;
    let (leg, prepared) = leg(directory.clone(), lock, manifest, settings)?;
    let conclusion = leg.run(&prepared, showing)?;
    Ok(Retried::Rows(Box::new(conclusion)))
}

/// Only of a run that is finished rows are taken back.
fn check_finished(directory: &RunDirectory, journal: &mut dyn Journal) -> Result<(), FatalError> {
    if journal.load()?.checkpoint.finished_with.is_some() {
        return Ok(());
    }
    Err(
        FatalError::usage(format!("run {} isn't finished", directory.run_id()))
            .with_hint(format!("Finish it first: {}", go_on_command(directory))),
    )
}

/// Where nobody can tell whether a row was applied, it isn't sent on a guess.
fn check_can_be_asked(prepared: &Prepared) -> Result<(), FatalError> {
    let operation = &prepared.bound.operation;
    // Whether there is a look-up doesn't depend on the key.
    if operation.look_up("any").is_some() || operation.idempotency_header().is_some() {
        return Ok(());
    }
    Err(FatalError::usage(format!(
        "the operation {} of {} can't tell whether a row was applied: it has no look-up",
        operation.name, prepared.bound.connector
    ))
    .with_hint(
        "Look the rows of unknown.csv up in the tenant yourself; load those that aren't there \
         as a run of their own.",
    ))
}

/// The leg of a retry that has begun, maybe in another process.
pub(super) fn leg(
    directory: RunDirectory,
    lock: RunLock,
    manifest: Manifest,
    settings: Settings,
) -> Result<(Leg, Prepared), FatalError> {
    let mut journal = SqliteJournal::open(&directory.journal_path())?;
    let state = journal.load()?;
    let listed = journal.listed()?;
    let checkpoint = state.checkpoint.clone();
    let (Some(mark), Some(input)) = (checkpoint.retry, checkpoint.input) else {
        return Err(FatalError::new(
            FatalKind::Internal,
            format!("no retry of run {} is under way", directory.run_id()),
        ));
    };
    let credentials = read_credentials(&settings)?;
    let (settings, set_up) = set_up::settled(&settings, &credentials)?;
    let text = directory.path().join(mark.file);
    let mut prepared = prepare_retry(&text, &text, &manifest, &settings)?;
    prepared.set_up = set_up;
    entities::find_ids(&mut prepared, &directory)?;
    let rows = rows_taken_back(&mut journal)?;
    prepared.relisted = Some(rows.iter().map(|row| (row.row, row.position)).collect());
    let books = RunBooks {
        directory: &directory,
        manifest: &manifest,
        settings: &settings,
        state: &state,
        listed: &listed,
    };
    let selection = Selection {
        skip: prepared.settings.skip,
        limit: prepared.settings.limit,
        ..left_out(&prepared, &books)?
    };
    let leg = Leg {
        selection,
        directory,
        journal: Box::new(journal),
        lock,
        manifest,
        credentials,
        counting: InputCounting::Known(input),
        circumstances: Circumstances::default(),
    };
    Ok((leg, prepared))
}

/// The load, from the text of a book, which messages call `shown`. Its delimiter
/// is found out anew: a spreadsheet may have changed it. Its encoding is the one
/// it was written in, unless a byte order mark says another.
pub(super) fn prepare_retry(
    text: &Path,
    shown: &Path,
    manifest: &Manifest,
    settings: &Settings,
) -> Result<Prepared, FatalError> {
    let csv = CsvSettings::new(Input::File(text.to_owned()));
    let shape = inspect(&csv).map_err(SourceError::into_fatal)?;
    // Asked before the mapping is, which would only say that it has no use for
    // whatever stands there instead.
    if LineColumn::of(&shape).is_none() {
        return Err(not_as_written(shown, 1, "the column _line is missing"));
    }
    let settings = Settings {
        input: InputSource::File(shown.to_owned()),
        delimiter: None,
        encoding: None,
        ..settings.clone()
    };
    let prepared = prepare(settings, Input::File(text.to_owned()))?;
    check_unchanged(manifest, &prepared)?;
    Ok(prepared)
}

/// The rows that stand in the text, each once and each known.
fn rows_of(
    prepared: &Prepared,
    retake: &Retake<'_>,
    shown: &Path,
) -> Result<Vec<ListedRow>, FatalError> {
    let refused = |line, what: &str| not_as_written(shown, line, what);
    let Some(column) = LineColumn::of(&prepared.shape) else {
        return Err(refused(1, "the column _line is missing"));
    };
    let mut lines = BTreeSet::new();
    let mut found = Vec::new();
    let mut source = prepared
        .open(Start::Beginning)
        .map_err(SourceError::into_fatal)?;
    while let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? {
        for row in &batch.rows {
            let here = row.position.line;
            let Some(line) = column.line(&batch.buffer[row.start..row.end]) else {
                return Err(refused(here, "no number stands in its column _line"));
            };
            let Some(listed) = retake.row_at(line) else {
                let what = format!("line {line} of the input isn't a row that can be sent again");
                return Err(refused(here, &what));
            };
            if !lines.insert(line) {
                let what = format!("line {line} of the input stands in it twice");
                return Err(refused(here, &what));
            }
            found.push(listed);
        }
    }
    Ok(found)
}

fn not_as_written(shown: &Path, line: u64, what: &str) -> FatalError {
    FatalError::usage(format!("{}, line {line}: {what}", shown.display())).with_hint(
        "The column _line says which row of the run it is; leave it as it was written. \
         Rows that are new belong into a run of their own.",
    )
}

/// What stays of `missing.csv`: its first line, and the rows that aren't taken.
/// Nothing where no row stays.
fn kept_of(book: &Path, taken: &[ListedRow]) -> Result<Vec<u8>, FatalError> {
    let csv = CsvSettings::new(Input::File(book.to_owned()));
    let taken: BTreeSet<u64> = taken.iter().map(|row| row.position.line).collect();
    let text = std::fs::read(book)
        .map_err(|cause| FatalError::usage(format!("can't read {}: {cause}", book.display())))?;
    let Ok(shape) = inspect(&csv) else {
        // It has no row at all.
        return Ok(Vec::new());
    };
    let Some(column) = LineColumn::of(&shape) else {
        return Ok(Vec::new());
    };
    let mut reader =
        CsvReader::open(&csv, &shape, Start::Beginning).map_err(SourceError::into_fatal)?;
    let mut kept = Vec::new();
    while let Some(batch) = reader.next_batch().map_err(SourceError::into_fatal)? {
        for row in &batch.rows {
            let raw = &batch.buffer[row.start..row.end];
            if column.line(raw).is_some_and(|line| !taken.contains(&line)) {
                kept.extend_from_slice(raw);
                kept.push(b'\n');
            }
        }
    }
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let first_row = usize::try_from(shape.first_row.byte).unwrap_or(0);
    let mut remaining = text.get(..first_row).unwrap_or_default().to_vec();
    remaining.extend_from_slice(&kept);
    Ok(remaining)
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
