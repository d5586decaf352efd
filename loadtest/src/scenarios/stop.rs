//! The word that everything is to end: Ctrl-C, or a terminate signal.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

/// How often a thread that waits looks up. Shorter costs processor time, longer ends children later.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Tells whether to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it is set.
    pub(super) async fn wait(&mut self) {
        // An error means that nobody is left to set it.
        if self.0.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Asks `poll` now and then until it gives a value; none if it was stopped before, or the deadline has passed.
    pub(super) fn poll_until<Value>(
        &self,
        deadline: Instant,
        mut poll: impl FnMut() -> Option<Value>,
    ) -> Option<Value> {
        loop {
            if let Some(value) = poll() {
                return Some(value);
            }
            if self.is_set() || Instant::now() >= deadline {
                return None;
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }
}

/// Listens for signals until it is dropped.
pub(super) struct SignalWatch {
    stop: Stop,
    ended: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SignalWatch {
    /// Starts to listen.
    ///
    /// # Errors
    /// If the system refuses a thread or a handler.
    pub(super) fn start() -> std::io::Result<Self> {
        let (setter, stop) = watch::channel(false);
        let (ended, end) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let _inside = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        drop(_inside);
        let listen = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = end => return,
                }
                setter.send_replace(true);
            });
        };
        let thread = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(listen)?;
        Ok(SignalWatch {
            stop: Stop(stop),
            ended: Some(ended),
            thread: Some(thread),
        })
    }

    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        // It has ended already where a signal came.
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
