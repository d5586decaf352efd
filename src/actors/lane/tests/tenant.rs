//! The tenant as the tests script it, and what they note down of a lane's
//! doings.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use crate::error::FatalError;
use crate::limit::LimitEvent;
use crate::record::{CallRecord, Outcome, OutcomeKind, Refusal};
use crate::transport::{Cause, Reply, Request, SendError, Stage};

use super::super::LimitLevel;

/// One request, as the scripted tenant sees it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) row: u64,
    pub(super) key: String,
    /// How often the row was sent, this time included.
    pub(super) attempt: u32,
    /// The token's generation.
    pub(super) generation: u64,
    /// Since the lane's start.
    pub(super) at: Duration,
    /// Requests before this one.
    pub(super) number: u64,
}

/// What the tenant answers, and after which time.
pub(super) type Answer = (Duration, Result<Reply, SendError>);

pub(super) fn status(status: u16, after_ms: u64) -> Answer {
    (Duration::from_millis(after_ms), Ok(Reply::new(status, "")))
}

pub(super) fn throttled(status: u16, retry_after: &str, after_ms: u64) -> Answer {
    let value = HeaderValue::from_str(retry_after).expect("a header's value");
    let reply = Reply::new(status, "").with_header(http::header::RETRY_AFTER, value);
    (Duration::from_millis(after_ms), Ok(reply))
}

pub(super) fn broken(stage: Stage, cause: Cause, after_ms: u64) -> Answer {
    let error = SendError::new(stage, cause);
    (Duration::from_millis(after_ms), Err(error))
}

/// Nothing listens there.
pub(super) fn refused() -> Answer {
    let origin = "https://scripted.example".to_owned();
    broken(Stage::NotSent, Cause::ConnectRefused { origin }, 1)
}

/// A request with its answer, as it went over the wire.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) call: Call,
    pub(super) ends: Duration,
    pub(super) status: Option<u16>,
}

/// What the lane said, and what it did.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) exchanges: RefCell<Vec<Exchange>>,
    pub(super) outcomes: RefCell<Vec<Outcome>>,
    pub(super) calls: RefCell<Vec<CallRecord>>,
    pub(super) fatal: RefCell<Vec<FatalError>>,
    pub(super) notices: RefCell<Vec<String>>,
    pub(super) decisions: RefCell<Vec<(LimitLevel, LimitEvent)>>,
    pub(super) tokens_rejected: RefCell<Vec<u64>>,
    pub(super) tokens_accepted: RefCell<Vec<u64>>,
    /// Rows that are written down as about to be sent.
    pub(super) intended: RefCell<HashSet<u64>>,
    /// Jobs that are written down, with their rows.
    pub(super) jobs: RefCell<Vec<(String, Vec<u64>)>>,
    /// Rows that were taken back from there, in order.
    pub(super) withdrawn: RefCell<Vec<u64>>,
    attempts: RefCell<HashMap<u64, u32>>,
}

/// The script as the transport wants it, with every exchange noted down.
pub(super) fn noting(
    notes: &Rc<Notes>,
    started: Instant,
    script: impl Fn(&Call) -> Answer + 'static,
) -> impl Fn(&Request, u64) -> Answer + 'static {
    let notes = Rc::clone(notes);
    move |request, number| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let row = text(&request.body).parse().expect("a row's number");
        let mut attempts = notes.attempts.borrow_mut();
        let attempt = attempts.entry(row).or_default();
        *attempt += 1;
        let bearer = request.credentials[0].1.to_str().expect("text");
        let call = Call {
            row,
            key: text(&request.path[1..]),
            attempt: *attempt,
            generation: bearer["Bearer ".len()..].parse().expect("a generation"),
            at: started.elapsed(),
            number,
        };
        let (delay, answer) = script(&call);
        notes.exchanges.borrow_mut().push(Exchange {
            ends: call.at + delay.min(request.timeout),
            status: answer.as_ref().ok().map(|reply| reply.status),
            call,
        });
        (delay, answer)
    }
}

impl Notes {
    /// How each row ended, by row; fails where one ended twice.
    pub(super) fn ends(&self) -> HashMap<u64, OutcomeKind> {
        let mut ends = HashMap::new();
        for outcome in self.outcomes.borrow().iter() {
            let before = ends.insert(outcome.row.0, outcome.kind);
            assert_eq!(before, None, "row {} ended twice", outcome.row.0);
            let text = std::str::from_utf8(&outcome.raw).expect("text");
            assert!(text.ends_with(&format!("row {}", outcome.row.0)), "{text}");
        }
        ends
    }

    /// Why a row ended as it did.
    pub(super) fn refusal(&self, row: u64) -> Refusal {
        let outcomes = self.outcomes.borrow();
        let outcome = outcomes.iter().find(|outcome| outcome.row.0 == row);
        let refusal = outcome.and_then(|outcome| outcome.refusal.clone());
        *refusal.unwrap_or_else(|| panic!("row {row} was not refused"))
    }

    /// Rows 1 to `rows` all ended as updated, and nothing else did; the audit
    /// has every exchange.
    pub(super) fn assert_all_updated(&self, rows: u64) {
        let ends = self.ends();
        let others: Vec<_> = ends
            .iter()
            .filter(|(_, kind)| **kind != OutcomeKind::Updated)
            .collect();
        assert!(others.is_empty(), "{others:?}");
        assert_eq!(ends.len() as u64, rows);
        assert!((1..=rows).all(|row| ends.contains_key(&row)));
        assert_eq!(self.fatal.borrow().as_slice(), []);
        assert_eq!(self.calls.borrow().len(), self.exchanges.borrow().len());
    }

    /// The exchanges of a row, in order.
    pub(super) fn of_row(&self, row: u64) -> Vec<Exchange> {
        let exchanges = self.exchanges.borrow();
        let of_row = exchanges.iter().filter(|exchange| exchange.call.row == row);
        of_row.cloned().collect()
    }
}
