//! What a verification tells, as data and as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::record::RequestCounts;
use crate::report::{LimitSummary, RateSummary, counted, duration_words, thousands, write_counts};

/// How far a run's rows and the tenant's records agree.
#[derive(Debug, Serialize)]
pub(super) struct Verification {
    pub(super) run_id: String,
    pub(super) job: String,
    /// `finished`, `interrupted`, `paused`, `stopped` or `failed`.
    pub(super) state: &'static str,
    pub(super) exit_code: u8,
    /// Why it stopped before its end, in words.
    pub(super) reason: Option<String>,
    pub(super) ended_at: String,
    pub(super) elapsed_s: f64,
    /// The part of the rows that was to be compared; null for all.
    pub(super) sample: Option<String>,
    /// Rows of the run's input; the sum of `compared`, `failed`, `not_reached`
    /// and all of `not_compared`.
    pub(super) read: u64,
    pub(super) rows: ComparedRows,
    pub(super) not_compared: RowsLeftOut,
    pub(super) unique_keys: UniqueKeys,
    /// Rows that differ, by each place that does.
    pub(super) places: BTreeMap<String, u64>,
    pub(super) requests: RequestCounts,
    pub(super) rate: RateSummary,
    pub(super) limits: Vec<LimitSummary>,
    pub(super) peak_memory_bytes: u64,
    /// The file that lists the rows that don't agree.
    pub(super) mismatches: String,
}

/// Rows that were to be compared.
#[derive(Debug, Default, Serialize)]
pub(super) struct ComparedRows {
    /// The sum of the next four.
    pub(super) compared: u64,
    pub(super) same: u64,
    pub(super) different: u64,
    /// The tenant has no such record.
    pub(super) missing: u64,
    /// The tenant has several records of the key.
    pub(super) several: u64,
    /// The look-up gave no answer that could be used.
    pub(super) failed: u64,
    pub(super) not_reached: u64,
}

impl ComparedRows {
    /// Rows that don't agree with the tenant, or couldn't be compared.
    pub(super) fn mismatches(&self) -> u64 {
        self.different + self.missing + self.several + self.failed
    }
}

/// Rows of the run that nothing can be compared for.
#[derive(Debug, Default, Serialize)]
pub(super) struct RowsLeftOut {
    pub(super) rejected: u64,
    pub(super) unknown: u64,
    pub(super) skipped: u64,
    /// A later row has the same key, and its values stand there now.
    pub(super) superseded: u64,
    pub(super) outside_sample: u64,
    /// The run hasn't got to them.
    pub(super) not_reached: u64,
    /// Keys of rows that the run should have applied and hasn't, or nobody knows,
    /// and that no other row has; a row without one counts as one. 0 where only a
    /// sample is compared.
    #[serde(skip)]
    pub(super) keys_not_applied: u64,
}

impl RowsLeftOut {
    /// Rows of the source that the run should have applied and hasn't, or nobody
    /// knows.
    pub(super) fn not_applied(&self) -> u64 {
        self.rejected + self.unknown + self.not_reached
    }

    pub(super) fn sum(&self) -> u64 {
        self.rejected
            + self.unknown
            + self.skipped
            + self.superseded
            + self.outside_sample
            + self.not_reached
    }
}

/// Keys, each counted once.
#[derive(Debug, Default, Serialize)]
pub(super) struct UniqueKeys {
    /// In the input; of a sample, those that were compared.
    pub(super) source: u64,
    /// In the tenant: different records that were found under them.
    pub(super) target: u64,
}

impl Verification {
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text)
            .expect("writing to memory doesn't fail");
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n{}", self.headline())?;
        let rows = &self.rows;
        let left_out = &self.not_compared;
        let lines = [
            ("compared", rows.compared, true),
            ("same", rows.same, true),
            ("different", rows.different, false),
            ("missing", rows.missing, false),
            ("several", rows.several, false),
            ("failed", rows.failed, false),
            ("not reached", rows.not_reached, false),
        ];
        write_counts(out, 12, &lines)?;
        let left_out = [
            (left_out.rejected, "rejected by the run"),
            (left_out.unknown, "unknown"),
            (left_out.skipped, "skipped"),
            (left_out.superseded, "written again by a later row"),
            (left_out.outside_sample, "outside the sample"),
            (left_out.not_reached, "not reached by the run"),
        ];
        let words: Vec<String> = left_out
            .into_iter()
            .filter(|(rows, _)| *rows > 0)
            .map(|(rows, why)| format!("{} {why}", thousands(rows)))
            .collect();
        if !words.is_empty() {
            writeln!(out, "  not compared: {}", words.join(", "))?;
        }
        writeln!(
            out,
            "  keys        {:>12} in the source, {} in the target",
            thousands(self.unique_keys.source),
            thousands(self.unique_keys.target)
        )?;
        for (place, rows) in &self.places {
            writeln!(out, "  {place} differs in {}", counted(*rows, "row"))?;
        }
        writeln!(
            out,
            "  {} in {}: {} ({} × 429, {} repeated), p99 {:.0} ms",
            self.state,
            duration_words(Duration::from_secs_f64(self.elapsed_s.max(0.0))),
            counted(self.requests.sent, "request"),
            thousands(self.requests.throttled),
            thousands(self.requests.retried),
            self.rate.p99_ms,
        )?;
        if rows.mismatches() > 0 {
            writeln!(out, "  the rows, with what differs: {}", self.mismatches)?;
        }
        Ok(())
    }

    fn headline(&self) -> String {
        let run = &self.run_id;
        let rows = &self.rows;
        let part = match &self.sample {
            Some(sample) => format!(" (a sample of {sample})"),
            None => String::new(),
        };
        if self.state != "finished" {
            let told = self.reason.as_ref().filter(|_| self.state != "failed");
            let why = told.map_or_else(String::new, |reason| format!(": {reason}"));
            return format!("run {run} is not verified to its end{part}{why}");
        }
        let compared_keys = self.unique_keys.source - self.not_compared.keys_not_applied;
        let not_applied = self.not_compared.not_applied();
        match (rows.mismatches(), compared_keys == self.unique_keys.target) {
            (0, true) if not_applied > 0 => format!(
                "run {run}{part}: {} agree with the tenant, and {} of the source {} not loaded",
                counted(rows.same, "row"),
                counted(not_applied, "row"),
                if not_applied == 1 { "was" } else { "were" },
            ),
            (0, true) => format!("run {run} is verified{part}: every row agrees with the tenant"),
            (0, false) => format!("run {run}{part}: several keys share a record in the tenant"),
            (rows, _) => format!(
                "run {run}{part}: {} with the tenant",
                match rows {
                    1 => "1 row doesn't agree".to_owned(),
                    _ => format!("{} rows don't agree", thousands(rows)),
                }
            ),
        }
    }
}
