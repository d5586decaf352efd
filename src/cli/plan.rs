//! `sluice plan`: checks every row offline, and says what a run would do.

use crate::actors::{RowMapper, Selection};
use crate::config::{Duplicates, InputSource, Settings};
use crate::connector::{Bound, Operation};
use crate::error::{ExitStatus, FatalError};
use crate::mapping::{MappedRow, Observations};
use crate::plan::{Findings, requests_for};
use crate::record::{Fields, RawBatch, RawRow, Refusal, RowRanges};
use crate::source::csv::{Input, Start, split};
use crate::source::{CallLog, DuplicateFinder, Source, SourceError};

use super::arguments::{PlanArguments, ShowingFlags};
use super::assemble::settings_of;
use super::credentials::client_id_offline;
use super::known_limits::{KnownLimits, forecast};
use super::load::{Prepared, prepare, prepare_staged};
use super::online::{Answered, Question};
use super::plan_sample::Sample;
use super::plan_text::{ObservedField, Plan, RepeatedKeys};
use super::print;
use super::source_remarks::SourceRemarks;
use super::source_stream::{Begin, SourceStream, prepare_without_rows};
use super::staging::{PrivateFolder, stage_file};

/// Rows that are shown as they would be sent.
const SAMPLES: usize = 5;
/// Lines of repeated keys that are named.
const NAMED_REPEATS: usize = 10;

/// `sluice plan`.
pub(super) fn plan(arguments: &PlanArguments) -> Result<ExitStatus, FatalError> {
    let assembled = settings_of(&arguments.run)?;
    let asking = match (arguments.online, arguments.all) {
        (false, _) => Asking::Nothing,
        (true, false) => Asking::AboutSome,
        (true, true) => Asking::AboutAll,
    };
    plan_settings(assembled.settings, asking, &arguments.run.showing)
}

/// What a plan may ask of platforms. It never writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// It sends nothing at all.
    Nothing,
    /// It reads: of the target the records of the first rows, or of those that
    /// `--limit` leaves.
    AboutSome,
    /// It reads: of the target the records of all rows.
    AboutAll,
}

/// The plan for settled settings; `run --dry-run` comes here too.
pub(super) fn plan_settings(
    settings: Settings,
    asking: Asking,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    let (settings, question) = Question::prepare(settings, asking)?;
    let scratch;
    let mut prepared = match &settings.input {
        InputSource::File(path) => {
            let input = Input::File(path.clone());
            prepare(settings, input)?
        }
        InputSource::StandardInput => prepare(settings, Input::Stdin)?,
        InputSource::Stream(stream) if asking == Asking::Nothing => {
            scratch = PrivateFolder::create()?;
            let mut prepared = prepare_without_rows(&settings, stream, scratch.path())?;
            prepared.shape.notices.push(
                "the rows stand at the source's platform and weren't read; --online reads them"
                    .to_owned(),
            );
            prepared
        }
        InputSource::Stream(stream) => {
            scratch = PrivateFolder::create()?;
            prepare_without_rows(&settings, stream, scratch.path())?;
            let begin = Begin {
                folder: scratch.path(),
                state: None,
                save: Box::new(|_| Ok(())),
                run_id: "plan".to_owned(),
                calls: CallLog::default(),
                remarks: SourceRemarks::default(),
            };
            let spool = SourceStream::open(&settings, stream)?.start(&settings, begin)?;
            prepare_staged(settings, Input::Spool(spool))?
        }
        _ => {
            scratch = PrivateFolder::create()?;
            stage_file(&settings, scratch.path())?.0
        }
    };
    if let Some(question) = &question {
        question.check(&mut prepared)?;
    }
    let (mut plan, sendable) = Planner::new(&prepared, question.is_some()).run()?;
    let answered = match question {
        Some(question) => question.ask(&prepared, &sendable, &mut plan, showing)?,
        None => Answered::default(),
    };
    print::report(showing.output, &plan, || plan.to_text())?;
    if let Some(failure) = &answered.failure {
        print::failure(failure);
    }
    let offline = match plan.problems.rejected {
        0 => ExitStatus::Done,
        _ => ExitStatus::SomeRejected,
    };
    Ok(offline.worst_of(answered.status))
}

/// Rows that a run would send.
#[derive(Debug, Default)]
pub(super) struct Sendable {
    /// Rows that the mapping accepts; kept only where the tenant is asked.
    pub(super) accepted: RowRanges,
    /// Those of them that stand for another row of their key, in order.
    pub(super) repeated: Vec<u64>,
}

/// Reads the input once and gathers everything on the way.
struct Planner<'load> {
    prepared: &'load Prepared,
    fields: Fields,
    mapped: MappedRow,
    body: Vec<u8>,
    rows: u64,
    skipped: u64,
    accepted: u64,
    problems: Findings,
    observations: Observations,
    repeats: DuplicateFinder,
    samples: Vec<Sample>,
    /// `None` where nobody wants to know them.
    accepted_rows: Option<RowRanges>,
}

impl<'load> Planner<'load> {
    fn new(prepared: &'load Prepared, keeps_rows: bool) -> Self {
        Self {
            prepared,
            accepted_rows: keeps_rows.then(RowRanges::default),
            fields: Fields::default(),
            mapped: MappedRow::default(),
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

    fn run(mut self) -> Result<(Plan, Sendable), FatalError> {
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
        self.body.clear();
        let (fields, mapped) = (&self.fields, &mut self.mapped);
        self.prepared
            .bound
            .operation
            .wrap_body(&mut self.body, |out| program.apply(fields, mapped, out))
    }

    fn accept(&mut self, row: &RawRow) -> Result<(), FatalError> {
        self.accepted += 1;
        if let Some(rows) = &mut self.accepted_rows {
            rows.insert(row.row.0);
        }
        self.repeats
            .add(row.row, RowMapper::hash_key(self.mapped.key()))
            .map_err(SourceError::into_fatal)?;
        if self.samples.len() < SAMPLES {
            let sample = Sample::new(
                self.prepared,
                row.position.line,
                &self.fields,
                &self.mapped,
                &self.body,
            );
            self.samples.push(sample);
        }
        Ok(())
    }

    fn finish(self) -> Result<(Plan, Sendable), FatalError> {
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
        let update = self.prepared.bound.update.as_deref();
        let rows_a_request = update.map_or(operation.batch_cap, |update| {
            update.batch_cap.min(operation.batch_cap)
        });
        let (forecast, forecast_from) = forecast(
            requests_for(
                to_send,
                rows_a_request as u64,
                update.is_some() || settings.pre_images,
            ),
            &known.profiles,
            (&key.tenant, client.as_deref(), &key.endpoint),
            settings,
        );
        let mut notices = self.prepared.shape.notices.clone();
        notices.extend(known.trouble);
        let plan = Plan {
            job: settings.job.clone(),
            input: settings.input.to_string(),
            target: format!(
                "{} at {}",
                self.prepared.bound.connector, self.prepared.bound.base_url
            ),
            operation: operation_words(&self.prepared.bound, settings.pre_images),
            columns: self.prepared.shape.payload_names(),
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
            online: None,
        };
        let sendable = Sendable {
            accepted: self.accepted_rows.unwrap_or_default(),
            repeated: match settings.duplicates {
                Duplicates::Last => found.earlier,
                Duplicates::Apply | Duplicates::First | Duplicates::Reject => found.later,
            },
        };
        Ok((plan, sendable))
    }
}

/// What is sent for a row: `create (POST for up to 200 rows)`; of an upsert, its
/// steps.
fn operation_words(bound: &Bound, keeps_pre_images: bool) -> String {
    let words = |operation: &Operation| match operation.batch_cap {
        0 | 1 => format!("{} ({} a row)", operation.name, operation.method),
        most => format!(
            "{} ({} for up to {most} rows)",
            operation.name, operation.method
        ),
    };
    match &bound.update {
        Some(update) => format!(
            "each row is looked up, then {} or {}",
            words(&bound.operation),
            words(update)
        ),
        None if keeps_pre_images => {
            format!("each row is looked up, then {}", words(&bound.operation))
        }
        None => words(&bound.operation),
    }
}
