//! A tenant made of a closure, for tests of everything above the transport.

use std::cell::Cell;
use std::time::Duration;

use super::{Cause, Reply, Request, SendError, Stage, Transport};

/// Answers each request as a closure says, after the delay that it says.
///
/// The closure gets the request and the call's number, from 0. It is asked when
/// the request is sent, and its answer comes after `tokio::time::sleep`, so
/// under paused time hours pass in milliseconds. A delay beyond the request's
/// own time-out ends as that time-out.
pub struct FakeTransport<Script> {
    script: Script,
    calls: Cell<u64>,
    in_flight: Cell<u64>,
    max_in_flight: Cell<u64>,
}

impl<Script> FakeTransport<Script>
where
    Script: Fn(&Request, u64) -> (Duration, Result<Reply, SendError>) + 'static,
{
    /// A transport that follows the script.
    pub fn new(script: Script) -> Self {
        Self {
            script,
            calls: Cell::new(0),
            in_flight: Cell::new(0),
            max_in_flight: Cell::new(0),
        }
    }

    /// How many requests have been sent.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// How many requests were under way at most.
    #[must_use]
    pub fn max_in_flight(&self) -> u64 {
        self.max_in_flight.get()
    }
}

impl<Script> Transport for FakeTransport<Script>
where
    Script: Fn(&Request, u64) -> (Duration, Result<Reply, SendError>) + 'static,
{
    async fn send(&self, request: Request) -> Result<Reply, SendError> {
        let call_number = self.calls.get();
        self.calls.set(call_number + 1);
        self.in_flight.set(self.in_flight.get() + 1);
        self.max_in_flight
            .set(self.max_in_flight.get().max(self.in_flight.get()));
        let _landing = Landing(&self.in_flight);
        let (delay, answer) = (self.script)(&request, call_number);
        if delay > request.timeout {
            tokio::time::sleep(request.timeout).await;
            return Err(SendError::new(Stage::NoReply, Cause::Timeout));
        }
        tokio::time::sleep(delay).await;
        answer
    }
}

/// Counts the request out again, also when its future is dropped.
struct Landing<'counter>(&'counter Cell<u64>);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
