//! Restores the source's order after parallel mapping, and hands the items to
//! the lanes: equal keys always to the same lane, in the source's order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Context, Recipient};
use tokio::sync::mpsc;

use crate::record::{Chunk, MappedBatch, OutcomeBatch};

use super::messages::Exited;
use super::stage::{ExitGuard, Stage, StageEnd, StageMeter};

/// What the chunker works with.
pub(super) struct Chunking {
    pub(super) mapped: mpsc::Receiver<MappedBatch>,
    pub(super) lanes: Vec<mpsc::Sender<Chunk>>,
    pub(super) outcomes: mpsc::Sender<OutcomeBatch>,
    pub(super) meter: Arc<StageMeter>,
}

/// The actor shell around the chunking loop. It ends with its stream, so it
/// needs no message.
pub(super) struct Chunker {
    chunking: Option<Chunking>,
    supervisor: Recipient<Exited>,
}

impl Chunker {
    pub(super) fn new(chunking: Chunking, supervisor: Recipient<Exited>) -> Self {
        Self {
            chunking: Some(chunking),
            supervisor,
        }
    }
}

impl Actor for Chunker {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        let Some(chunking) = self.chunking.take() else {
            return;
        };
        let guard = ExitGuard::new(self.supervisor.clone(), Stage::Chunker);
        actix::spawn(async move {
            run_chunker(chunking).await;
            guard.report(StageEnd::Finished);
        });
    }
}

/// Until the mappers have no more batches, or a stage behind is gone.
async fn run_chunker(mut chunking: Chunking) {
    let mut next_sequence = 0;
    // Batches that overtook an earlier one. The byte credit bounds them.
    let mut early = BTreeMap::new();
    while let Some(batch) = chunking.mapped.recv().await {
        early.insert(batch.sequence, batch);
        while let Some(batch) = early.remove(&next_sequence) {
            next_sequence += 1;
            if hand_on(&chunking, batch).await.is_err() {
                return;
            }
        }
    }
}

/// A stage behind is gone: there is nobody to hand on to.
struct Gone;

async fn hand_on(chunking: &Chunking, batch: MappedBatch) -> Result<(), Gone> {
    let start = Instant::now();
    if !batch.outcomes.is_empty() {
        let outcomes = OutcomeBatch {
            outcomes: batch.outcomes,
            ..OutcomeBatch::default()
        };
        send(&chunking.outcomes, outcomes, &chunking.meter).await?;
    }
    let mut chunks: Vec<Chunk> = chunking.lanes.iter().map(|_| Chunk::default()).collect();
    match chunks.as_mut_slice() {
        [only] => only.items = batch.items,
        several => {
            let lanes = several.len() as u64;
            for item in batch.items {
                let lane = usize::try_from(item.key_hash % lanes).expect("below the lane count");
                several[lane].items.push(item);
            }
        }
    }
    chunking.meter.add_busy(start.elapsed());
    for (lane, chunk) in chunking.lanes.iter().zip(chunks) {
        if !chunk.items.is_empty() {
            send(lane, chunk, &chunking.meter).await?;
        }
    }
    Ok(())
}

async fn send<T>(channel: &mpsc::Sender<T>, message: T, meter: &StageMeter) -> Result<(), Gone> {
    let message = match channel.try_send(message) {
        Ok(()) => return Ok(()),
        Err(mpsc::error::TrySendError::Closed(_)) => return Err(Gone),
        Err(mpsc::error::TrySendError::Full(message)) => message,
    };
    let start = Instant::now();
    let sent = channel.send(message).await;
    meter.add_waited(start.elapsed());
    sent.map_err(|_| Gone)
}
