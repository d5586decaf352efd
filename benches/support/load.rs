//! A whole load in this process, with books that last or with books that don't.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadtest::tenant::{RunningTenant, Scenario};
use sluice::actors::{Counted, Endpoint, InputCounter, InputCounting, RunPlan, TokenPlan, run};
use sluice::auth::{Credentials, CredentialsIn, TokenEndpoint, TokenPolicy};
use sluice::connector::Bound;
use sluice::limit::{LimitKey, LimitSettings};
use sluice::record::{Counts, RowId};
use sluice::source::csv::{CsvCounter, CsvReader, Start};
use sluice::source::{Source, SourceError};
use sluice::store::{
    Commit, IntendedRow, Journal, JournalError, JournalState, Ledger, ListedRow, SqliteJournal,
};
use sluice::telemetry::Telemetry;
use sluice::transport::{Lanes, TransportSettings, lanes};
use tempfile::TempDir;

use super::{NullFormat, Table};

struct Counting(CsvCounter);

impl InputCounter for Counting {
    fn advance(&mut self, bytes: u64) -> Result<Counted, SourceError> {
        self.0.step(bytes)?;
        let digest = self.0.digest();
        Ok(Counted {
            is_at_end: digest.complete,
            digest,
        })
    }
}

/// What becomes of a run's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Books {
    /// As the command line keeps them.
    Durable,
    /// The journal forgets at once, and the audit stays in memory.
    Fleeting,
}

/// A journal that keeps nothing.
struct Forgetful;

impl Journal for Forgetful {
    fn load(&mut self) -> Result<JournalState, JournalError> {
        Ok(JournalState::default())
    }

    fn commit(&mut self, _commit: &Commit<'_>) -> Result<(), JournalError> {
        Ok(())
    }

    fn intend(&mut self, _rows: &[IntendedRow], _at_ms: u64) -> Result<(), JournalError> {
        Ok(())
    }

    fn note_job(&mut self, _rows: &[RowId], _id: &str) -> Result<(), JournalError> {
        Ok(())
    }

    fn listed(&mut self) -> Result<Vec<ListedRow>, JournalError> {
        Ok(Vec::new())
    }

    fn visit_target_ids(
        &mut self,
        _visit: &mut dyn FnMut(&str, &str) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        Ok(())
    }

    fn target_id(&mut self, _row: RowId) -> Result<Option<String>, JournalError> {
        Ok(None)
    }

    fn has_target_ids(&mut self) -> Result<bool, JournalError> {
        Ok(false)
    }
}

/// A load, ready to begin.
pub(crate) struct Load {
    folder: TempDir,
    ledger: Ledger,
    plan: RunPlan<Lanes>,
    counter: CsvCounter,
    telemetry: Telemetry,
}

impl Load {
    /// Prepares a load of the table into a tenant that is as new.
    pub(crate) fn prepare(
        table: &Table,
        tenant: &RunningTenant,
        scenario: &Scenario,
        bound: &Bound,
        books: Books,
    ) -> Self {
        tenant.reset();
        let client = scenario.clients.first().expect("the scenario has a client");
        let (events, telemetry) = Telemetry::start(Vec::new());
        let (settings, shape) = (table.settings.clone(), table.shape.clone());
        let (base_url, transport) = (bound.base_url.to_string(), TransportSettings::default());
        let folder = folder_of(books);
        let ledger = Ledger::open(
            folder.path(),
            journal_of(books, folder.path()),
            Box::new(NullFormat),
            1,
        );
        let plan = RunPlan {
            run_id: "bench".to_owned(),
            go_on: String::new(),
            open_source: Box::new(move |_| {
                let reader = CsvReader::open(&settings, &shape, Start::Beginning)?;
                Ok(Box::new(reader) as Box<dyn Source>)
            }),
            stop_input: Box::new(|| {}),
            mapper: table.mapper(bound),
            endpoint: Endpoint::new(bound),
            mapper_threads: 1,
            lanes: 1,
            open_transport: Arc::new(move || lanes(&base_url, &transport)),
            tokens: Arc::new(TokenPlan {
                endpoint: TokenEndpoint {
                    url: bound.auth.token_url.to_string(),
                    scope: bound.auth.scope.clone(),
                    credentials_in: CredentialsIn::Basic,
                    headers: Vec::new(),
                    address_at: None,
                    rules: Arc::new(|_, _| None),
                },
                credentials: Credentials {
                    client_id: client.id.clone(),
                    client_secret: client.secret.clone().into(),
                    user: None,
                    refresh_token: None,
                },
                policy: TokenPolicy::default(),
            }),
            limit_key: LimitKey {
                tenant: bound.base_url.to_string(),
                client: client.id.clone(),
                endpoint: bound.operation.name.to_string(),
            },
            known_limits: Vec::new(),
            known_pauses: Vec::new(),
            follows_another: false,
            limit: LimitSettings::default(),
            credit_bytes: 12 * 1024 * 1024,
            max_errors: None,
            max_duration: None,
            events,
            source_calls: Arc::default(),
        };
        Self {
            folder,
            ledger: ledger.expect("opened"),
            plan,
            counter: CsvCounter::open(&table.settings, &table.shape).expect("opened"),
            telemetry,
        }
    }

    /// Does it: the rows by how they ended, the time, and the folder of its books.
    pub(crate) fn run(self) -> (Counts, Duration, TempDir) {
        let started = Instant::now();
        let counting = InputCounting::Count(Box::new(Counting(self.counter)));
        let end = run(self.plan, Box::new(self.ledger), counting).expect("an end");
        let took = started.elapsed();
        assert_eq!(end.stop, None);
        self.telemetry.finish();
        let ledger = end.ledger.expect("handed back");
        (ledger.counts(), took, self.folder)
    }
}

fn folder_of(books: Books) -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let folder = match books {
        Books::Fleeting if in_memory.is_dir() => tempfile::tempdir_in(in_memory),
        Books::Fleeting => tempfile::tempdir(),
        // The build's own folder is on a disk; that for temporary files may not be.
        Books::Durable => tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")),
    };
    folder.expect("a temporary folder")
}

fn journal_of(books: Books, folder: &Path) -> Box<dyn Journal> {
    if books == Books::Fleeting {
        return Box::new(Forgetful);
    }
    let journal = SqliteJournal::create(&folder.join("journal.db"));
    Box::new(journal.expect("made"))
}
