//! `sluice plan`: checks every row offline, and says what a run would do.

use std::sync::Arc;

use crate::actors::{RowMapper, Selection};
use crate::config::{Duplicates, InputSource, Settings};
use crate::connector::{Bound, Operation};
use crate::error::{ExitStatus, FatalError};
use crate::mapping::{MappedRow, Observations, TargetIds};
use crate::plan::Findings;
use crate::record::{Fields, RawBatch, RawRow, Refusal, RowRanges};
use crate::source::csv::{Input, Start, split};
use crate::source::{DuplicateFinder, Source, SourceError, Spool};

use super::arguments::{PlanArguments, ShowingFlags};
use super::assemble::{Load, settings_of};
use super::credentials::client_id_offline;
use super::known_limits::{KnownLimits, forecast, requests_of_load};
use super::load::{Prepared, prepare, prepare_staged};
use super::online::{Answered, Question};
use super::parts;
use super::plan_request::{FirstRow, first_requests};
use super::plan_sample::Sample;
use super::plan_text::{ObservedField, Plan, RepeatedKeys};
use super::planned_keys::{KeysOfEntity, PlannedKeys};
use super::source_stream::{SourceStream, prepare_without_rows, unsaved};
use super::staging::{PrivateFolder, stage_file};
use super::told::Told;

/// Rows that are shown as they would be sent.
const SAMPLES: usize = 5;
/// Rows of which those that are shown are chosen, where a row may be left out
/// for another of its key.
const SAMPLE_CANDIDATES: usize = 50;
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
    plan_load(assembled.load, asking, &arguments.run.showing)
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

/// The plan of what is loaded; `run --dry-run` comes here too.
pub(super) fn plan_load(
    load: Load,
    asking: Asking,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    match load {
        Load::Whole(settings) => {
            plan_of(*settings, asking, Among::default(), showing)?.tell(showing.output)
        }
        Load::Parts(parts) => parts::plan(&parts, asking, showing),
    }
}

/// A plan as one of several.
#[derive(Clone, Copy, Default)]
pub(super) struct Among<'plans> {
    /// The rows, where other plans read them too.
    pub(super) spool: Option<&'plans Spool>,
    /// Of an entity, its name, and what is known of those before it.
    pub(super) entity: Option<(&'plans str, &'plans Arc<PlannedKeys>)>,
}

/// The plan for settled settings.
pub(super) fn plan_of(
    settings: Settings,
    asking: Asking,
    among: Among<'_>,
    showing: &ShowingFlags,
) -> Result<Told<Plan>, FatalError> {
    let (settings, question) = Question::prepare(settings, asking)?;
    let scratch;
    let kept = among.spool.map(|spool| Input::Spool(spool.clone()));
    let has_rows = asking != Asking::Nothing || !matches!(settings.input, InputSource::Stream(_));
    let mut prepared = match &settings.input {
        InputSource::File(path) => {
            let input = Input::File(path.clone());
            prepare(settings, input)?
        }
        InputSource::StandardInput => prepare(settings, kept.unwrap_or(Input::Stdin))?,
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
            let input = match kept {
                Some(input) => input,
                None => {
                    let source = SourceStream::open(&settings, stream)?;
                    Input::Spool(source.start(&settings, unsaved(scratch.path()))?)
                }
            };
            prepare_staged(settings, input)?
        }
        _ => {
            scratch = PrivateFolder::create()?;
            stage_file(&settings, scratch.path())?.0
        }
    };
    if let Some(question) = &question {
        question.check(&mut prepared)?;
    }
    let mut keys = None;
    if let Some((name, planned)) = among.entity {
        let ids: Arc<dyn TargetIds> = Arc::<PlannedKeys>::clone(planned);
        prepared.refer_to(&ids);
        keys = planned.keys_of(name).filter(|_| has_rows);
    }
    let (mut plan, sendable) = Planner::new(&prepared, question.is_some()).run(keys.as_mut())?;
    if let (Some((name, planned)), Some(keys)) = (among.entity, keys) {
        planned.note(name, keys);
    }
    let answered = match question {
        Some(question) => question.ask(&prepared, &sendable, &mut plan, showing)?,
        None => Answered::default(),
    };
    let offline = match plan.problems.rejected {
        0 => ExitStatus::Done,
        _ => ExitStatus::SomeRejected,
    };
    Ok(Told {
        status: offline.worst_of(answered.status),
        text: plan.to_text(),
        data: plan,
        failure: answered.failure,
        remark: None,
    })
}

/// Rows that a run would send.
#[derive(Debug, Default)]
pub(super) struct Sendable {
    /// Rows that the mapping accepts; kept only where the tenant is asked.
    pub(super) accepted: RowRanges,
    /// Those of them that stand for another row of their key, in order.
    pub(super) repeated: Vec<u64>,
}

impl Sendable {
    /// How many different keys they have.
    pub(super) fn keys(&self) -> u64 {
        self.accepted.rows() - self.repeated.len() as u64
    }
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
    /// The rows of the samples.
    first_rows: Vec<FirstRow>,
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
            first_rows: Vec::new(),
        }
    }

    /// `keys` takes in those of the rows that a load would send.
    fn run(mut self, mut keys: Option<&mut KeysOfEntity>) -> Result<(Plan, Sendable), FatalError> {
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
                    Ok(()) => {
                        let key_hash = self.accept(row)?;
                        if let Some(keys) = &mut keys {
                            keys.add(key_hash);
                        }
                    }
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

    /// Takes a row in that a load would send; gives the hash of its key.
    fn accept(&mut self, row: &RawRow) -> Result<u64, FatalError> {
        self.accepted += 1;
        if let Some(rows) = &mut self.accepted_rows {
            rows.insert(row.row.0);
        }
        let key_hash = RowMapper::hash_key(self.mapped.key());
        self.repeats
            .add(row.row, key_hash)
            .map_err(SourceError::into_fatal)?;
        let wanted = match self.prepared.settings.duplicates {
            Duplicates::Apply => SAMPLES,
            // Some of them may be left out for others of their keys.
            _ => SAMPLE_CANDIDATES,
        };
        if self.samples.len() < wanted {
            let sample = Sample::new(
                self.prepared,
                row.position.line,
                &self.fields,
                &self.mapped,
                &self.body,
            );
            self.samples.push(sample);
            self.first_rows.push(FirstRow {
                number: row.row.0,
                key: self.mapped.key().to_owned(),
                body: self.body.clone(),
            });
        }
        Ok(key_hash)
    }

    fn finish(self) -> Result<(Plan, Sendable), FatalError> {
        let settings = &self.prepared.settings;
        let found = self.repeats.finish().map_err(SourceError::into_fatal)?;
        let repeated_rows = found.later.len() as u64;
        let first_repeats: Vec<u64> = found.later.iter().copied().take(NAMED_REPEATS).collect();
        let first_lines = lines_of(self.prepared, &first_repeats)?;
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
                problems.add_repeats(&found.later, &first_lines);
            }
        }
        let left_out: &[u64] = match settings.duplicates {
            Duplicates::Apply => &[],
            Duplicates::First | Duplicates::Reject => &found.later,
            Duplicates::Last => &found.earlier,
        };
        // What would be sent is shown, which a row that is left out isn't.
        let (samples, first_rows): (Vec<Sample>, Vec<FirstRow>) = self
            .samples
            .into_iter()
            .zip(self.first_rows)
            .filter(|(_, row)| left_out.binary_search(&row.number).is_err())
            .take(SAMPLES)
            .unzip();
        let client = client_id_offline(settings);
        let key = self
            .prepared
            .limit_key(client.as_deref().unwrap_or_default());
        let known = KnownLimits::read(settings);
        let (forecast, forecast_from) = forecast(
            requests_of_load(&self.prepared.bound, settings.pre_images, to_send),
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
                first_rows: first_repeats,
                first_lines,
                choice: settings.duplicates.to_string(),
            },
            samples,
            first_requests: first_requests(self.prepared, &first_rows),
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

/// The lines on which these rows start, which are in order; none where the input
/// can be read only once.
fn lines_of(prepared: &Prepared, rows: &[u64]) -> Result<Vec<u64>, FatalError> {
    let mut lines = Vec::with_capacity(rows.len());
    if rows.is_empty() || matches!(prepared.csv.input, Input::Stdin) {
        return Ok(lines);
    }
    let mut source = prepared
        .open(Start::Beginning)
        .map_err(SourceError::into_fatal)?;
    while lines.len() < rows.len() {
        let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? else {
            break;
        };
        let named = batch.rows.iter().filter(|row| rows.contains(&row.row.0));
        lines.extend(named.map(|row| row.position.line));
    }
    Ok(lines)
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
