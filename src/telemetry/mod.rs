//! Consumers of run events: the progress display, plain lines for logs, and
//! the event log of `-v`. A run sends events and never waits for them; a
//! thread of its own hands each to every consumer, in order.

mod event_log;
mod plain_lines;
mod progress_bar;

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use crate::record::RunEvent;

pub use event_log::{EventLog, LogFormat};
pub use plain_lines::PlainLines;
pub use progress_bar::ProgressDisplay;

/// Something that wants to know what a run does.
pub trait Consumer: Send {
    /// Takes one event in.
    fn take(&mut self, event: &RunEvent);
}

/// The sending end, held by whoever has something to tell.
#[derive(Clone, Debug)]
pub struct EventSender {
    channel: mpsc::Sender<RunEvent>,
}

impl EventSender {
    /// Tells an event. Never blocks, and is lost where nobody listens any more.
    pub fn send(&self, event: RunEvent) {
        let _ = self.channel.send(event);
    }
}

/// The thread that hands events on.
#[derive(Debug)]
pub struct Telemetry {
    thread: JoinHandle<()>,
}

impl Telemetry {
    /// Starts handing events to the consumers.
    #[must_use]
    pub fn start(mut consumers: Vec<Box<dyn Consumer>>) -> (EventSender, Self) {
        let (channel, events) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("sluice-telemetry".to_owned())
            .spawn(move || {
                for event in events {
                    for consumer in &mut consumers {
                        consumer.take(&event);
                    }
                }
            })
            .expect("the system can start one more thread");
        (EventSender { channel }, Self { thread })
    }

    /// Waits until every event has been handed on. All senders must be gone.
    pub fn finish(self) {
        // A consumer that panicked has said so on stderr; the run's books are
        // not its business.
        let _ = self.thread.join();
    }
}
