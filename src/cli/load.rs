//! What every loading command prepares: the connector, the input's shape, the
//! compiled mapping; and from them the plan of a run.

use std::path::Path;
use std::sync::Arc;

use encoding_rs::Encoding;

use crate::actors::{Endpoint, InputCounter, OpenSource, RowMapper, RunPlan, Selection};
use crate::auth::Credentials;
use crate::config::{self, Concurrency, Duplicates, InputSource, Settings};
use crate::connector::{Bound, Connector, Effect, PreImage};
use crate::error::FatalError;
use crate::limit::{self, LimitKey, LimitSettings};
use crate::mapping::{Contract, FieldRule, MappedRow, Program, TargetIds};
use crate::record::{Fields, Position, RowId};
use crate::source::csv::{
    CsvCounter, CsvReader, CsvSettings, CsvShape, Input, LineColumn, RejectLayout, RelistedRows,
    Start, inspect, split,
};
use crate::source::{CallLog, DuplicateFinder, Source, SourceError};
use crate::store::{BookFormat, ResumeMark};
use crate::telemetry::EventSender;
use crate::transport::{Lanes, TransportSettings, lanes};

use super::bind::{bind, target_connector};
use super::credentials::token_plan;
use super::csv_adapters::{CountedCsv, RejectFormat};
use super::known_limits::KnownLimits;
use super::mapping;
use super::set_up::SetUpBook;
use super::source_remarks::SourceRemarks;

/// Bytes that rows under way may hold, at three copies of their text.
const CREDIT_BYTES: usize = 12 * 1024 * 1024;

/// A load, prepared: nothing has been sent, and nothing of the tenant is known.
pub(super) struct Prepared {
    pub(super) settings: Settings,
    pub(super) connector: Connector,
    pub(super) bound: Bound,
    pub(super) csv: CsvSettings,
    pub(super) shape: CsvShape,
    pub(super) program: Arc<Program>,
    /// Of a retry, the rows that are sent again, in the order of their lines.
    pub(super) relisted: Option<Vec<(RowId, Position)>>,
    /// What was asked of the target before the leg, for its books.
    pub(super) set_up: SetUpBook,
    /// Calls of a stream's source, for the audit.
    pub(super) source_calls: CallLog,
    /// Where what its fetching remarks is told.
    pub(super) source_remarks: SourceRemarks,
    rules: Option<Vec<FieldRule>>,
}

/// Prepares a load from `input`, which is what the settings name, or a copy of
/// it as it is.
pub(super) fn prepare(settings: Settings, input: Input) -> Result<Prepared, FatalError> {
    let csv = CsvSettings {
        delimiter: settings
            .delimiter
            .map(|delimiter| char::from(delimiter.byte())),
        encoding: settings
            .encoding
            .and_then(|encoding| Encoding::for_label(encoding.name().as_bytes())),
        ..CsvSettings::new(input)
    };
    prepare_csv(settings, csv)
}

/// Prepares a load from `input`, which has what the settings name in the staged
/// form.
pub(super) fn prepare_staged(settings: Settings, input: Input) -> Result<Prepared, FatalError> {
    let csv = CsvSettings::staged(input, format!("`{}`", settings.input));
    prepare_csv(settings, csv)
}

fn prepare_csv(settings: Settings, csv: CsvSettings) -> Result<Prepared, FatalError> {
    let (connector, bound) = bind(&settings)?;
    if settings.pre_images {
        check_can_undo(&bound)?;
    }
    let rules = mapping::rules(&settings)?;
    let contract = bound.operation.contract.clone();
    prepare_bound(settings, (connector, bound), csv, rules, &contract)
}

/// Prepares the way back of a run, whose rows are pre-images.
pub(super) fn prepare_undo(settings: Settings, csv: CsvSettings) -> Result<Prepared, FatalError> {
    let (connector, bound) = bind(&settings)?;
    check_can_undo(&bound)?;
    let contract = PreImage::contract();
    prepare_bound(settings, (connector, bound), csv, None, &contract)
}

/// Prepares rows that are mapped by these rules to this contract.
fn prepare_bound(
    settings: Settings,
    (connector, bound): (Connector, Bound),
    csv: CsvSettings,
    rules: Option<Vec<FieldRule>>,
    contract: &Contract,
) -> Result<Prepared, FatalError> {
    let shape = inspect(&csv).map_err(SourceError::into_fatal)?;
    let program = mapping::program(&settings, rules.as_deref(), &shape, contract)?;
    Ok(Prepared {
        settings,
        connector,
        bound,
        csv,
        shape,
        program: Arc::new(program),
        relisted: None,
        set_up: SetUpBook::default(),
        source_calls: CallLog::default(),
        source_remarks: SourceRemarks::default(),
        rules,
    })
}

/// Hashes of the mapping rules and of the connector file, without a look at the
/// input.
pub(super) fn hashes_of(settings: &Settings) -> Result<(String, String), FatalError> {
    let connector = target_connector(settings)?;
    let rules = mapping::rules(settings)?;
    Ok((
        mapping::hash_of_rules(rules.as_deref()),
        hash(connector.text().as_bytes()),
    ))
}

/// Whether connector, operation and variables go together, without a look at
/// the input.
///
/// # Errors
/// They don't.
pub(super) fn check_target(settings: &Settings) -> Result<(), FatalError> {
    let (_, bound) = bind(settings)?;
    match settings.pre_images {
        true => check_can_undo(&bound),
        false => Ok(()),
    }
}

/// The target's fields that take a list or an object as a whole.
///
/// # Errors
/// Connector, operation and variables don't go together.
pub(super) fn nesting_fields_of(settings: &Settings) -> Result<Vec<String>, FatalError> {
    let (_, bound) = bind(settings)?;
    let fields = bound.operation.contract.nesting_fields();
    Ok(fields.map(str::to_owned).collect())
}

/// Refuses a connector that can't show what is there, or can't put it back.
fn check_can_undo(bound: &Bound) -> Result<(), FatalError> {
    let operation = &bound.operation;
    let refused = |what: String, hint: &str| {
        Err(FatalError::usage(format!("pre-images can't be kept: {what}")).with_hint(hint))
    };
    if !operation.shows_records() {
        return refused(
            format!(
                "the operation {} of {} has no look-up that shows the record",
                operation.name, bound.connector
            ),
            "Add a `look_up` with `found`, `absent`, `record` and `id` to it in the connector file; \
             `sluice schema connector` explains each.",
        );
    }
    if bound.update.is_none() && operation.effect != Effect::Updated {
        return refused(
            format!(
                "the operation {} of {} may make records, and nothing says how they are changed",
                operation.name, bound.connector
            ),
            "Name an upsert of the connector file with --operation; `upserts` has how one is written.",
        );
    }
    let change = bound.update.as_ref().unwrap_or(operation);
    if !change.changes_single_places() {
        return refused(
            format!(
                "the operation {} of {} replaces the whole record, or several at once",
                change.name, bound.connector
            ),
            "Where the platform has a PATCH of one record, use it. Else write into the connector \
             file `body: {partial: true}`, if its PUT leaves alone what it isn't told, or \
             `body: {merge: true}`, so that what was found goes along.",
        );
    }
    Ok(())
}

/// The input that the settings name, where it is a file of CSV.
pub(super) fn file_input(settings: &Settings) -> Option<Input> {
    match &settings.input {
        InputSource::File(path) => Some(Input::File(path.clone())),
        _ => None,
    }
}

impl Prepared {
    /// Has references find ids there. Before the first row is mapped.
    pub(super) fn refer_to(&mut self, ids: &Arc<dyn TargetIds>) {
        let program = Arc::get_mut(&mut self.program);
        program
            .expect("nobody else has the program before a pass")
            .set_target_ids(ids);
    }

    /// A hash of the mapping rules; without rules, of the fact that there are
    /// none.
    pub(super) fn mapping_hash(&self) -> String {
        mapping::hash_of_rules(self.rules.as_deref())
    }

    /// A hash of the connector file.
    pub(super) fn connector_hash(&self) -> String {
        hash(self.connector.text().as_bytes())
    }

    /// What is loaded where, in one line.
    pub(super) fn headline(&self) -> String {
        format!(
            "{} → {} at {}",
            self.settings.input, self.bound.connector, self.bound.base_url
        )
    }

    /// The rows that are wanted. Reads the input once where rows of the same
    /// key are to be told apart; `scratch` is a folder for what doesn't fit
    /// into memory.
    pub(super) fn selection(&self, scratch: &Path) -> Result<Selection, FatalError> {
        let mut selection = Selection {
            skip: self.settings.skip,
            limit: self.settings.limit,
            ..Selection::default()
        };
        if self.settings.duplicates == Duplicates::Apply {
            return Ok(selection);
        }
        let mut finder = DuplicateFinder::new(scratch);
        let mut keys = KeyReader::new(self);
        let mut source = self
            .open(Start::Beginning)
            .map_err(SourceError::into_fatal)?;
        while let Some(batch) = source.next_batch().map_err(SourceError::into_fatal)? {
            for row in &batch.rows {
                if row.flaw.is_some() || !selection.wants(row.row) {
                    continue;
                }
                let raw = &batch.buffer[row.start..row.end];
                if let Some(key_hash) = keys.hash(raw, row.position) {
                    finder
                        .add(row.row, key_hash)
                        .map_err(SourceError::into_fatal)?;
                }
            }
        }
        let found = finder.finish().map_err(SourceError::into_fatal)?;
        selection.repeated = Arc::new(match self.settings.duplicates {
            Duplicates::First => found.later,
            Duplicates::Last => found.earlier,
            Duplicates::Reject => {
                selection.reject_repeated = true;
                found.later
            }
            Duplicates::Apply => Vec::new(),
        });
        Ok(selection)
    }

    /// Opens the input.
    pub(super) fn open(&self, start: Start) -> Result<CsvReader, SourceError> {
        CsvReader::open(&self.csv, &self.shape, start)
    }

    /// The rows of a leg, from a place in the input on.
    pub(super) fn rows(&self, mark: Option<ResumeMark>) -> Result<Box<dyn Source>, SourceError> {
        open_rows(&self.csv, &self.shape, self.relisted.as_deref(), mark)
    }

    /// A counter of the whole input. `was_cut` where it is the staged part of a
    /// stream whose end was never seen.
    pub(super) fn counter(&self, was_cut: bool) -> Result<Box<dyn InputCounter>, FatalError> {
        let counter = CsvCounter::open(&self.csv, &self.shape).map_err(SourceError::into_fatal)?;
        let has_whole_input: Box<dyn Fn() -> bool + Send> = match &self.csv.input {
            Input::Spool(spool) => {
                let spool = spool.clone();
                Box::new(move || spool.is_complete())
            }
            Input::File(_) | Input::Stdin => Box::new(move || !was_cut),
        };
        Ok(Box::new(CountedCsv {
            counter,
            has_whole_input,
        }))
    }

    /// How rows are written into the reject files.
    pub(super) fn book_format(&self) -> Box<dyn BookFormat> {
        Box::new(RejectFormat {
            layout: RejectLayout::new(&self.shape),
        })
    }

    /// What the limit of the load's requests belongs to.
    pub(super) fn limit_key(&self, client: &str) -> LimitKey {
        LimitKey {
            tenant: self.bound.base_url.to_string(),
            client: client.to_owned(),
            endpoint: self.bound.operation.name.to_string(),
        }
    }

    /// The plan of a run. `source` names the input, the same in every leg.
    pub(super) fn run_plan(
        &self,
        run_id: String,
        source: &str,
        credentials: Credentials,
        selection: Selection,
        known: &KnownLimits,
        events: EventSender,
    ) -> Result<RunPlan<Lanes>, FatalError> {
        let (csv, shape) = (self.csv.clone(), self.shape.clone());
        let relisted = self.relisted.clone();
        let open_source: OpenSource = Box::new(move |mark: Option<ResumeMark>| {
            open_rows(&csv, &shape, relisted.as_deref(), mark)
        });
        let stop_input: Box<dyn Fn() + Send> = match &self.csv.input {
            Input::Spool(spool) => {
                let spool = spool.clone();
                Box::new(move || spool.stop())
            }
            Input::File(_) | Input::Stdin => Box::new(|| {}),
        };
        let base_url = self.bound.base_url.to_string();
        let transport = TransportSettings {
            copies_bodies: !self.bound.operation.is_batched(),
            ..TransportSettings::default()
        };
        // One core is left to the lane, which has the most to do.
        let mapper_threads = std::thread::available_parallelism()
            .map_or(1, |cores| cores.get().saturating_sub(1))
            .clamp(1, 8);
        let mut endpoint = Endpoint::new(&self.bound).for_source(source);
        if self.settings.pre_images {
            endpoint = endpoint.keeping_pre_images();
        }
        Ok(RunPlan {
            run_id,
            go_on: String::new(),
            open_source,
            stop_input,
            mapper: RowMapper {
                dialect: self.shape.dialect(),
                columns: self.shape.header.len(),
                program: Arc::clone(&self.program),
                operation: Arc::clone(&self.bound.operation),
                carries_keys: endpoint.needs_keys(),
                selection,
            },
            endpoint,
            mapper_threads,
            lanes: 1,
            open_transport: Arc::new(move || lanes(&base_url, &transport)),
            limit_key: self.limit_key(&credentials.client_id),
            limit: limit_settings(&self.settings)?,
            known_limits: known.fresh(),
            known_pauses: known.pauses.clone(),
            follows_another: false,
            credit_bytes: CREDIT_BYTES,
            tokens: Arc::new(token_plan(&self.bound.auth, credentials)),
            max_errors: self.settings.max_errors,
            max_duration: self.settings.max_duration.map(config::TimeSpan::duration),
            events,
            source_calls: Arc::clone(&self.source_calls),
        })
    }
}

/// The rows of a leg: of a retry those that are sent again, else the input's,
/// from a place in it on.
fn open_rows(
    csv: &CsvSettings,
    shape: &CsvShape,
    relisted: Option<&[(RowId, Position)]>,
    mark: Option<ResumeMark>,
) -> Result<Box<dyn Source>, SourceError> {
    if let (Some(rows), Some(line)) = (relisted, LineColumn::of(shape)) {
        let reader = CsvReader::open(csv, shape, Start::Beginning)?;
        return Ok(Box::new(RelistedRows::new(reader, line, rows.to_vec())));
    }
    let start = mark.map_or(Start::Beginning, |mark| {
        Start::At(RowId(mark.row), mark.position())
    });
    Ok(Box::new(CsvReader::open(csv, shape, start)?))
}

fn limit_settings(settings: &Settings) -> Result<LimitSettings, FatalError> {
    let share = limit::Share::try_new(settings.share.fraction())
        .map_err(|error| FatalError::usage(error.to_string()))?;
    Ok(LimitSettings {
        concurrency: match settings.concurrency {
            Concurrency::Auto => limit::Concurrency::Auto,
            Concurrency::Fixed(count) => limit::Concurrency::Fixed(count),
        },
        max_rate: settings
            .max_rate
            .and_then(|rate| limit::Rate::per_second(rate.per_second())),
        share,
        ..LimitSettings::default()
    })
}

/// BLAKE3, in hex.
pub(super) fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Finds rows' keys without building their requests for good.
pub(super) struct KeyReader<'load> {
    prepared: &'load Prepared,
    fields: Fields,
    mapped: MappedRow,
    body: Vec<u8>,
}

impl<'load> KeyReader<'load> {
    pub(super) fn new(prepared: &'load Prepared) -> Self {
        Self {
            prepared,
            fields: Fields::default(),
            mapped: MappedRow::default(),
            body: Vec::new(),
        }
    }

    /// The hash of the row's key; `None` for a row that is refused anyway.
    pub(super) fn hash(&mut self, raw: &[u8], position: Position) -> Option<u64> {
        let shape = &self.prepared.shape;
        split(
            raw,
            position,
            shape.dialect(),
            shape.header.len(),
            &mut self.fields,
        )
        .ok()?;
        self.body.clear();
        self.prepared
            .program
            .apply(&self.fields, &mut self.mapped, &mut self.body)
            .ok()?;
        Some(RowMapper::hash_key(self.mapped.key()))
    }
}
