//! One request: the rows in it, and what came of it.

use tokio::time::Instant;

use crate::connector::ItemKey;
use crate::transport::{Reply, SendError};

use super::attempt::{Pending, Step};
use super::endpoint::key_of;
use super::held_permit::HeldPermit;

/// The rows of one request. Nearly always it is one row, which then costs no
/// list.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) lead: Pending,
    pub(super) others: Vec<Pending>,
}

impl Call {
    /// Its rows, in the order in which they are sent.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Pending> {
        std::iter::once(&self.lead).chain(&self.others)
    }

    /// What a reply may name its rows by.
    pub(super) fn item_keys(&self) -> Vec<ItemKey<'_>> {
        self.rows()
            .map(|pending| ItemKey {
                key: key_of(pending),
                tracker: pending.item.row.0,
            })
            .collect()
    }

    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut Pending> {
        std::iter::once(&mut self.lead).chain(&mut self.others)
    }

    pub(super) fn row_count(&self) -> usize {
        1 + self.others.len()
    }

    /// Whether it asks about a job instead of writing records.
    pub(super) fn asks_about_job(&self) -> bool {
        matches!(self.lead.step, Step::AskJob(_))
    }

    /// The keys of its rows, in the same order.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.rows().map(key_of).collect()
    }

    /// Whether it asks for records instead of writing them.
    pub(super) fn is_look_up(&self) -> bool {
        self.lead.is_to_look_up()
    }
}

/// A request that came to its end, one way or the other.
pub(super) struct Answered {
    pub(super) call: Call,
    pub(super) permit: HeldPermit,
    pub(super) generation: u64,
    pub(super) request_number: u64,
    pub(super) sent_at: Instant,
    pub(super) result: Sending,
}

/// Whether a request was sent, and what came of it.
pub(super) enum Sending {
    Sent(Result<Reply, SendError>),
    /// It never left, since it couldn't be written down.
    NotWrittenDown,
    /// It never left: while it was written down, the tenant asked to wait.
    HeldBack,
}
