//! The promise of pace where limits stand one above the other: an endpoint's
//! and the client's. Whichever a refusal names is the one that learns from it.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::Value;
use sluice::actors::{
    ClientLimit, Endpoint, LaneControl, LaneGauge, LaneSetup, LimitLevel, RowMapper, SharedLimit,
    run_lane,
};
use sluice::auth::Token;
use sluice::connector::{Connector, source_text};
use sluice::error::FatalError;
use sluice::limit::{Controller, LimitEvent, LimitSettings};
use sluice::record::{Chunk, Item, OutcomeBatch, OutcomeKind, Position, RowId};
use sluice::transport::{TransportSettings, lanes};
use support::{Bench, Books, numbered_csv};
use tokio::sync::{mpsc, watch};
use tokio::task::{LocalSet, spawn_local};

const BUCKET_NAMES: &str = "\
limits:
  bucket_at: [/limit/key]
  client_buckets: [\"client.*\", \"*token.rate*\"]
  record_buckets: [\"*.per.contact\"]
";

/// The connector of the contacts, which here knows the names of the limits.
fn connector_text() -> String {
    let builtin = source_text("cxone-contacts").expect("it is built in");
    let changed = builtin.replacen("limits:\n", BUCKET_NAMES, 1);
    assert_ne!(changed, builtin, "the built-in connector has no limits");
    changed
}

fn run(bench: &Bench) -> Books {
    bench.write("contacts.yaml", connector_text());
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = [
        "run",
        "contacts.csv",
        "--to",
        "contacts.yaml",
        "--set",
        &base_url,
    ];
    bench.sluice(&arguments).run().expect_code(0);
    assert_eq!(bench.counters().undercuts, 0);
    bench.books()
}

#[test]
fn both_limits_are_met_learnt_and_told_apart() {
    let bench = Bench::new(
        "limits:
           - { kind: fixed_window, requests: 60, window: 3s, scope: client, key: client.rate }
           - { kind: token_bucket, rate: 40, burst: 10, scope: endpoint, key: contacts.patch }",
    );
    bench.write("contacts.csv", numbered_csv(260));
    let books = run(&bench);
    assert_eq!(bench.counters().applied, 260);
    let limits = books.summary["limits"].as_array().expect("a list").clone();
    let of = |endpoint: &str| {
        let found = limits.iter().find(|limit| limit["endpoint"] == endpoint);
        found.unwrap_or_else(|| panic!("nothing is known of {endpoint}: {limits:?}"))["rate_per_s"]
            .as_f64()
            .expect("a rate")
    };
    // Both are still being felt out after so few rows, from below.
    for (endpoint, allowed) in [("*", 20.0), ("update", 40.0)] {
        let share = of(endpoint) / allowed;
        assert!(share > 0.0 && share <= 1.1, "{limits:?}");
    }
    let decisions = books.summary["limiter"]["first"]
        .as_array()
        .expect("a list");
    for endpoint in ["*", "update"] {
        let closed = |decision: &&Value| {
            decision["endpoint"] == endpoint && decision["kind"] == "gate_closed"
        };
        assert!(
            decisions.iter().any(|decision| closed(&decision)),
            "{endpoint}"
        );
    }
}

#[test]
fn a_contact_with_a_limit_of_its_own_holds_no_other_up() {
    let bench = Bench::new(
        "limits:
           - { kind: token_bucket, rate: 1, burst: 2, scope: record, key: writes.per.contact }",
    );
    // One contact eight times, among many others.
    let mut csv = String::from("contactId,firstName\n");
    for row in 1..=400 {
        let contact = if row % 50 == 0 { 7_777 } else { row };
        csv.push_str(&format!("c-{contact},N{row}\n"));
    }
    bench.write("contacts.csv", csv);
    let books = run(&bench);
    assert_eq!(books.count("updated"), 400);
    let closed = books.summary["limiter"]["by_kind"]["gate_closed"].as_u64();
    assert_eq!(closed.unwrap_or(0), 0, "{}", books.summary["limiter"]);
}

/// Nothing of what the lanes can't decide alone happens here.
struct Alone;

impl LaneControl for Alone {
    fn token_rejected(&self, generation: u64) {
        panic!("token {generation} was refused");
    }
    fn token_accepted(&self, _generation: u64) {}
    fn fatal(&self, error: FatalError) {
        panic!("{error}");
    }
    fn notice(&self, words: String) {
        panic!("{words}");
    }
    fn limiter_decided(&self, _level: LimitLevel, _event: LimitEvent, _now: tokio::time::Instant) {}
}

/// A token, asked for in the plainest way.
fn mint(bench: &Bench) -> HeaderValue {
    let base_url = bench.base_url();
    let host = base_url.strip_prefix("http://").expect("a plain address");
    let form = "grant_type=client_credentials&client_id=demo&client_secret=demo-secret\
                &scope=contact:write";
    let mut stream = TcpStream::connect(host).expect("the tenant listens");
    write!(
        stream,
        "POST /oauth/token HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .expect("it is sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let body = reply.split("\r\n\r\n").nth(1).expect("a body");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{reply}"));
    let token = body["access_token"].as_str().expect("a token");
    HeaderValue::from_str(&format!("Bearer {token}")).expect("a header's value")
}

/// Sends so many rows through a lane of an operation; gives back how many the
/// tenant has taken.
async fn load(bench: &Bench, operation: &str, limit: Arc<SharedLimit>, rows: u64) -> u64 {
    let text = connector_text()
        .replacen("  update:\n", &format!("  {operation}:\n"), 1)
        .replacen(
            "default_operation: update",
            &format!("default_operation: {operation}"),
            1,
        );
    let connector = Connector::parse("contacts.yaml", &text).expect("a connector");
    let variables = [("base_url".to_owned(), bench.base_url())].into();
    let bound = connector.bind(&variables).expect("bound");
    let token = Token {
        generation: 1,
        headers: Arc::new([(AUTHORIZATION, mint(bench))]),
        expires_at: None,
        address: None,
    };
    let tokens = watch::Sender::new(Some(Arc::new(token)));
    let drain = watch::Sender::new(false);
    let (chunks, chunks_end) = mpsc::channel(2);
    let (outcomes, mut outcomes_end) = mpsc::channel::<OutcomeBatch>(16);
    let transport = lanes(&bench.base_url(), &TransportSettings::default()).expect("a way");
    let lane = run_lane(LaneSetup {
        endpoint: Endpoint::new(&bound),
        transport: Rc::new(transport),
        controller: limit,
        tokens: tokens.subscribe(),
        chunks: chunks_end,
        outcomes,
        drain: drain.subscribe(),
        control: Alone,
        gauge: Arc::new(LaneGauge::default()),
        request_id_prefix: format!("{operation}-"),
        intents: None,
        suspects: Arc::default(),
        made_before: false,
        meter: Arc::default(),
    });
    let lane = spawn_local(lane);
    let items = (1..=rows).map(|row| {
        let key = format!("{operation}-{row}");
        Item {
            row: RowId(row),
            position: Position {
                byte: row,
                line: row,
            },
            key_hash: RowMapper::hash_key(&key),
            key: Bytes::new(),
            path: Bytes::from(format!("/api/v2/contacts/{key}")),
            body: Bytes::from_static(b"{\"firstName\":\"A\"}"),
            raw: Bytes::new(),
            credit: None,
        }
    });
    let chunk = Chunk {
        items: items.collect(),
    };
    chunks.send(chunk).await.expect("the lane takes rows");
    drop(chunks);
    let mut updated = 0;
    while let Some(batch) = outcomes_end.recv().await {
        let done = |kind: &OutcomeKind| *kind == OutcomeKind::Updated;
        let kinds = batch.outcomes.iter().map(|outcome| outcome.kind);
        updated += kinds.filter(done).count() as u64;
    }
    lane.await.expect("the lane ends in peace");
    updated
}

#[test]
fn two_operations_of_one_client_keep_to_its_limit_together() {
    let bench = Bench::new(
        "limits: [{ kind: fixed_window, requests: 60, window: 2s, scope: client, key: client.rate }]",
    );
    let started = Instant::now();
    let client = ClientLimit::new(LimitSettings::default(), started, 7);
    let below = || {
        let controller = Controller::new(LimitSettings::default(), started, 7);
        SharedLimit::below(&client, controller)
    };
    let limits = [below(), below()];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (first, second) = runtime.block_on(LocalSet::new().run_until(async {
        tokio::join!(
            load(&bench, "update", Arc::clone(&limits[0]), 150),
            load(&bench, "touch", Arc::clone(&limits[1]), 150),
        )
    }));
    assert_eq!((first, second), (150, 150));
    let counters = bench.counters();
    assert_eq!((counters.applied, counters.undercuts), (300, 0));
    // Five windows: what is under way when the first is used up, and then a
    // request or two a window.
    assert!(counters.throttled <= 64 + 2 * 5, "{}", counters.throttled);
    let learned = client.learned(Instant::now()).expect("it was met");
    // Waits are told in whole seconds, so a cycle takes two or three.
    assert!((20.0..=33.0).contains(&learned.rate_per_s), "{learned:?}");
    for limit in &limits {
        let snapshot = limit.lock().snapshot(Instant::now());
        assert_eq!(snapshot.learned_limit, None, "the endpoints have none");
        assert_eq!(snapshot.in_flight, 0);
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}
