//! `sluice plan`: checks every row offline, and says what a run would do.

use crate::actors::{RowMapper, Selection};
use crate::config::{Duplicates, Settings};
use crate::error::{ExitStatus, FatalError};
use crate::mapping::Observations;
use crate::plan::Findings;
use crate::record::{Fields, RawBatch, RawRow, Refusal};
use crate::source::csv::{Input, Start, split};
use crate::source::{DuplicateFinder, Source, SourceError};

use super::arguments::{OutputForm, RunArguments, ShowingFlags};
use super::assemble::settings_of;
use super::credentials::client_id_offline;
use super::known_limits::{KnownLimits, forecast};
use super::load::{Prepared, file_input, prepare};
use super::plan_text::{ObservedField, Plan, RepeatedKeys, Sample};
use super::print;

/// Rows that are shown as they would be sent.
const SAMPLES: usize = 5;
/// Lines of repeated keys that are named.
const NAMED_REPEATS: usize = 10;

/// `sluice plan`.
pub(super) fn plan(arguments: &RunArguments) -> Result<ExitStatus, FatalError> {
    let assembled = settings_of(arguments)?;
    plan_settings(assembled.settings, &arguments.showing)
}

/// The plan for settled settings; `run --dry-run` comes here too.
pub(super) fn plan_settings(
    settings: Settings,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    let input = file_input(&settings).unwrap_or(Input::Stdin);
    let prepared = prepare(settings, input)?;
    let plan = Planner::new(&prepared).run()?;
    match showing.output {
        OutputForm::Json => {
            let text = serde_json::to_string_pretty(&plan).expect("a plan is plain data");
            print::result(&format!("{text}\n"))?;
        }
        OutputForm::Ndjson => {
            let text = serde_json::to_string(&plan).expect("a plan is plain data");
            print::result(&format!("{text}\n"))?;
        }
        OutputForm::Text => print::result(&plan.to_text())?,
    }
    Ok(match plan.problems.rejected {
        0 => ExitStatus::Done,
        _ => ExitStatus::SomeRejected,
    })
}

/// Reads the input once and gathers everything on the way.
struct Planner<'load> {
    prepared: &'load Prepared,
    fields: Fields,
    key: String,
    body: Vec<u8>,
    rows: u64,
    skipped: u64,
    accepted: u64,
    problems: Findings,
    observations: Observations,
    repeats: DuplicateFinder,
    samples: Vec<Sample>,
}

impl<'load> Planner<'load> {
    fn new(prepared: &'load Prepared) -> Self {
        Self {
            prepared,
            fields: Fields::default(),
            key: String::new(),
            body: Vec::new(),
            rows: 0,
            skipped: 0,
            accepted: 0,
            problems: Findings::default(),
            observations: Observations::default(),
            repeats: DuplicateFinder::new(std::env::temp_dir()),
            samples: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Plan, FatalError> {
        let mut source = self
            .prepared
            .open(Start::Beginning)
            .map_err(SourceError::into_fatal)?;
        let selection = Selection {
            skip: self.prepared.settings.skip,
            limit: self.prepared.settings.limit,
            ..Selection::default()
        };
        while let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? {
            for row in &batch.rows {
                self.rows += 1;
                if !selection.wants(row.row) {
                    self.skipped += 1;
                    continue;
                }
                match self.check(&batch, row) {
                    Ok(()) => self.accept(row)?,
                    Err(refusal) => self.problems.add(row.row, row.position, &refusal),
                }
            }
        }
        self.finish()
    }

    fn check(&mut self, batch: &RawBatch, row: &RawRow) -> Result<(), Box<Refusal>> {
        if let Some(flaw) = &row.flaw {
            return Err(Box::new(Refusal::from(flaw.as_ref())));
        }
        let shape = &self.prepared.shape;
        let raw = &batch.buffer[row.start..row.end];
        split(
            raw,
            row.position,
            shape.dialect(),
            shape.header.len(),
            &mut self.fields,
        )
        .map_err(|flaw| Box::new(Refusal::from(&flaw)))?;
        let program = &self.prepared.program;
        self.observations
            .observe(program, &self.fields, row.position.line);
        self.key.clear();
        self.body.clear();
        let (fields, key) = (&self.fields, &mut self.key);
        self.prepared
            .bound
            .operation
            .wrap_body(&mut self.body, |out| program.apply(fields, key, out))
    }

    fn accept(&mut self, row: &RawRow) -> Result<(), FatalError> {
        self.accepted += 1;
        self.repeats
            .add(row.row, RowMapper::hash_key(&self.key))
            .map_err(SourceError::into_fatal)?;
        if self.samples.len() < SAMPLES {
            let mut path = Vec::new();
            self.prepared
                .bound
                .operation
                .write_path(&self.key, &mut path);
            self.samples.push(Sample {
                line: row.position.line,
                path: String::from_utf8_lossy(&path).into_owned(),
                body: String::from_utf8_lossy(&self.body).into_owned(),
            });
        }
        Ok(())
    }

    fn finish(self) -> Result<Plan, FatalError> {
        let settings = &self.prepared.settings;
        let found = self.repeats.finish().map_err(SourceError::into_fatal)?;
        let repeated_rows = found.later.len() as u64;
        let mut problems = self.problems;
        let (mut to_send, mut skipped) = (self.accepted, self.skipped);
        match settings.duplicates {
            Duplicates::Apply => {}
            Duplicates::First | Duplicates::Last => {
                to_send -= repeated_rows;
                skipped += repeated_rows;
            }
            Duplicates::Reject => {
                to_send -= repeated_rows;
                problems.add_repeats(&found.later);
            }
        }
        let operation = &self.prepared.bound.operation;
        let client = client_id_offline(settings);
        let key = self
            .prepared
            .limit_key(client.as_deref().unwrap_or_default());
        let known = KnownLimits::read(settings);
        let (forecast, forecast_from) = forecast(
            to_send,
            operation.batch_cap as u64,
            &known.profiles,
            (&key.tenant, client.as_deref(), &key.endpoint),
            settings,
        );
        let mut notices = self.prepared.shape.notices.clone();
        notices.extend(known.trouble);
        Ok(Plan {
            job: settings.job.clone(),
            input: settings.input.to_string(),
            target: format!(
                "{} at {}",
                self.prepared.bound.connector, self.prepared.bound.base_url
            ),
            operation: match operation.batch_cap {
                0 | 1 => format!("{} ({} a row)", operation.name, operation.method),
                most => format!(
                    "{} ({} for up to {most} rows)",
                    operation.name, operation.method
                ),
            },
            columns: self.prepared.shape.header.clone(),
            notices,
            rows: self.rows,
            skipped,
            to_send,
            observations: self
                .observations
                .found()
                .iter()
                .map(ObservedField::new)
                .collect(),
            duplicates: RepeatedKeys {
                keys: found.groups,
                rows: repeated_rows,
                first_rows: found.later.iter().copied().take(NAMED_REPEATS).collect(),
                choice: settings.duplicates.to_string(),
            },
            samples: self.samples,
            forecast,
            forecast_from,
            problems,
        })
    }
}
