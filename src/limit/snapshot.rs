//! The controller's state, for progress and summary.

use std::time::Instant;

use super::event::CloseReason;
use super::learned::LearnedLimit;

/// Whether requests are let through at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// Window and pace decide.
    Open,
    /// Nothing is granted.
    Closed {
        /// When it reopens.
        until: Instant,
        /// Why it closed.
        reason: CloseReason,
    },
}

/// A copy of what is worth showing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// Most requests in flight just now.
    pub window: u32,
    /// Requests in flight.
    pub in_flight: u32,
    /// The gate.
    pub gate: GateState,
    /// Requests per second allowed just now; `None` while only the window
    /// holds requests back.
    pub pace_per_s: Option<f64>,
    /// What was learnt so far.
    pub learned_limit: Option<LearnedLimit>,
    /// Requests granted since the start.
    pub granted: u64,
    /// Requests admitted by the tenant since the start.
    pub accepted: u64,
    /// 429 replies since the start.
    pub throttled: u64,
    /// 5xx replies, time-outs and broken connections since the start.
    pub failed: u64,
    /// Closings of the gate since the start.
    pub closings: u64,
    /// Whether the circuit breaker is open or still waits for a success.
    pub breaker_open: bool,
}
