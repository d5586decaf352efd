//! "About to send": how a lane has it written down before the bytes leave.
//!
//! Only for operations that may not be repeated, and for what stands in the
//! tenant, where a run keeps that. A lane asks once for all the
//! calls that it was granted in a turn, and the recorder writes what all lanes
//! ask for in one commit. Taking an intent back goes the same way, so that it
//! can't overtake, or be overtaken by, the next intent of the same row.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::sync::{mpsc, oneshot};

use crate::record::RowId;
use crate::store::IntendedRow;

/// What a lane has to say about rows that it is about to send.
#[derive(Debug)]
pub enum Intention {
    /// They are about to be sent.
    Send {
        /// The rows.
        rows: Vec<IntendedRow>,
        /// What stands in the tenant of them and of others, as lines.
        images: Vec<Vec<u8>>,
        /// Told once that is durable; dropped where it can't be made so.
        durable: oneshot::Sender<()>,
    },
    /// They were sent, and the tenant has named a job for them.
    Job {
        /// The rows, in the order in which they were sent.
        rows: Vec<RowId>,
        /// The job.
        id: Arc<str>,
        /// Told once that is durable; dropped where it can't be made so.
        durable: oneshot::Sender<()>,
    },
    /// The row was sent and surely not applied: it is as if it never left.
    Withdraw(RowId),
}

/// The lane's end of the way to the recorder. It has no bound of its own: the
/// limit's permits bound what is asked for.
#[derive(Clone, Debug)]
pub struct IntentDesk(mpsc::UnboundedSender<Intention>);

/// Resolves once the rows of a turn are written down; an error means that they
/// aren't, and that nothing may leave.
pub(super) type WrittenDown = Shared<oneshot::Receiver<()>>;

impl IntentDesk {
    /// A desk, and the end that the recorder listens at.
    #[must_use]
    pub fn open() -> (Self, mpsc::UnboundedReceiver<Intention>) {
        let (desk, intentions) = mpsc::unbounded_channel();
        (Self(desk), intentions)
    }

    /// Asks for rows, and pre-images, to be written down.
    pub(super) fn intend(&self, rows: Vec<IntendedRow>, images: Vec<Vec<u8>>) -> WrittenDown {
        let (durable, written_down) = oneshot::channel();
        // Where nobody listens any more, the answer's sender is dropped with
        // the message, which is the answer.
        let _ = self.0.send(Intention::Send {
            rows,
            images,
            durable,
        });
        written_down.shared()
    }

    /// Asks for the job of rows to be written down.
    pub(super) fn note_job(&self, rows: Vec<RowId>, id: Arc<str>) -> WrittenDown {
        let (durable, written_down) = oneshot::channel();
        let _ = self.0.send(Intention::Job { rows, id, durable });
        written_down.shared()
    }

    /// Takes a row's intent back.
    pub(super) fn withdraw(&self, row: RowId) {
        let _ = self.0.send(Intention::Withdraw(row));
    }
}
