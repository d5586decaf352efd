//! `progress.json`: what only the running process knows, for `sluice status`
//! in another one. The journal has what was done; the pace, the limit and the
//! time to the end stand here, and are gone when the process has ended.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::record::{RunEvent, Snapshot};
use crate::store::RunDirectory;
use crate::telemetry::Consumer;

const FILE: &str = "progress.json";
/// Seldom enough to cost nothing beside the journal's syncs, often enough for
/// somebody who looks.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// What is older was left by a process that was killed.
const STALE_AFTER_MS: u128 = 15_000;

/// Where a running process stands. Rates are a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LiveProgress {
    /// When it was written, in milliseconds of the Unix epoch.
    pub(super) at_epoch_ms: u128,
    /// Rows, lately.
    pub(super) rows_per_s: f64,
    /// Requests that the tenant allows, where that is known.
    pub(super) limit_per_s: Option<f64>,
    /// Seconds until the gate opens, where it is closed.
    pub(super) paused_s: Option<f64>,
    /// Seconds to the end, where they can be told.
    pub(super) remaining_s: Option<f64>,
}

impl LiveProgress {
    /// What the process that works on a run wrote last; `None` where there is
    /// none, or it has written nothing for a while.
    pub(super) fn of(directory: &RunDirectory) -> Option<Self> {
        let text = std::fs::read(directory.path().join(FILE)).ok()?;
        let progress: Self = serde_json::from_slice(&text).ok()?;
        let is_stale = now_epoch_ms() > progress.at_epoch_ms + STALE_AFTER_MS;
        (!is_stale).then_some(progress)
    }

    fn new(snapshot: &Snapshot) -> Self {
        Self {
            at_epoch_ms: now_epoch_ms(),
            rows_per_s: snapshot.rows_per_second,
            limit_per_s: snapshot.learned_per_second,
            paused_s: snapshot.paused_for.map(|pause| pause.as_secs_f64()),
            remaining_s: snapshot.remaining.map(|time| time.as_secs_f64()),
        }
    }
}

/// Keeps the file while a leg runs.
pub(super) struct ProgressFile {
    directory: RunDirectory,
    written_at: Option<Duration>,
}

impl ProgressFile {
    pub(super) fn new(directory: RunDirectory) -> Self {
        Self {
            directory,
            written_at: None,
        }
    }
}

impl Consumer for ProgressFile {
    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Progress(snapshot) => {
                let is_due = self
                    .written_at
                    .is_none_or(|at| snapshot.elapsed >= at + WRITE_EVERY);
                if is_due {
                    self.written_at = Some(snapshot.elapsed);
                    let text =
                        serde_json::to_vec(&LiveProgress::new(snapshot)).expect("plain data");
                    // It is a courtesy: a full disk is told by the journal.
                    let _ = self.directory.write_note(FILE, &text);
                }
            }
            RunEvent::Ended => {
                let _ = std::fs::remove_file(self.directory.path().join(FILE));
            }
            _ => {}
        }
    }
}

fn now_epoch_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
}
