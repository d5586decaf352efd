//! What an undo tells, as data and as text.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::record::RequestCounts;
use crate::report::{counted, duration_words, write_counts};

/// How far a run is, or could be, taken back. `read` is the sum of all counts
/// behind it.
#[derive(Debug, Serialize)]
pub(super) struct Undone {
    pub(super) run_id: String,
    pub(super) job: String,
    /// Whether anything was to be written; else it is only a plan.
    pub(super) applied: bool,
    /// `finished`, `interrupted`, `paused`, `stopped` or `failed`.
    pub(super) state: &'static str,
    pub(super) exit_code: u8,
    /// Why it stopped before its end, in words.
    pub(super) reason: Option<String>,
    pub(super) ended_at: String,
    pub(super) elapsed_s: f64,
    /// Records that the run has changed or made, or was about to.
    pub(super) read: u64,
    /// Put back, or deleted.
    pub(super) undone: u64,
    /// Of a plan: changed by the run, and still as it left them.
    pub(super) to_put_back: u64,
    /// Of a plan: made by the run, and still as it left them.
    pub(super) to_delete: u64,
    /// As they were before the run.
    pub(super) unchanged: u64,
    /// Changed, deleted or replaced by somebody since; left alone.
    pub(super) changed_since: u64,
    /// Made by the run, and the connector can't delete.
    pub(super) cant_delete: u64,
    /// There, and it isn't known whether the run made them; left alone.
    pub(super) not_sure: u64,
    /// Refused by the tenant, or not to be looked up.
    pub(super) failed: u64,
    /// Sent, and never answered.
    pub(super) unknown: u64,
    pub(super) not_reached: u64,
    pub(super) requests: RequestCounts,
    pub(super) peak_memory_bytes: u64,
    /// The file that lists the records that aren't as before.
    pub(super) conflicts: String,
    /// The run, as a command names it.
    #[serde(skip)]
    pub(super) go_on: String,
}

impl Undone {
    /// Records that aren't, or wouldn't be, as they were before.
    pub(super) fn conflicts(&self) -> u64 {
        self.changed_since + self.cant_delete + self.not_sure + self.failed
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text)
            .expect("writing to memory doesn't fail");
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let run = &self.run_id;
        match (self.applied, self.not_reached) {
            (true, 0) if self.conflicts() + self.unknown == 0 => {
                writeln!(out, "\nrun {run} is undone")?;
            }
            (true, 0) => writeln!(out, "\nrun {run} is undone, as far as it can be")?,
            (true, _) => writeln!(out, "\nrun {run} is not undone to its end")?,
            (false, 0) => writeln!(out, "\nthe way back from run {run}; nothing was written")?,
            (false, _) => writeln!(
                out,
                "\nthe way back from run {run} is not planned to its end"
            )?,
        }
        let lines = [
            ("records", self.read, true),
            ("put back or deleted", self.undone, self.applied),
            ("to be put back", self.to_put_back, !self.applied),
            (
                "to be deleted, since the run made them",
                self.to_delete,
                false,
            ),
            ("as before the run already", self.unchanged, false),
            (
                "changed by somebody since, left alone",
                self.changed_since,
                false,
            ),
            (
                "made by the run, not to be deleted here",
                self.cant_delete,
                false,
            ),
            ("maybe made by the run, left alone", self.not_sure, false),
            ("refused or not found out", self.failed, false),
            ("sent and never answered", self.unknown, false),
            ("not reached", self.not_reached, false),
        ];
        write_counts(out, 40, &lines)?;
        writeln!(
            out,
            "  {} in {}: {}",
            self.state,
            duration_words(Duration::from_secs_f64(self.elapsed_s.max(0.0))),
            counted(self.requests.sent, "request"),
        )?;
        if self.conflicts() > 0 {
            writeln!(
                out,
                "  the records, with the reason of each: {}",
                self.conflicts
            )?;
        }
        let is_open = self.to_put_back + self.to_delete > 0 || self.not_reached + self.unknown > 0;
        if is_open {
            let yes = match self.applied || self.not_reached == 0 {
                true => " --yes",
                false => "",
            };
            writeln!(out, "  to go on: sluice undo {}{yes}", self.go_on)?;
        }
        Ok(())
    }
}
