//! `sluice status`: where a run stands, also while it runs.

use serde::Serialize;

use crate::actors::Selection;
use crate::config::PartOrder;
use crate::error::{ExitStatus, FatalError};
use crate::record::{Counts, RequestCounts};
use crate::report::{counted, duration_words, rate_words, thousands};
use crate::store::{Journal, Manifest, PartsManifest, RunDirectory, SqliteJournal};

use super::arguments::StatusArguments;
use super::conclude::{elapsed_of, settled_counts};
use super::go_on::go_on_command;
use super::overtaken::{overtaken, undone_at};
use super::print;
use super::progress_file::LiveProgress;

/// Where a run stands, as its journal has it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Standing {
    pub(super) run_id: String,
    /// Of a part, its name in the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<String>,
    pub(super) job: String,
    /// `running`, `finished`, or `unfinished`: it can be resumed.
    pub(super) state: &'static str,
    pub(super) exit_code: Option<u8>,
    pub(super) started_at: String,
    pub(super) elapsed_s: f64,
    /// Whether all rows of the input have been counted.
    pub(super) counted: bool,
    pub(super) counts: Counts,
    pub(super) requests: RequestCounts,
    /// What only the running process knows: pace, limit, time to the end.
    pub(super) live: Option<LiveProgress>,
    /// When an undo of the run began, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) undone_at: Option<String>,
    /// Why nothing should go on with an unfinished run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) overtaken: Option<String>,
    /// Of a run that has parts, where each stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Self>,
}

impl Standing {
    pub(super) fn of(directory: &RunDirectory) -> Result<Self, FatalError> {
        if let Some(manifest) = directory.parts()? {
            return Self::of_parts(directory, &manifest);
        }
        let manifest = directory.manifest()?;
        let checkpoint = SqliteJournal::open_to_read(&directory.journal_path())?
            .load()?
            .checkpoint;
        let state = match checkpoint.finished_with {
            Some(_) => "finished",
            None if directory.is_worked_on() => "running",
            None => "unfinished",
        };
        Ok(Self {
            run_id: directory.run_id(),
            part: manifest.part.clone(),
            parts: Vec::new(),
            job: manifest.job.clone(),
            state,
            exit_code: checkpoint.finished_with,
            started_at: manifest.started_at.clone(),
            elapsed_s: elapsed_of(&checkpoint).as_secs_f64(),
            counted: checkpoint
                .input
                .as_ref()
                .is_some_and(|input| input.complete),
            counts: settled_counts(&checkpoint, &selection(&manifest)),
            requests: checkpoint.requests,
            undone_at: undone_at(directory),
            overtaken: match state {
                "unfinished" => overtaken(directory, &manifest),
                _ => None,
            },
            live: match state {
                "running" => LiveProgress::of(directory),
                _ => None,
            },
        })
    }

    /// What the parts' books say, together.
    fn of_parts(directory: &RunDirectory, manifest: &PartsManifest) -> Result<Self, FatalError> {
        let parts = manifest.parts.iter();
        let parts: Vec<Self> = parts
            .map(|part| Self::of(&directory.part(&part.name)))
            .collect::<Result<_, FatalError>>()?;
        let is_finished = parts.iter().all(|part| part.state == "finished");
        let is_worked_on =
            directory.is_worked_on() || parts.iter().any(|part| part.state == "running");
        let mut whole = Self {
            run_id: directory.run_id(),
            job: manifest.job.clone(),
            state: match is_finished {
                true => "finished",
                false if is_worked_on => "running",
                false => "unfinished",
            },
            started_at: manifest.started_at.clone(),
            counted: parts.iter().all(|part| part.counted),
            ..Self::default()
        };
        let mut status = ExitStatus::Done;
        for part in &parts {
            whole.counts += &part.counts;
            whole.requests += &part.requests;
            whole.elapsed_s = match manifest.order {
                PartOrder::AtOnce => whole.elapsed_s.max(part.elapsed_s),
                PartOrder::InTurn => whole.elapsed_s + part.elapsed_s,
            };
            let of_part = part.exit_code.and_then(ExitStatus::of_code);
            status = status.worst_of(of_part.unwrap_or(ExitStatus::Done));
        }
        whole.exit_code = is_finished.then(|| status.code());
        whole.parts = parts;
        Ok(whole)
    }
}

/// The part of the selection that the counts need.
fn selection(manifest: &Manifest) -> Selection {
    Selection {
        skip: manifest.skip,
        limit: manifest.limit,
        ..Selection::default()
    }
}

/// `sluice status`.
pub(super) fn status(arguments: &StatusArguments) -> Result<ExitStatus, FatalError> {
    let directory = RunDirectory::find(&arguments.run_dir, arguments.run.as_deref())?;
    let standing = Standing::of(&directory)?;
    let text = || {
        let parts = standing.parts.iter().map(part_line);
        let end = match standing.state {
            "unfinished" => go_on_text(&standing, &directory),
            _ => String::new(),
        };
        text_of(&standing) + &parts.collect::<String>() + &end
    };
    print::report(arguments.output, &standing, text)?;
    Ok(ExitStatus::Done)
}

/// What can be done with a run that isn't finished.
fn go_on_text(standing: &Standing, directory: &RunDirectory) -> String {
    let command = go_on_command(directory);
    let parts = standing
        .parts
        .iter()
        .filter_map(|part| part.overtaken.as_ref());
    match standing.overtaken.iter().chain(parts).next() {
        Some(why) => format!(
            "  it has been overtaken: {why}\n  to go on with it all the same: {command} --yes\n"
        ),
        None => format!("  to go on: {command}\n"),
    }
}

fn text_of(standing: &Standing) -> String {
    let counts = &standing.counts;
    let elapsed = std::time::Duration::from_secs_f64(standing.elapsed_s);
    let mut text = format!(
        "run {}: {}{}, {} so far\n",
        standing.run_id,
        standing.state,
        match &standing.undone_at {
            Some(at) => format!(", undone {at}"),
            None => String::new(),
        },
        duration_words(elapsed)
    );
    let read = if standing.counted {
        thousands(counts.read)
    } else {
        format!("{} (still counting)", thousands(counts.read))
    };
    for (label, value) in [
        ("read", read),
        ("created", thousands(counts.created)),
        ("updated", thousands(counts.updated)),
        ("unchanged", thousands(counts.unchanged)),
        ("rejected", thousands(counts.rejected)),
        ("skipped", thousands(counts.skipped)),
        ("unknown", thousands(counts.unknown)),
        ("not reached", thousands(counts.not_reached)),
    ] {
        if value != "0" {
            text.push_str(&format!("  {label:<12}{value:>12}\n"));
        }
    }
    text.push_str(&format!(
        "  {}, {} × 429\n",
        counted(standing.requests.sent, "request"),
        thousands(standing.requests.throttled)
    ));
    if let Some(live) = &standing.live {
        text.push_str(&format!("  {}\n", live_words(live)));
    }
    text
}

/// Where one part stands, in one line.
fn part_line(part: &Standing) -> String {
    let counts = &part.counts;
    let live = part.live.as_ref();
    format!(
        "  {}: {}, {} of {} rows, {} rejected{}\n",
        part.part.as_deref().unwrap_or(&part.run_id),
        part.state,
        thousands(counts.ended()),
        thousands(counts.read),
        thousands(counts.rejected),
        live.map_or_else(String::new, |live| format!("; {}", live_words(live))),
    )
}

fn live_words(live: &LiveProgress) -> String {
    let time = |seconds: f64| {
        let time = std::time::Duration::try_from_secs_f64(seconds);
        duration_words(time.unwrap_or_default())
    };
    let mut parts = vec![format!("{:.0} rows/s", live.rows_per_s)];
    parts.extend(
        live.limit_per_s
            .map(|limit| format!("limit {}", rate_words(limit))),
    );
    parts.extend(
        live.paused_s
            .map(|pause| format!("paused for {}", time(pause))),
    );
    parts.extend(
        live.remaining_s
            .map(|left| format!("about {} left", time(left))),
    );
    parts.join(", ")
}
