//! The simulated tenant in virtual time: its own model, read by the product's
//! own rules for replies.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use loadtest::tenant::{Arrival, Heard, Model, Scenario};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use crate::connector::{Connector, source_text};
use crate::probe::bench::Bench;
use crate::probe::bounds::{Bounds, Stop};
use crate::probe::http::Questions;
use crate::probe::protocol::Protocol;
use crate::probe::record::{Asked, cycles};
use crate::probe::replies::ReplyReader;
use crate::probe::target::{Other, Target};
use crate::probe::verdict::Verdict;
use crate::transport::{Cause, Reply, SendError, Stage};

/// A tenant, and what is read off its replies.
pub(super) struct Simulated {
    model: RefCell<Model>,
    reader: ReplyReader,
    started: Instant,
    asked: Cell<u64>,
    told_end: Cell<Option<Instant>>,
    undercuts: Rc<Cell<u32>>,
}

impl Simulated {
    fn new(scenario: &Scenario, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let clock_at_zero = Duration::from_secs_f64(1.8e9 + random.random::<f64>() * 3600.0);
        let scenario = Scenario {
            seed,
            ..scenario.clone()
        };
        Self {
            model: RefCell::new(Model::new(scenario, clock_at_zero)),
            reader: reader(),
            started: Instant::now(),
            asked: Cell::new(0),
            told_end: Cell::new(None),
            undercuts: Rc::default(),
        }
    }

    async fn wire(&self) {
        let way = self.model.borrow_mut().one_way();
        sleep(way).await;
    }

    async fn reply(&self, token: usize) -> Heard {
        self.wire().await;
        let number = self.asked.get();
        self.asked.set(number + 1);
        let now = self.started.elapsed();
        let arrival = self.model.borrow_mut().arrives(now, token, number);
        let heard = match arrival {
            Arrival::Refused(heard) => heard,
            Arrival::Admitted {
                takes,
                inside,
                heard,
            } => {
                sleep(takes).await;
                self.model.borrow_mut().leaves(&inside);
                heard
            }
        };
        self.wire().await;
        heard
    }
}

/// Reads a platform's usual words; one platform refuses with a 403.
fn reader() -> ReplyReader {
    let text = source_text("cxone-contacts").expect("built in").replace(
        "\nprobe:\n",
        "\nprobe:\n  replies: [{status: 403, body_contains: REQUEST_LIMIT_EXCEEDED, class: throttled}]\n",
    );
    let connector = Connector::parse("a connector", &text).expect("right");
    let variables = [("base_url".to_owned(), "http://127.0.0.1:1".to_owned())];
    let bound = connector.bind(&variables.into()).expect("bound");
    let read = bound.probe.expect("it names a read");
    ReplyReader::new(Questions::Read(read), bound.limits)
}

fn in_transport_words(heard: Heard) -> Result<Reply, SendError> {
    let Some(status) = heard.status else {
        return Err(SendError::new(Stage::NoReply, Cause::Reset));
    };
    let mut reply = Reply::new(status, heard.body);
    for (name, value) in heard.headers {
        reply = reply.with_header(
            HeaderName::from_static(name),
            HeaderValue::from_str(&value).expect("plain text"),
        );
    }
    Ok(reply)
}

impl Target for Simulated {
    async fn can_ask(&self, other: Other) -> bool {
        other == Other::Token
    }

    fn is_steady(&self) -> bool {
        true
    }

    async fn ask(&self, other: Option<Other>) -> Asked {
        if self.told_end.get().is_some_and(|end| Instant::now() < end) {
            self.undercuts.set(self.undercuts.get() + 1);
        }
        let asked = self.reader.read(&in_transport_words(
            self.reply(usize::from(other.is_some())).await,
        ));
        if let Asked::Answered {
            wait_s: Some(wait_s),
            ..
        } = &asked
        {
            let end = Instant::now() + Duration::from_secs_f64(*wait_s);
            self.told_end.set(self.told_end.get().max(Some(end)));
        }
        asked
    }
}

/// What a probe may cost by default.
pub(super) fn bounds() -> Bounds {
    Bounds {
        max_requests: 2_000,
        max_duration: Duration::from_secs(600),
        max_in_flight: 64,
    }
}

/// A tenant in a scenario's words.
pub(super) fn tenant(yaml: &str) -> Scenario {
    Scenario::from_yaml(yaml, yaml).unwrap_or_else(|error| panic!("{error}"))
}

/// What a probe came to.
pub(super) struct Probed {
    pub(super) verdict: Verdict,
    pub(super) stop: Option<Stop>,
    /// Requests that came before a told wait was over.
    pub(super) undercuts: u32,
}

/// Probes a tenant in virtual time.
pub(super) fn probe(scenario: &Scenario, bounds: Bounds, seed: u64) -> Probed {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tenant = Simulated::new(scenario, seed);
        let undercuts = Rc::clone(&tenant.undercuts);
        let (_interrupt, interrupted) = tokio::sync::watch::channel(false);
        let bench = Bench::new(tenant, bounds, interrupted, Box::new(|_, _| {}));
        let mut protocol = Protocol::new(bench);
        let stop = protocol.run().await.err();
        if std::env::var_os("SLUICE_PROBE_TRACE").is_some() {
            for cycle in cycles(&protocol.bench.records) {
                println!("{cycle:.2?}");
            }
            for fit in &protocol.seen_by_now().fits {
                println!("{fit:.3?}");
            }
            println!("front: {:.3?}", protocol.front);
            for fit in protocol.seen_by_now().behind.iter().flatten() {
                println!("behind: {fit:.3?}");
            }
        }
        Probed {
            verdict: protocol.verdict(),
            stop,
            undercuts: undercuts.get(),
        }
    })
}
