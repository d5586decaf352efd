//! The end of a leg: settles the books, writes `summary.json`.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::actors::{FoundLimit, RunEnd, Selection, StopReason};
use crate::error::{ExitStatus, FatalError, FatalKind};
use crate::record::{Counts, RunEvent};
use crate::report::{
    EntitySummary, LimitSummary, LimiterHistory, RateSummary, SourceSummary, StageSummary, Summary,
    thousands,
};
use crate::source::FetchState;
use crate::store::{Checkpoint, Ledger, Manifest, RunDirectory, SourceRecord};
use crate::telemetry::Consumer;

use super::conclusion::Conclusion;
use super::diff_log::write_diff_log;
use super::go_on::go_on_with_budget;
use super::id_map::write_id_map;
use super::known_limits::limit_summary;
use super::load::Prepared;
use super::retry_hints::RetryHints;
use super::source_stream::read_state;

/// Folds the limiter's decisions for the summary.
#[derive(Clone, Default)]
pub(super) struct HistoryKeeper {
    history: Arc<Mutex<LimiterHistory>>,
}

impl HistoryKeeper {
    fn read(&self) -> LimiterHistory {
        self.history.lock().clone()
    }
}

impl Consumer for HistoryKeeper {
    fn take(&mut self, event: &RunEvent) {
        self.history.lock().take(event);
    }
}

/// The rows of a run as its journal has them, with those outside the user's
/// choice and those not reached.
pub(super) fn settled_counts(checkpoint: &Checkpoint, selection: &Selection) -> Counts {
    let mut counts = checkpoint.counts;
    let read = checkpoint.input.as_ref().map_or(0, |input| input.rows);
    if checkpoint.input.is_some() {
        counts.skipped += selection.rows_outside(read);
    }
    // While the input is being counted, the load may be ahead of the count.
    counts.settle(read.max(counts.ended()));
    counts
}

/// The exit status that the counts alone lead to.
fn status_of(counts: &Counts) -> ExitStatus {
    let rejected = match counts.rejected {
        0 => ExitStatus::Done,
        _ => ExitStatus::SomeRejected,
    };
    match counts.unknown {
        0 => rejected,
        _ => rejected.worst_of(ExitStatus::SomeUnknown),
    }
}

/// A leg that has come to its end.
pub(super) struct EndedLeg<'leg> {
    pub(super) prepared: &'leg Prepared,
    pub(super) directory: &'leg RunDirectory,
    pub(super) manifest: &'leg Manifest,
    /// What was loaded; a load of a single input has one entity, and calls it
    /// by its connector.
    pub(super) entity: &'leg str,
    pub(super) selection: &'leg Selection,
    pub(super) hints: RetryHints,
}

/// Settles the end of a leg; what came of it is still to be told.
pub(super) fn conclude(
    leg: &EndedLeg<'_>,
    mut end: RunEnd,
    history: &HistoryKeeper,
) -> Result<Conclusion, FatalError> {
    let &EndedLeg {
        prepared,
        directory,
        manifest,
        entity,
        selection,
        hints,
    } = leg;
    let Some(mut ledger) = end.ledger.take() else {
        return Err(FatalError::new(
            FatalKind::Internal,
            "the recorder failed; the journal holds what was committed",
        )
        .with_hint(format!("sluice resume {}", shown(directory))));
    };
    let mut counts = settled_counts(ledger.checkpoint(), selection);
    let mut status = status_of(&counts);
    let input = ledger.checkpoint().input.as_ref();
    let was_cut = manifest.input_is_staged && input.is_none_or(|input| !input.complete);
    let may_fetch_on = matches!(manifest.source, SourceRecord::Stream(_));
    if let Some(stop) = &end.stop {
        // An interruption after the last row had ended interrupted nothing.
        let counts_anyway = matches!(stop, StopReason::Fatal(_) | StopReason::ErrorBudget { .. });
        let has_more = counts.not_reached > 0 || (was_cut && may_fetch_on);
        if has_more || counts_anyway {
            status = status.worst_of(stop.exit_status());
        }
    }
    if was_cut {
        status = status.worst_of(ExitStatus::Interrupted);
    }
    let mut is_finished = counts.not_reached == 0 && status != ExitStatus::Fatal && !was_cut;
    // The ids have to be in the journal for their file, and their file has to
    // stand before the run counts as finished: a resume then writes it.
    let mut trouble = ledger
        .commit_with_reserve(end.elapsed)
        .and_then(|()| write_id_map(directory, ledger.journal()))
        .and_then(|()| match prepared.settings.diff_log {
            true => write_diff_log(prepared, directory, &mut ledger),
            false => Ok(()),
        })
        .err();
    if trouble.is_some() {
        status = status.worst_of(ExitStatus::Fatal);
        // What could not be saved is sent again, so it isn't told as done.
        counts = settled_counts(ledger.committed(), selection);
    }
    if !counts.balances() || (end.stop.is_none() && trouble.is_none() && counts.not_reached > 0) {
        status = status.worst_of(ExitStatus::Fatal);
        trouble.get_or_insert_with(|| {
            FatalError::new(
                FatalKind::Internal,
                format!("the books don't balance: {counts:?}"),
            )
            .with_hint("Please report it. `sluice resume` goes on from the journal.")
        });
    }
    let checkpoint = ledger.checkpoint();
    let ended = counts.ended() - selection_skips(&counts, checkpoint);
    let mut summary = Summary {
        run_id: directory.run_id(),
        job: manifest.job.clone(),
        state: status.state().to_owned(),
        exit_code: status.code(),
        reason: end.stop.as_ref().map(|stop| stop.text()),
        started_at: manifest.started_at.clone(),
        ended_at: jiff::Timestamp::now().to_string(),
        elapsed_s: end.elapsed.as_secs_f64(),
        legs: checkpoint.legs,
        parts: Vec::new(),
        entities: vec![EntitySummary::new(entity, &counts)],
        counts,
        requests: checkpoint.requests,
        source: read_state(directory).map(source_summary),
        tokens_minted: checkpoint.tokens_minted,
        rate: rate_summary(ended, &ledger, &end),
        limits: limit_summaries(&end.limits),
        stages: end
            .stages
            .iter()
            .map(|stage| StageSummary {
                name: stage.name.to_owned(),
                busy_s: stage.busy.as_secs_f64(),
                waited_s: stage.waited.as_secs_f64(),
            })
            .collect(),
        limiter: history.read(),
        peak_memory_bytes: peak_memory_bytes(),
    };
    is_finished &= trouble.is_none();
    let write = |summary: &Summary| {
        let text = summary.to_json();
        directory.write_file("summary.json", text.as_bytes())
    };
    let mut closed = write(&summary);
    if closed.is_ok() && is_finished {
        // Not before the summary stands there whole: a finished run is told by
        // nothing else, and a kill here costs an empty leg.
        ledger.note_finished(status.code());
        closed = ledger.commit_with_reserve(end.elapsed);
    }
    // What can't be written now is told, and the summary is printed all the
    // same.
    if let Err(error) = closed {
        is_finished = false;
        status = status.worst_of(ExitStatus::Fatal);
        status.state().clone_into(&mut summary.state);
        summary.exit_code = status.code();
        let _ = write(&summary);
        trouble.get_or_insert(error);
    }
    let mut remarks = Vec::new();
    if was_cut && counts.not_reached == 0 && !may_fetch_on {
        remarks.push(format!(
            "sluice: standard input was cut off: {} rows were taken in and have ended; \
             load the rest from the whole input, with --skip {}",
            thousands(counts.read),
            counts.read
        ));
    } else if !is_finished {
        let used_up = match &end.stop {
            Some(StopReason::ErrorBudget { .. }) => Some(counts.rejected),
            _ => None,
        };
        remarks.push(format!(
            "sluice: to go on: {}",
            go_on_with_budget(directory, used_up)
        ));
    } else {
        remarks = hints.words(&shown(directory), ledger.checkpoint());
    }
    let doubt = summary
        .source
        .as_ref()
        .and_then(|source| source.doubt.as_ref());
    remarks.extend(doubt.map(|doubt| {
        format!(
            "sluice: records of the source may be missing: {doubt}; \
             load it once more, without --since, while nobody changes it"
        )
    }));
    // What stopped the run and what kept its end from being saved are one
    // failure; the later one says more.
    let failure = match (trouble, end.stop) {
        (Some(error), _) | (None, Some(StopReason::Fatal(error))) => Some(error),
        _ => None,
    };
    Ok(Conclusion {
        directory: directory.clone(),
        status,
        failures: failure.into_iter().collect(),
        summary,
        is_finished,
        remarks,
        parts: Vec::new(),
    })
}

/// How fast a leg was, in which so many rows have ended by now.
pub(super) fn rate_summary(rows: u64, ledger: &Ledger, end: &RunEnd) -> RateSummary {
    let latencies = ledger.latencies();
    let millis = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    RateSummary {
        mean_per_s: per_second(rows, end.elapsed.as_secs_f64()),
        p50_ms: millis(0.5),
        p99_ms: millis(0.99),
        max_in_flight: end.max_in_flight,
        learned_limit: learned_limit(&end.limits),
    }
}

/// What is known of the limits at the end of a leg.
pub(super) fn limit_summaries(found: &[FoundLimit]) -> Vec<LimitSummary> {
    found
        .iter()
        .map(|found| limit_summary(&found.key.endpoint, &found.limit))
        .collect()
}

fn source_summary(state: FetchState) -> SourceSummary {
    let totals = &state.totals;
    SourceSummary {
        requests: totals.requests,
        throttled: totals.throttled,
        pages: totals.pages,
        rows: totals.rows,
        readings: state.reading.number,
        doubt: state.doubt,
    }
}

/// What the tenant allows, in requests a second: the least of the limits that
/// two measures agree on, since requests pass all of them.
fn learned_limit(found: &[FoundLimit]) -> Option<f64> {
    found
        .iter()
        .filter(|found| found.limit.sure)
        .map(|found| found.limit.rate_per_s)
        .min_by(f64::total_cmp)
}

/// Rows that were left out without being looked at; they say nothing about
/// the pace.
fn selection_skips(counts: &Counts, checkpoint: &Checkpoint) -> u64 {
    counts.skipped - checkpoint.counts.skipped
}

fn per_second(rows: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        rows as f64 / seconds
    } else {
        0.0
    }
}

/// The run as `resume` takes it: its path, which works from the same folder
/// with any `--run-dir`.
pub(super) fn shown(directory: &RunDirectory) -> String {
    let path = directory.path().display().to_string();
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if is_plain {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// The most memory that this process has held; 0 where the system doesn't tell.
pub(super) fn peak_memory_bytes() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return 0;
    };
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|kibibytes| kibibytes.trim().parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes * 1_024)
}

/// The time of all legs that a checkpoint holds.
pub(super) fn elapsed_of(checkpoint: &Checkpoint) -> Duration {
    Duration::from_millis(checkpoint.elapsed_ms)
}
