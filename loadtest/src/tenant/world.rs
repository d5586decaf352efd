//! What all requests to a tenant share. A reset makes a new world; requests under way finish in the old one.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use hyper::Response;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::dice::Dice;
use super::faults::{Fault, FaultDraw, FaultTarget};
use super::gatekeeper::{Gatekeeper, Moment, Place};
use super::ledger::{Counters, Ledger, LedgerSnapshot};
use super::limit_headers::LimitHeaders;
use super::platform::Books;
use super::records::Records;
use super::reply::{ReplyBody, add_header};
use super::retry_after::{RetryAfterForm, http_date, unix_now};
use super::scenario::Scenario;
use super::token_desk::TokenDesk;

/// The state behind a tenant's API.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    /// The first request starts the scenario's time.
    started: OnceLock<(Instant, Duration)>,
    pub(crate) gate: Mutex<Gatekeeper>,
    pub(crate) token_gate: Mutex<Gatekeeper>,
    pub(crate) tokens: Mutex<TokenDesk>,
    pub(crate) ledger: Ledger,
    /// The contacts that clients have made.
    pub(crate) records: Mutex<Records>,
    /// Pages of numbered contacts that were given.
    pub(crate) pages_given: AtomicU64,
    /// What a platform with an API of its own keeps.
    pub(crate) platform: Mutex<Books>,
    chance: Mutex<Chance>,
}

/// The random source and what hangs on it.
struct Chance {
    dice: Dice,
    faults: FaultDraw,
}

/// Places under concurrency caps, given back when this is dropped.
pub(crate) struct Places<'a> {
    gate: &'a Mutex<Gatekeeper>,
    places: Vec<Place>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(gate: &'a Mutex<Gatekeeper>, places: Vec<Place>) -> Self {
        Places { gate, places }
    }
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        if !self.places.is_empty() {
            self.gate.lock().release(&self.places);
        }
    }
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let words = scenario.words_of_refusals();
        let token_words = scenario.retry_after.clone();
        let grace = scenario.undercut_grace;
        let wants_standing = scenario.limit_headers != LimitHeaders::None;
        let gate = Gatekeeper::new(&scenario.limits, words, grace, wants_standing);
        let token_gate =
            Gatekeeper::new(scenario.token.limit.as_slice(), token_words, grace, false);
        World {
            started: OnceLock::new(),
            gate: Mutex::new(gate),
            token_gate: Mutex::new(token_gate),
            tokens: Mutex::new(TokenDesk::new(scenario.token.clone())),
            ledger: Ledger::new(scenario.ledger, scenario.keep_bodies),
            records: Mutex::default(),
            pages_given: AtomicU64::new(0),
            platform: Mutex::default(),
            chance: Mutex::new(Chance {
                dice: Dice::new(scenario.seed),
                faults: FaultDraw::new(&scenario.faults),
            }),
            scenario,
        }
    }

    /// Now; the first call starts the scenario's time.
    pub(crate) fn moment(&self) -> Moment {
        let (start, clock_at_zero) = *self.started.get_or_init(|| (Instant::now(), unix_now()));
        Moment {
            now: start.elapsed(),
            clock_at_zero,
        }
    }

    /// Unix time of the first request, which starts the scenario's time.
    pub(crate) fn clock_at_zero(&self) -> Option<Duration> {
        self.started.get().map(|(_, clock_at_zero)| *clock_at_zero)
    }

    /// The tenant's clock as Unix time, skew included.
    pub(crate) fn clock(&self, moment: Moment) -> Duration {
        self.scenario
            .retry_after
            .clock(moment.clock_at_zero + moment.now)
    }

    pub(crate) fn new_token(&self) -> String {
        self.chance.lock().dice.token()
    }

    /// The fault that strikes a request now.
    pub(crate) fn draw_fault(&self, target: FaultTarget) -> Option<&Fault> {
        if self.scenario.faults.is_empty() {
            return None;
        }
        let now = self.moment().now;
        let mut chance = self.chance.lock();
        let Chance { dice, faults } = &mut *chance;
        let index = faults.draw(&self.scenario.faults, target, now, dice)?;
        drop(chance);
        let fault = self.scenario.faults.get(index)?;
        self.ledger.note(|counters| {
            *counters
                .faults
                .entry(fault.kind.name().to_owned())
                .or_default() += 1;
        });
        Some(fault)
    }

    /// The status with which one contact of a batch fails.
    pub(crate) fn draw_item_fault(&self) -> Option<u16> {
        let faults = &self.scenario.batches.item_faults;
        if faults.is_empty() {
            return None;
        }
        let dice = &mut self.chance.lock().dice;
        let fault = faults.iter().find(|fault| dice.share() < fault.ratio)?;
        Some(fault.status)
    }

    /// Brings things into another order.
    pub(crate) fn shuffle<Thing>(&self, things: &mut [Thing]) {
        self.chance.lock().dice.shuffle(things);
    }

    /// The time on the wire, one way.
    pub(crate) fn one_way(&self) -> Duration {
        let latency = &self.scenario.latency;
        if latency.network.is_zero() {
            return Duration::ZERO;
        }
        latency.one_way(&mut self.chance.lock().dice)
    }

    /// How long a request to a contact takes under the load of now.
    pub(crate) fn latency(&self) -> Duration {
        let latency = &self.scenario.latency;
        if latency.median.is_zero() {
            return Duration::ZERO;
        }
        latency.inside(&mut self.chance.lock().dice, self.ledger.in_flight())
    }

    /// Sets `Date` where the scenario's clock matters; hyper's own may be a second old.
    pub(crate) fn stamp(&self, response: &mut Response<ReplyBody>) {
        let words = &self.scenario.retry_after;
        if words.clock_skew != 0.0 || words.form == RetryAfterForm::HttpDate {
            let date = http_date(self.clock(self.moment()));
            add_header(response, "date", &date);
        }
    }

    /// Enters a write into the books, under what names the record.
    pub(crate) fn enter_write(&self, name: String, fields: Map<String, Value>) {
        let body = Value::Object(fields.clone()).to_string();
        self.ledger
            .apply(self.moment().now, &name, body.as_bytes(), fields);
    }

    /// Every record that clients have made, as the tenant keeps it.
    pub(crate) fn shown(&self) -> Vec<Value> {
        let mut shown = self.records.lock().shown();
        shown.extend(self.platform.lock().shown());
        shown
    }

    /// The counters, those of the limits included.
    pub(crate) fn counters(&self) -> Counters {
        let mut counters = self.ledger.counters();
        let gate = self.gate.lock();
        (counters.others_accepted, counters.others_refused) = gate.others();
        counters.enter_others(&gate.others_by_second());
        counters.undercuts_by_limit = gate.undercuts().into_iter().collect();
        counters.undercuts_by_told = gate.undercuts_by_told();
        drop(gate);
        let token_undercuts: u64 = self
            .token_gate
            .lock()
            .undercuts()
            .into_iter()
            .map(|(_, count)| count)
            .sum();
        if token_undercuts > 0 {
            counters
                .undercuts_by_limit
                .insert("token".to_owned(), token_undercuts);
        }
        counters.undercuts = counters.undercuts_by_limit.values().sum();
        counters
    }

    /// The books.
    pub(crate) fn snapshot(&self, with_writes: bool) -> LedgerSnapshot {
        let (applies, writes) = self.ledger.applies_and_writes(with_writes);
        let records = self.records.lock();
        let (mut made, replays) = (records.made(), records.replays());
        drop(records);
        made.extend(self.platform.lock().made());
        LedgerSnapshot {
            counters: self.counters(),
            applies,
            made,
            replays,
            writes,
        }
    }
}
