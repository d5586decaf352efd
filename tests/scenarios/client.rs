//! A client of the simulated tenant: a rule that says when to send, and what becomes of a row.

use std::time::Duration;

use loadtest::tenant::Heard;

/// May one more request be sent?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Send,
    /// Not before that time, or a reply.
    WaitUntil(Duration),
    WaitForReply,
}

/// A row that is to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub number: u64,
    /// Requests of the row so far.
    pub sent: u32,
    /// Those that failed for the tenant's own troubles.
    pub failures: u32,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Done,
    Lost,
    /// Back to the queue until then.
    RetryAt(Duration),
    /// Sent again then without another question.
    HoldUntil(Duration),
}

/// What a reply was, whoever got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    Refused,
    Failed,
}

impl Verdict {
    pub fn of(heard: &Heard) -> Self {
        match heard.status {
            Some(200..=299) => Verdict::Done,
            Some(429) => Verdict::Refused,
            // Salesforce says so with a 403, and only its body tells it from another one.
            Some(403) if heard.body.contains("REQUEST_LIMIT_EXCEEDED") => Verdict::Refused,
            _ => Verdict::Failed,
        }
    }
}

/// Times count from the start of the world and never go back.
pub trait Client {
    /// What is held from a request to its reply.
    type Ticket;

    fn poll(&mut self, now: Duration) -> Ask;

    /// `row.sent` counts this request too.
    fn send(&mut self, now: Duration, row: Row) -> Self::Ticket;

    /// `row` is as sent; the client notes failures in it.
    fn reply(&mut self, now: Duration, ticket: Self::Ticket, row: &mut Row, heard: &Heard) -> Next;

    /// Whether failures are taken for a limit, as things stand.
    fn takes_failures_for_limit(&self) -> bool {
        false
    }

    /// Its state in a line, for a trace.
    fn state(&mut self, now: Duration) -> String;
}
