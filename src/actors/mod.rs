//! The run as actors: the only module that knows actix.
//!
//! There are two planes. **Control** goes by actix messages (`messages.rs`):
//! few, small, answered at once. **Data** goes through bounded channels whose
//! ends the actors hold, in chunks that carry their share of one memory
//! budget. actix mailboxes have no bound in practice and its supervisor
//! doesn't survive a panic (`docs/decisions/001`), so neither is relied on:
//! every stage reports its end through a guard, panics included, and the unit
//! of restart is the phase, rebuilt from the journal.
//!
//! ```text
//! extractor ─► mappers ─► chunker ─► worker(lane) ─► recorder
//!  (thread)   (threads)                (Arbiter)      (thread)
//! ```
//!
//! Shutdown is the end of the stream: the source closes, each stage drains and
//! closes the next, the recorder commits, and the supervisor ends the run.

mod chunker;
mod counter;
mod decisions;
mod eta;
mod extractor;
mod intents;
mod lane;
mod limiters;
mod mapper;
mod messages;
mod pace_meter;
mod phase;
mod recorder;
mod run;
mod selection;
mod signals;
mod stage;
mod supervisor;
mod token_refresher;
mod worker;

pub use counter::{Counted, InputCounter};
pub use intents::{IntentDesk, Intention};
pub use lane::{
    ClientLimit, Endpoint, LaneControl, LaneGauge, LaneSetup, LimitLevel, SharedLimit, run_lane,
};
pub use limiters::FoundLimit;
pub use mapper::RowMapper;
pub use messages::{CurrentToken, StopReason};
pub use run::{
    InputCounting, OpenSource, OpenTransport, RunEnd, RunPlan, StageTime, TokenPlan, run,
};
pub use selection::Selection;
pub use stage::{Stage, StageMeter, StageMeters};
