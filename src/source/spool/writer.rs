//! Filling a spool from this side, piece by piece.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use crate::error::{FatalError, FatalKind};

use super::copy::Shared;
use super::failure::{SpoolFailure, SpoolSide};

/// Fills a spool. One that is dropped before its end (a panic) ends the spool
/// with a failure, so that no reader waits for ever.
pub struct SpoolWriter {
    shared: Arc<Shared>,
}

impl SpoolWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The file that is filled.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Adds whole lines. They are on the disk, and `note` has been called with
    /// the file's new length, before any reader sees them; so what `note` keeps
    /// never lags behind what may have been used. `false`: nothing more is
    /// taken in, and this wasn't.
    ///
    /// # Errors
    /// The file can't be written, or `note` fails; readers see nothing of it.
    pub fn append(
        &mut self,
        lines: &[u8],
        note: impl FnOnce(u64) -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut intake = self.shared.intake.lock();
        if intake.stopped {
            return Ok(false);
        }
        intake.file.write_all(lines)?;
        intake.file.sync_data()?;
        let bytes = intake.written_bytes + lines.len() as u64;
        note(bytes)?;
        intake.written_bytes = bytes;
        self.shared.published.lock().bytes = bytes;
        self.shared.grown.notify_all();
        Ok(true)
    }

    /// The stream has come to its own end.
    pub fn finish(self) {
        let mut published = self.shared.published.lock();
        if !published.ended {
            published.ended = true;
            published.complete = true;
        }
        self.shared.grown.notify_all();
    }

    /// The stream ends here for that reason, which readers learn once they have
    /// read what there is.
    pub fn fail(self, error: FatalError) {
        self.shared.fail_with(SpoolFailure {
            side: SpoolSide::Reading,
            path: self.shared.path.clone(),
            reason: error.to_string(),
            kind: io::ErrorKind::Other,
            fatal: Some(error),
        });
    }

    /// Comes back once nothing more is taken in.
    pub fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.shared.stopping.subscribe();
        async move {
            // The spool lives at least as long as its writer.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        // Does nothing where the spool has ended.
        self.shared.fail_with(SpoolFailure {
            side: SpoolSide::Reading,
            path: self.shared.path.clone(),
            reason: "its writer ended without a word".to_owned(),
            kind: io::ErrorKind::Other,
            fatal: Some(FatalError::new(
                FatalKind::Internal,
                "what fetches the source failed unexpectedly",
            )),
        });
    }
}
