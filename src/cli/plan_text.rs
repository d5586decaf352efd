//! What a plan tells, as data and as text.

use std::fmt::Write;

use serde::Serialize;

use super::online::OnlinePlan;
use crate::error::printable;
use crate::mapping::Observation;
use crate::plan::{Findings, Forecast};
use crate::report::{counted, duration_words, rate_words, thousands};

use super::plan_request::PlannedRequest;
use super::plan_sample::Sample;

/// What a run would do.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    pub(super) job: String,
    pub(super) input: String,
    pub(super) target: String,
    pub(super) operation: String,
    pub(super) columns: Vec<String>,
    pub(super) notices: Vec<String>,
    pub(super) rows: u64,
    pub(super) skipped: u64,
    pub(super) to_send: u64,
    pub(super) problems: Findings,
    pub(super) observations: Vec<ObservedField>,
    pub(super) duplicates: RepeatedKeys,
    pub(super) samples: Vec<Sample>,
    /// Made of the samples, as they would be sent.
    pub(super) first_requests: Vec<PlannedRequest>,
    pub(super) forecast: Forecast,
    /// Where the forecast's limit comes from, in words.
    pub(super) forecast_from: Option<String>,
    /// What the tenant has of the rows; null where it wasn't asked.
    pub(super) online: Option<OnlinePlan>,
}

/// Keys that stand in more than one row.
#[derive(Debug, Default, Serialize)]
pub(super) struct RepeatedKeys {
    pub(super) keys: u64,
    pub(super) rows: u64,
    pub(super) first_rows: Vec<u64>,
    /// Where those rows start; empty where the input can be read only once.
    pub(super) first_lines: Vec<u64>,
    pub(super) choice: String,
}

/// Something remarkable about a field's values that rejects no row.
#[derive(Debug, Serialize)]
pub(super) struct ObservedField {
    pub(super) field: String,
    pub(super) remark: String,
    pub(super) rows: u64,
    pub(super) first_lines: Vec<u64>,
}

impl ObservedField {
    pub(super) fn new(observation: &Observation) -> Self {
        Self {
            field: observation.field.clone(),
            remark: observation.kind.message().to_owned(),
            rows: observation.rows,
            first_lines: observation.first_lines.clone(),
        }
    }
}

impl Plan {
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text)
            .expect("writing to memory doesn't fail");
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{} → {}", self.input, self.target)?;
        writeln!(out, "  operation   {}", self.operation)?;
        let columns = self.columns.join(", ");
        writeln!(out, "  columns     {}", printable(&columns))?;
        for notice in &self.notices {
            writeln!(out, "  found       {notice}")?;
        }
        writeln!(out, "\nrows")?;
        writeln!(out, "  read        {:>12}", thousands(self.rows))?;
        writeln!(out, "  to send     {:>12}", thousands(self.to_send))?;
        if self.skipped > 0 {
            writeln!(out, "  skipped     {:>12}", thousands(self.skipped))?;
        }
        writeln!(
            out,
            "  rejected    {:>12}",
            thousands(self.problems.rejected)
        )?;
        if !self.samples.is_empty() {
            writeln!(
                out,
                "\nthe first rows: the source on the left, what would be sent on the right"
            )?;
            for sample in &self.samples {
                sample.write_text(out)?;
            }
            writeln!(
                out,
                "\nthe first request that would be sent, without its headers"
            )?;
            for request in &self.first_requests {
                request.write_text(out)?;
            }
        }
        self.write_problems(out)?;
        if let Some(online) = &self.online {
            online.write_text(out)?;
        }
        writeln!(out, "\nforecast")?;
        writeln!(
            out,
            "  requests    {:>12}",
            thousands(self.forecast.requests)
        )?;
        self.write_time(out)
    }

    fn write_time(&self, out: &mut String) -> std::fmt::Result {
        let forecast = &self.forecast;
        let (Some(time), Some(rate)) = (forecast.duration(), forecast.requests_per_s) else {
            return writeln!(
                out,
                "  time        not known: the tenant's limit isn't; `sluice probe` finds it, \
                 --max-rate gives one"
            );
        };
        let time = match time.as_secs() {
            0 => "less than a second".to_owned(),
            _ => format!("about {}", duration_words(time)),
        };
        writeln!(
            out,
            "  time        {} will take {time}, at {}",
            counted(self.to_send, "row"),
            rate_words(rate)
        )?;
        match &self.forecast_from {
            Some(from) => writeln!(out, "  from        {from}"),
            None => Ok(()),
        }
    }

    fn write_problems(&self, out: &mut String) -> std::fmt::Result {
        if self.problems.rejected > 0 {
            writeln!(out, "\nrows that would be rejected")?;
        }
        for (rule, findings) in &self.problems.rules {
            writeln!(out, "  {rule}: {}", counted(findings.rows, "row"))?;
            for problem in &findings.first {
                let field = match problem.field.as_str() {
                    "" => String::new(),
                    field => format!("{field}: "),
                };
                match problem.line {
                    0 => writeln!(out, "    row {}: {field}{}", problem.row, problem.message)?,
                    line => writeln!(out, "    line {line}: {field}{}", problem.message)?,
                }
            }
            let others = findings.rows - findings.first.len() as u64;
            if others > 0 {
                writeln!(out, "    … and {} more", thousands(others))?;
            }
        }
        for observed in &self.observations {
            let lines: Vec<String> = observed.first_lines.iter().map(u64::to_string).collect();
            writeln!(
                out,
                "\nlook at {}: {} with {} ({} {}{})",
                observed.field,
                counted(observed.rows, "row"),
                observed.remark,
                plural(observed.rows, "line"),
                lines.join(", "),
                if observed.rows > lines.len() as u64 {
                    ", …"
                } else {
                    ""
                },
            )?;
        }
        if self.duplicates.keys > 0 {
            let (what, places) = match self.duplicates.first_lines.as_slice() {
                [] => ("row", &self.duplicates.first_rows),
                _ => ("line", &self.duplicates.first_lines),
            };
            let rows: Vec<String> = places.iter().map(u64::to_string).collect();
            writeln!(
                out,
                "\nin more than one row: {} ({} with a key that stood before: {} {}{}); duplicates: {}",
                counted(self.duplicates.keys, "key"),
                counted(self.duplicates.rows, "row"),
                plural(self.duplicates.rows, what),
                rows.join(", "),
                if self.duplicates.rows > rows.len() as u64 {
                    ", …"
                } else {
                    ""
                },
                self.duplicates.choice,
            )?;
        }
        Ok(())
    }
}

/// What is counted, in the number that goes with it.
fn plural(number: u64, what: &str) -> String {
    match number {
        1 => what.to_owned(),
        _ => format!("{what}s"),
    }
}
