//! Reads rows on a thread of its own, and hands on those that are still to be
//! done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use actix::{Actor, Context, Handler, Recipient};
use crossbeam_channel::Sender;

use crate::record::{ByteCredit, RawBatch, RowRanges};
use crate::source::{Source, SourceError};

use super::messages::{Drain, Exited};
use super::selection::Selection;
use super::stage::{ExitGuard, Stage, StageEnd, StageMeter};

/// Bytes that a row under way costs beside its text: its item, its outcome,
/// and its place in the queues.
const ROW_OVERHEAD_BYTES: usize = 320;
/// A row's text is held as it was read and again as path and body.
const COPIES_OF_TEXT: usize = 3;

/// What the extractor works with.
pub(super) struct Extraction {
    pub(super) source: Box<dyn Source>,
    pub(super) selection: Selection,
    /// Rows that earlier legs have finished.
    pub(super) finished: RowRanges,
    pub(super) credit: ByteCredit,
    pub(super) batches: Sender<RawBatch>,
    pub(super) meter: Arc<StageMeter>,
}

/// The actor shell: it starts the thread and can stop it.
pub(super) struct Extractor {
    extraction: Option<Extraction>,
    supervisor: Recipient<Exited>,
    credit: ByteCredit,
    stop: Arc<AtomicBool>,
}

impl Extractor {
    pub(super) fn new(extraction: Extraction, supervisor: Recipient<Exited>) -> Self {
        Self {
            credit: extraction.credit.clone(),
            extraction: Some(extraction),
            supervisor,
            stop: Arc::new(AtomicBool::new(false)),
        }
    }
}

impl Actor for Extractor {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        let Some(extraction) = self.extraction.take() else {
            return;
        };
        let guard = ExitGuard::new(self.supervisor.clone(), Stage::Extractor);
        let stop = Arc::clone(&self.stop);
        spawn_named("extractor", move || {
            let end = match extract(extraction, &stop) {
                Ok(()) => StageEnd::Finished,
                Err(error) => StageEnd::Failed(error.into_fatal()),
            };
            guard.report(end);
        });
    }
}

impl Handler<Drain> for Extractor {
    type Result = ();

    fn handle(&mut self, _drain: Drain, _context: &mut Self::Context) {
        self.stop.store(true, Ordering::Relaxed);
        // It may be waiting for rows that won't end any more.
        self.credit.close();
    }
}

/// Starts a named thread. The names show in `top -H` and in a debugger.
pub(super) fn spawn_named(name: &str, work: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .name(format!("sluice-{name}"))
        .spawn(work)
        .expect("the system can start one more thread");
}

fn extract(mut extraction: Extraction, stop: &AtomicBool) -> Result<(), SourceError> {
    let mut sequence = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let start = Instant::now();
        let batch = extraction.source.next_batch()?;
        extraction.meter.add_busy(start.elapsed());
        let Some(mut batch) = batch else {
            return Ok(());
        };
        let beyond = batch
            .rows
            .last()
            .is_some_and(|row| extraction.selection.is_beyond(row.row));
        batch.rows.retain(|row| {
            extraction.selection.wants(row.row) && !extraction.finished.contains(row.row.0)
        });
        if !batch.rows.is_empty() {
            let bytes = batch.buffer.len() * COPIES_OF_TEXT + batch.rows.len() * ROW_OVERHEAD_BYTES;
            let Some(share) = extraction.meter.waiting(|| extraction.credit.take(bytes)) else {
                return Ok(());
            };
            batch.credit = Some(share);
            batch.sequence = sequence;
            sequence += 1;
            let sent = extraction.meter.waiting(|| extraction.batches.send(batch));
            if sent.is_err() {
                // The mappers are gone; whoever ended first says why.
                return Ok(());
            }
        }
        if beyond {
            return Ok(());
        }
    }
}
