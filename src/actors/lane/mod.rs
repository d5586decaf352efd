//! The lane: the loop that sends requests. Chunks come in, outcomes go out,
//! and in between every request passes the gate. There is no actix in it, so
//! it is tested with a channel at each end and a fake transport under paused
//! time.

mod asked_together;
mod attempt;
mod call;
mod client_limit;
mod clock;
mod doubt;
mod ending;
mod endpoint;
mod gather;
mod gauge;
mod held_permit;
mod items;
mod jobs;
mod just_made;
mod key_order;
mod looked_up;
mod observe;
mod outage;
mod question;
mod refused_alike;
mod run;
mod send;
mod settle;
mod shared_limit;
mod throttled_alone;
mod told_quota;
mod undo;
mod upsert;
mod verdict;

#[cfg(test)]
mod tests;

pub use client_limit::ClientLimit;
pub use endpoint::Endpoint;
pub use gauge::LaneGauge;
pub use run::{LaneControl, LaneSetup, run_lane};
pub use shared_limit::{LimitLevel, SharedLimit};
