//! A connector's stream as the source: from settings to a spool that fills.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::auth::{Credentials, TokenKeeper};
use crate::config::{Settings, Since, StreamSource};
use crate::connector::BoundStream;
use crate::error::FatalError;
use crate::source::csv::{Input, write_staged_header};
use crate::source::{
    CallLog, FetchState, Fetching, KnownRows, SaveState, SourceToken, SourceTokens, Spool,
    start_fetching,
};
use crate::store::{RunDirectory, StreamRecord};
use crate::transport::{TransportSettings, lanes};

use super::bind::bind_stream;
use super::credentials::{read_source_credentials, token_plan};
use super::discover::{Whose, discovered};
use super::load::{Prepared, hash, prepare_staged};
use super::print;
use super::source_remarks::SourceRemarks;
use super::staging::STAGED;
use super::stream_runs::{last_watermark, rows_loaded_since};

/// How far fetching has come, in a run's directory.
pub(super) const STATE: &str = "staged.json";

/// Bytes of a page that are read at most. A page of a thousand records has a
/// few mebibytes; more would only be memory that a hostile reply takes.
const MOST_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// A stream that can be fetched: no row was asked for yet.
pub(super) struct SourceStream {
    pub(super) bound: BoundStream,
    pub(super) since: Option<Timestamp>,
    pub(super) connector_hash: String,
    /// Rows that were loaded before, and are left out.
    known: Arc<KnownRows>,
    credentials: Credentials,
}

/// Where fetching begins, and where its state is kept.
pub(super) struct Begin<'run> {
    /// The run's directory, or another folder that is the caller's alone.
    folder: &'run Path,
    /// Of a run that goes on, how far it had come.
    state: Option<FetchState>,
    /// Keeps the state.
    save: SaveState,
    /// What requests' ids begin with.
    run_id: String,
    /// Takes every call.
    calls: CallLog,
    /// Takes what the user should know.
    remarks: SourceRemarks,
}

impl SourceStream {
    /// The stream that the settings name, with its credentials. The platform is
    /// asked for its address, where the connector asks for it.
    ///
    /// # Errors
    /// A mistake of the user's, told before anything is sent; and a platform that
    /// doesn't tell its address.
    pub(super) fn open(settings: &Settings, stream: &StreamSource) -> Result<Self, FatalError> {
        let (connector, bound) = bind_stream(settings, stream)?;
        let since = since_of(settings, stream, &bound)?;
        let credentials = read_source_credentials(settings, stream, &connector)?;
        let variables = discovered(&connector, &stream.variables, &credentials, Whose::Source)?;
        Ok(Self {
            bound: connector.bind_stream(stream.stream.as_deref(), &variables)?,
            since,
            connector_hash: hash(connector.text().as_bytes()),
            known: Arc::new(known_from(settings, stream, &bound)?),
            credentials,
        })
    }

    /// Leaves out what rounds before have loaded, where there were any.
    pub(super) fn leave_out(&mut self, known: &Arc<KnownRows>) {
        if !known.is_empty() {
            self.known = Arc::clone(known);
        }
    }

    /// Starts fetching into a run's directory, behind what is staged there
    /// already: `state` is how far an earlier leg has come.
    ///
    /// # Errors
    /// The staged file can't be made.
    pub(super) fn start_in(
        self,
        directory: &RunDirectory,
        settings: &Settings,
        state: Option<FetchState>,
    ) -> Result<FetchedStream, FatalError> {
        let calls = CallLog::default();
        let remarks = SourceRemarks::default();
        let begin = Begin {
            folder: directory.path(),
            state,
            save: save_in(directory.clone()),
            run_id: directory.run_id(),
            calls: Arc::clone(&calls),
            remarks: remarks.clone(),
        };
        Ok(FetchedStream {
            spool: self.start(settings, begin)?,
            calls,
            remarks,
        })
    }

    /// Starts fetching, behind what is staged already.
    ///
    /// # Errors
    /// The staged file can't be made.
    pub(super) fn start(self, settings: &Settings, begin: Begin<'_>) -> Result<Spool, FatalError> {
        let path = begin.folder.join(STAGED);
        let writing = |cause: io::Error| FatalError::writing(&path.display().to_string(), &cause);
        let kept_bytes = begin.state.as_ref().map(|state| state.bytes);
        let (spool, writer) = Spool::with_writer(&path, kept_bytes).map_err(writing)?;
        let first = self.bound.stream.first_page();
        let base_url = self.bound.base_url.to_string();
        let transport = TransportSettings {
            body_limit_bytes: MOST_PAGE_BYTES,
            ..TransportSettings::default()
        };
        let tokens = token_plan(&self.bound.auth, self.credentials);
        let fetching = Fetching {
            state: begin.state.unwrap_or_else(|| FetchState::new(first)),
            bound: self.bound,
            since: self.since,
            known: self.known,
            rows_wanted: settings
                .limit
                .map(|limit| limit.saturating_add(settings.skip)),
            run_id: begin.run_id,
            save: begin.save,
            calls: begin.calls,
            remark: begin.remarks.listener(),
            most_page_bytes: MOST_PAGE_BYTES,
        };
        start_fetching(
            fetching,
            move || lanes(&base_url, &transport),
            move || {
                let (endpoint, credentials) = (tokens.endpoint, tokens.credentials);
                KeptTokens(TokenKeeper::new(endpoint, credentials, tokens.policy))
            },
            writer,
        )
        .map_err(writing)?;
        Ok(spool)
    }
}

/// A stream that is being fetched into a run's directory.
#[derive(Clone)]
pub(super) struct FetchedStream {
    pub(super) spool: Spool,
    calls: CallLog,
    remarks: SourceRemarks,
}

impl FetchedStream {
    /// A copy of standard input: nobody is called for it.
    pub(super) fn of_stdin(spool: Spool) -> Self {
        Self {
            spool,
            calls: CallLog::default(),
            remarks: SourceRemarks::default(),
        }
    }

    /// The same, where the load is one of several that read it: it may stop
    /// reading while the others go on. A call is taken into one audit alone,
    /// whichever load comes first.
    pub(super) fn for_one_of_several(&self) -> Self {
        Self {
            spool: self.spool.view(),
            ..self.clone()
        }
    }

    /// Has the load tell the calls, and what is worth a word.
    pub(super) fn tell_in(&self, prepared: &mut Prepared) {
        prepared.source_calls = Arc::clone(&self.calls);
        prepared.source_remarks = self.remarks.clone();
    }
}

/// The token keeper in the words of what fetches.
struct KeptTokens(TokenKeeper);

impl SourceTokens for KeptTokens {
    async fn newer_than(&mut self, refused: Option<u64>) -> Result<SourceToken, FatalError> {
        let token = self.0.newer_than(refused).await?;
        Ok(SourceToken {
            generation: token.generation,
            headers: Arc::clone(&token.headers),
        })
    }

    fn accepted(&mut self, generation: u64) {
        self.0.accepted(generation);
    }
}

/// The load of a stream whose rows aren't there: the mapping is held against
/// its columns, and nothing is asked of anybody. `folder` takes a file of them.
///
/// # Errors
/// A mistake of the connector or the mapping.
pub(super) fn prepare_without_rows(
    settings: &Settings,
    stream: &StreamSource,
    folder: &Path,
) -> Result<Prepared, FatalError> {
    let (_, bound) = bind_stream(settings, stream)?;
    let names: Vec<String> = bound
        .stream
        .columns
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    let path = folder.join("columns.csv");
    let mut header = Vec::new();
    write_staged_header(&mut header, &names);
    fs::write(&path, header)
        .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
    prepare_staged(settings.clone(), Input::File(path))
}

/// From the beginning, for a command that keeps nothing.
pub(super) fn unsaved(folder: &Path) -> Begin<'_> {
    Begin {
        folder,
        state: None,
        save: Box::new(|_| Ok(())),
        run_id: "plan".to_owned(),
        calls: CallLog::default(),
        remarks: SourceRemarks::default(),
    }
}

/// Keeps the state in a run's directory.
fn save_in(directory: RunDirectory) -> SaveState {
    Box::new(move |state| {
        let text = serde_json::to_vec_pretty(state).map_err(io::Error::other)?;
        directory.write_durably(STATE, |file| file.write_all(&text))
    })
}

/// How far a run's fetching has come; `None` where it never began.
pub(super) fn read_state(directory: &RunDirectory) -> Option<FetchState> {
    let text = fs::read(directory.path().join(STATE)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The rows that come again only because a load asks from a time a little before
/// the end of the last: none, unless that is what the settings ask for.
///
/// # Errors
/// The runs' folder can't be read.
pub(super) fn known_from(
    settings: &Settings,
    stream: &StreamSource,
    bound: &BoundStream,
) -> Result<KnownRows, FatalError> {
    if settings.since != Some(Since::Last) {
        return Ok(KnownRows::default());
    }
    match from_last(settings, stream, bound)? {
        Some(since) => rows_loaded_since(settings, stream, bound, since),
        None => Ok(KnownRows::default()),
    }
}

/// From when on a load asks that goes on from the last.
fn from_last(
    settings: &Settings,
    stream: &StreamSource,
    bound: &BoundStream,
) -> Result<Option<Timestamp>, FatalError> {
    let last = last_watermark(settings, stream, bound)?;
    Ok(last.and_then(|last| last.checked_sub(bound.stream.overlap()).ok()))
}

/// From when on changes are wanted, as a time.
fn since_of(
    settings: &Settings,
    stream: &StreamSource,
    bound: &BoundStream,
) -> Result<Option<Timestamp>, FatalError> {
    let Some(since) = settings.since else {
        return Ok(None);
    };
    check_tells_changes(bound, "--since")?;
    let last = match since {
        Since::At(time) => return Ok(Some(time)),
        Since::Last => from_last(settings, stream, bound)?,
    };
    if last.is_none() {
        print::remark(&format!(
            "sluice: no finished run of job {} has read this stream; all of it is loaded",
            settings.job
        ));
    }
    Ok(last)
}

/// Whether the stream can be asked for what has changed, which `flag` wants.
///
/// # Errors
/// It can't.
pub(super) fn check_tells_changes(bound: &BoundStream, flag: &str) -> Result<(), FatalError> {
    if bound.stream.tells_changes() {
        return Ok(());
    }
    Err(FatalError::usage(format!(
        "the stream {} of {} can't be asked for what has changed",
        bound.stream.name, bound.connector
    ))
    .with_hint(format!(
        "Load it without {flag}, or add `changed_since` to the stream in the connector file."
    )))
}

/// A connector's name stays a name, a path becomes one that works from any
/// folder.
pub(super) fn absolute_connector(connector: &str) -> String {
    let path = Path::new(connector);
    match path.is_file() {
        true => std::path::absolute(path)
            .unwrap_or_else(|_| path.to_owned())
            .display()
            .to_string(),
        false => connector.to_owned(),
    }
}

/// The stream that a run's manifest names, with its variables.
pub(super) fn stream_of(record: &StreamRecord) -> StreamSource {
    StreamSource {
        connector: record.connector.clone(),
        stream: Some(record.stream.clone()),
        variables: record.variables.clone(),
        credentials: None,
    }
}

/// What the manifest keeps of a stream.
pub(super) fn record_of(source: &SourceStream, stream: &StreamSource) -> StreamRecord {
    StreamRecord {
        connector: absolute_connector(&stream.connector),
        connector_hash: source.connector_hash.clone(),
        stream: source.bound.stream.name.clone(),
        variables: stream.variables.clone(),
        since: source.since.map(|since| since.to_string()),
        client_id: None,
        client_secret: None,
    }
}
