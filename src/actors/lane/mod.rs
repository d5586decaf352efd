//! The lane: the loop that sends requests. Chunks come in, outcomes go out,
//! and in between every request passes the gate. There is no actix in it, so
//! it is tested with a channel at each end and a fake transport under paused
//! time.

mod attempt;
mod client_limit;
mod endpoint;
mod key_order;
mod outage;
mod run;
mod settle;
mod shared_limit;
mod told_quota;

#[cfg(test)]
mod tests;

pub use client_limit::ClientLimit;
pub use endpoint::Endpoint;
pub use run::{LaneControl, LaneGauge, LaneSetup, run_lane};
pub use shared_limit::{LimitLevel, SharedLimit};
