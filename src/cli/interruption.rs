//! Ctrl-C, SIGTERM and a lost terminal, also when no leg listens for them:
//! between the rounds of a load that follows its source, and between the parts
//! of a run.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::error::{FatalError, FatalKind};

/// Listens from its making on; a signal that came meanwhile isn't missed.
pub(super) struct Interruption {
    runtime: Runtime,
    signals: [Signal; 3],
}

impl Interruption {
    /// Begins to listen.
    ///
    /// # Errors
    /// The system lets no signal be listened for.
    pub(super) fn listen() -> Result<Self, FatalError> {
        let failed = |cause: std::io::Error| {
            FatalError::new(
                FatalKind::Internal,
                format!("can't listen for signals: {cause}"),
            )
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let guard = runtime.enter();
        let listener = |kind| signal(kind).map_err(failed);
        let signals = [
            listener(SignalKind::interrupt())?,
            listener(SignalKind::terminate())?,
            listener(SignalKind::hangup())?,
        ];
        drop(guard);
        Ok(Self { runtime, signals })
    }

    /// Waits so long; whether a signal ended the wait, or had come before it.
    pub(super) fn comes_within(&mut self, wait: Duration) -> bool {
        let [interrupt, terminate, hangup] = &mut self.signals;
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => true,
                _ = terminate.recv() => true,
                _ = hangup.recv() => true,
                () = sleep(wait) => false,
            }
        })
    }

    /// Whether a signal has come.
    pub(super) fn has_come(&mut self) -> bool {
        // Long enough for a look at what the system has to tell.
        self.comes_within(Duration::from_millis(1))
    }
}
