//! A stage that panics costs its rows a second attempt and nothing else: the
//! phase is rebuilt from the journal, and the run ends with all rows done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loadtest::tenant::{RunningTenant, Scenario, Tenant};
use sluice::actors::{
    Endpoint, InputCounting, RowMapper, RunEnd, RunPlan, Selection, StopReason, TokenPlan, run,
};
use sluice::auth::{Credentials, CredentialsIn, TokenEndpoint, TokenPolicy};
use sluice::connector::Connector;
use sluice::error::FatalKind;
use sluice::limit::{LimitKey, LimitSettings};
use sluice::mapping::Program;
use sluice::record::{InputDigest, Outcome, RowId};
use sluice::source::Source;
use sluice::source::csv::{CsvReader, CsvSettings, Input, Start, inspect};
use sluice::store::{BookFormat, Ledger, SqliteJournal};
use sluice::telemetry::Telemetry;
use sluice::transport::{Lanes, Reply, Request, SendError, Transport, TransportSettings, lanes};

const ROWS: u64 = 500;

/// Sends as the real transport does, and panics at the calls it is told to.
struct Panicking {
    lanes: Lanes,
    calls: Arc<AtomicU64>,
    panics_at: fn(u64) -> bool,
}

impl Transport for Panicking {
    async fn send(&self, request: Request) -> Result<Reply, SendError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(
            !(self.panics_at)(call),
            "the transport was told to panic at call {call}"
        );
        self.lanes.send(request).await
    }
}

struct NoBooks;

impl BookFormat for NoBooks {
    fn header(&self) -> Vec<u8> {
        Vec::new()
    }
    fn append(&self, _out: &mut Vec<u8>, _outcome: &Outcome) {}
}

fn load(tenant: &RunningTenant, panics_at: fn(u64) -> bool) -> RunEnd {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("contacts.csv");
    let rows: String = (0..ROWS).map(|row| format!("c-{row},Ann\n")).collect();
    std::fs::write(&input, format!("contactId,firstName\n{rows}")).expect("written");

    let base_url = tenant.base_url();
    let bound = Connector::load("cxone-contacts")
        .expect("it is built in")
        .bind(&[("base_url".to_owned(), base_url.clone())].into())
        .expect("it binds");
    let csv = CsvSettings::new(Input::File(input));
    let shape = inspect(&csv).expect("a good file");
    let program = Program::compile(
        None,
        &shape.header,
        &shape.payload_columns(),
        &bound.operation.contract,
    )
    .expect("it can be made");
    let selection = Selection::default();
    let ledger = Ledger::open(
        folder.path(),
        Box::new(SqliteJournal::create(&folder.path().join("journal.db")).expect("a journal")),
        Box::new(NoBooks),
        selection.first_row(),
    )
    .expect("it can be made");
    let (events, telemetry) = Telemetry::start(Vec::new());
    let calls = Arc::new(AtomicU64::new(0));
    let (opened_csv, opened_shape) = (csv.clone(), shape.clone());
    let plan = RunPlan {
        run_id: "supervision".to_owned(),
        go_on: String::new(),
        open_source: Box::new(move |mark| {
            let start = mark.map_or(Start::Beginning, |mark| {
                Start::At(RowId(mark.row), mark.position())
            });
            let reader = CsvReader::open(&opened_csv, &opened_shape, start)?;
            Ok(Box::new(reader) as Box<dyn Source>)
        }),
        stop_input: Box::new(|| {}),
        source_calls: Arc::default(),
        mapper: RowMapper {
            dialect: shape.dialect(),
            columns: shape.header.len(),
            program: Arc::new(program),
            operation: Arc::clone(&bound.operation),
            carries_keys: false,
            selection,
        },
        endpoint: Endpoint::new(&bound),
        mapper_threads: 2,
        lanes: 2,
        open_transport: Arc::new(move || {
            Ok(Panicking {
                lanes: lanes(&base_url, &TransportSettings::default())?,
                calls: Arc::clone(&calls),
                panics_at,
            })
        }),
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
                client_id: "demo".to_owned(),
                client_secret: "demo-secret".into(),
                user: None,
                refresh_token: None,
            },
            policy: TokenPolicy::default(),
        }),
        limit_key: LimitKey {
            tenant: tenant.base_url(),
            client: "demo".to_owned(),
            endpoint: "update".to_owned(),
        },
        known_limits: Vec::new(),
        known_pauses: Vec::new(),
        follows_another: false,
        limit: LimitSettings::default(),
        credit_bytes: 1024 * 1024,
        max_errors: None,
        max_duration: None,
        events,
    };
    let counting = InputCounting::Known(InputDigest {
        bytes: 0,
        rows: ROWS,
        blake3: String::new(),
        complete: true,
    });
    let end = run(plan, Box::new(ledger), counting).expect("the run comes to an end");
    telemetry.finish();
    end
}

fn open_tenant() -> RunningTenant {
    let scenario = Scenario::named("open").expect("it is bundled");
    Tenant::start(scenario).expect("a port is free")
}

#[test]
fn a_lane_that_panics_is_rebuilt_from_the_journal_and_no_row_is_lost() {
    let tenant = open_tenant();
    let end = load(&tenant, |call| call == 100 || call == 350);
    assert_eq!(end.stop, None);
    let ledger = end.ledger.expect("the books come back");
    assert_eq!(ledger.counts().updated, ROWS);
    let books = tenant.ledger();
    assert_eq!(books.applies.len() as u64, ROWS, "every row was applied");
    let repeated = books.counters.applied - ROWS;
    assert!(
        repeated <= 2 * 512,
        "only what was under way is sent again, not {repeated} rows"
    );
}

#[test]
fn a_lane_that_panics_again_and_again_ends_the_run_with_its_state_saved() {
    let tenant = open_tenant();
    let end = load(&tenant, |call| call % 40 == 39);
    let Some(StopReason::Fatal(error)) = end.stop else {
        panic!("the run should have ended, not {:?}", end.stop);
    };
    assert_eq!(error.kind, FatalKind::Internal);
    let ledger = end.ledger.expect("the books come back");
    let done = ledger.counts().updated;
    assert!(done < ROWS, "some rows are left for a resume");
    assert_eq!(ledger.state().finished.rows(), done);
}
