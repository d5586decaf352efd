//! A tenant in virtual time, made of the simulated tenant's own limit models.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use loadtest::tenant::limiter::Limiter;
use loadtest::tenant::{Anchor, LimitKind, Refill};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use crate::limit::retry_after;
use crate::probe::bench::Bench;
use crate::probe::bounds::{Bounds, Stop};
use crate::probe::protocol::Protocol;
use crate::probe::record::{Answer, Asked, WaitForm, cycles};
use crate::probe::target::Target;
use crate::probe::verdict::Verdict;

/// How a refusal words its wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Words {
    Seconds,
    Always(u64),
    Date { skew_s: f64 },
    Nothing,
}

/// A network of 16 ms, a service of 64 ms with sigma 0.3.
pub(super) struct Simulated {
    limits: RefCell<Vec<Box<dyn Limiter>>>,
    words: Words,
    random: RefCell<SmallRng>,
    started: Instant,
    failing: f64,
    clock_at_zero_s: f64,
    last_end: Cell<Option<Instant>>,
    pub(super) undercuts: Rc<Cell<u32>>,
}

const NETWORK_S: f64 = 0.008;
const SERVICE_S: f64 = 0.064;

pub(super) fn bucket(rate: f64, burst: f64) -> LimitKind {
    LimitKind::TokenBucket {
        rate,
        burst,
        refill: Refill::Continuous,
    }
}

pub(super) fn window(requests: u64, seconds: u64, anchor: Anchor) -> LimitKind {
    LimitKind::FixedWindow {
        requests,
        window: Duration::from_secs(seconds),
        anchor,
    }
}

/// A fresh model of a limit.
fn build(kind: LimitKind, clock_at_zero_s: f64) -> Box<dyn Limiter> {
    use loadtest::tenant::limiter::{Concurrency, FixedWindow, SlidingLog, TokenBucket};
    match kind {
        LimitKind::FixedWindow {
            requests,
            window,
            anchor,
        } => Box::new(FixedWindow::new(
            requests,
            window,
            anchor,
            Duration::from_secs_f64(clock_at_zero_s),
        )),
        LimitKind::TokenBucket {
            rate,
            burst,
            refill,
        } => Box::new(TokenBucket::new(rate, burst, refill)),
        LimitKind::SlidingLog {
            requests,
            window,
            count_rejected,
        } => Box::new(SlidingLog::new(requests, window, count_rejected)),
        LimitKind::Concurrency { cap } => Box::new(Concurrency::new(cap)),
    }
}

impl Simulated {
    pub(super) fn new(kinds: &[LimitKind], words: Words, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let clock_at_zero_s = 1.8e9 + random.random::<f64>() * 3600.0;
        Self {
            limits: RefCell::new(
                kinds
                    .iter()
                    .map(|kind| build(*kind, clock_at_zero_s))
                    .collect(),
            ),
            words,
            random: RefCell::new(random),
            started: Instant::now(),
            failing: 0.0,
            clock_at_zero_s,
            last_end: Cell::new(None),
            undercuts: Rc::default(),
        }
    }

    /// The same with a share of the admitted requests failing.
    pub(super) fn failing(mut self, share: f64) -> Self {
        self.failing = share;
        self
    }

    fn decide(&self) -> Result<(), Option<f64>> {
        let now = self.started.elapsed();
        let mut limits = self.limits.borrow_mut();
        let mut longest: Option<Duration> = None;
        for limit in limits.iter_mut() {
            if let Err(rejection) = limit.check(now) {
                let wait = limit.refused(now, rejection).wait;
                longest = Some(longest.map_or(wait, |longest| longest.max(wait)));
            }
        }
        match longest {
            Some(wait) => Err(self.word(wait.as_secs_f64())),
            None => {
                limits.iter_mut().for_each(|limit| limit.take(now));
                Ok(())
            }
        }
    }

    /// The wait as the product reads it off the reply.
    fn word(&self, wait_s: f64) -> Option<f64> {
        let seconds = match self.words {
            Words::Nothing => return None,
            Words::Seconds => (wait_s.ceil() as u64).max(1).to_string(),
            Words::Always(seconds) => seconds.to_string(),
            Words::Date { skew_s } => {
                let clock_s = self.clock_at_zero_s + skew_s + self.started.elapsed().as_secs_f64();
                let date = |s: f64| {
                    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(s as u64))
                };
                let until = date((clock_s + wait_s).ceil().max(clock_s.floor() + 1.0));
                let now = date(clock_s);
                let lookup = |name: &str| match name {
                    "retry-after" => Some(until.as_str()),
                    "date" => Some(now.as_str()),
                    _ => None,
                };
                return retry_after(&lookup).map(|wait| wait.as_secs_f64());
            }
        };
        let lookup = |name: &str| (name == "retry-after").then_some(seconds.as_str());
        retry_after(&lookup).map(|wait| wait.as_secs_f64())
    }

    fn service(&self) -> Duration {
        let mut random = self.random.borrow_mut();
        // Box and Muller: a normal number from two uniform ones.
        let (one, other) = (random.random::<f64>().max(1e-12), random.random::<f64>());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        Duration::from_secs_f64(SERVICE_S * (0.3 * normal).exp())
    }
}

impl Target for Simulated {
    async fn ask(&self) -> Asked {
        if self.last_end.get().is_some_and(|end| Instant::now() < end) {
            self.undercuts.set(self.undercuts.get() + 1);
        }
        let network = Duration::from_secs_f64(NETWORK_S);
        sleep(network).await;
        let decided = self.decide();
        let form = match self.words {
            Words::Nothing => WaitForm::None,
            Words::Date { .. } => WaitForm::HttpDate,
            _ => WaitForm::Seconds,
        };
        let answer = match decided {
            Ok(()) => {
                sleep(self.service()).await;
                for limit in self.limits.borrow_mut().iter_mut() {
                    limit.release();
                }
                if self.random.borrow_mut().random::<f64>() < self.failing {
                    Answer::Failed
                } else {
                    Answer::Admitted
                }
            }
            Err(wait_s) => Answer::Refused { wait_s },
        };
        sleep(network).await;
        let wait_s = match answer {
            Answer::Refused { wait_s } => wait_s,
            _ => None,
        };
        if let Some(wait_s) = wait_s {
            let end = Instant::now() + Duration::from_secs_f64(wait_s);
            self.last_end.set(self.last_end.get().max(Some(end)));
        }
        Asked::Answered {
            answer,
            wait_s,
            form: if answer == Answer::Admitted {
                WaitForm::None
            } else {
                form
            },
            hint: None,
            what: "status 503".to_owned(),
        }
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

/// Probes a tenant in virtual time: the verdict, why it ended early, and how
/// many requests came before a told wait was over.
pub(super) fn probe(
    bounds: Bounds,
    tenant: impl FnOnce() -> Simulated,
) -> (Verdict, Option<Stop>, u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tenant = tenant();
        let undercuts = Rc::clone(&tenant.undercuts);
        let (_interrupt, interrupted) = tokio::sync::watch::channel(false);
        let bench = Bench::new(tenant, bounds, interrupted, Box::new(|_, _| {}));
        let mut protocol = Protocol::new(bench);
        let stop = protocol.run().await.err();
        if std::env::var_os("SLUICE_PROBE_TRACE").is_some() {
            for cycle in cycles(&protocol.bench.records) {
                println!("{cycle:.2?}");
            }
            for fit in protocol.fits() {
                println!("{fit:.3?}");
            }
        }
        (protocol.verdict(), stop, undercuts.get())
    })
}
