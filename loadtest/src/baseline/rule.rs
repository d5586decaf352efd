//! What a driver asks of a rule and tells it.

use std::time::Duration;

use super::{FixedWorkers, NetflixAimd, PlainAimd, VectorArc};

/// May one more request be sent?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Yes: a row whose retry is due, else a new one.
    Send,
    /// Ask again at this time, or after a reply, whichever is first.
    WaitUntil(Duration),
    /// Ask again after a reply.
    WaitForReply,
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it left.
    pub sent_at: Duration,
    /// 1 for a row's first request.
    pub number: u32,
}

/// A reply, or its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// 2xx.
    Done,
    /// 429, or a vendor's 403 for the same thing.
    Refused {
        /// The `Retry-After` header as it stands.
        retry_after: Option<&'a str>,
    },
    /// 5xx, or no reply.
    Failed,
}

/// What becomes of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Done,
    /// It is given up.
    Lost,
    /// It goes back to the queue until then; `poll` must agree to its next request.
    RetryAt(Duration),
    /// Its worker keeps it and sends it again then, without asking `poll`.
    HoldUntil(Duration),
}

/// One client's rule. Times count from the client's start and never go back.
///
/// A driver asks [`poll`](Rule::poll) until it says no; each `Send` is followed by [`on_send`](Rule::on_send). Held rows
/// are sent when their time has come, and told by `on_send` too.
pub trait Rule: Send {
    /// Whether one more request may be sent now.
    fn poll(&mut self, now: Duration) -> Ask;

    /// A request leaves.
    fn on_send(&mut self, attempt: Attempt);

    /// Its answer came.
    fn on_reply(&mut self, now: Duration, attempt: Attempt, answer: Answer<'_>) -> Next;
}

/// Makes a rule; the number seeds its jitter.
pub type MakeRule = fn(u64) -> Box<dyn Rule>;

/// Every rule with its name in tables.
pub fn all() -> [(&'static str, MakeRule); 4] {
    [
        ("fixed workers", |seed| {
            Box::new(FixedWorkers::new(10, seed))
        }),
        ("plain AIMD", |seed| Box::new(PlainAimd::new(seed))),
        ("Vector ARC", |seed| Box::new(VectorArc::new(seed))),
        ("Netflix AIMD", |seed| Box::new(NetflixAimd::new(seed))),
    ]
}
