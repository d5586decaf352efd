//! How fast, how many at once, and when to wait: the rate and concurrency
//! controller of one limit key.
//!
//! A tenant holds its clients back in four ways: a quota for a stretch of
//! time, a bucket that refills, a cap on requests at once, and trouble of its
//! own. It says which one only by `429`, `503`, `Retry-After` and, with luck,
//! by headers. Three brakes in a row answer all four, and a request passes
//! each of them before it is sent:
//!
//! ```text
//!   poll ──► gate ──────────► window ─────────► pace ──────────► Go
//!            closed until     requests in       requests a
//!            Retry-After      flight (AIMD)     second (learnt)
//! ```
//!
//! * The **gate** obeys. Between its closing and its reopening nothing is
//!   granted, whoever asks.
//! * The **window** bounds what is in flight. It finds concurrency caps and
//!   the knee past which a server only gets slower.
//! * The **pace** spreads a quota over its time. It is learnt from what whole
//!   cycles (open and closed) admitted and from where a growing pace was
//!   refused (decision 009), or told by rate-limit headers.
//!
//! Beside them stand the **circuit breaker** (a server that fails is left
//! alone for a while, unless its failures turn out to be a limit), the
//! **backoff** of single records and the **retry budget**, which keeps retries
//! a small share of all requests.
//!
//! The module is sans-IO: time comes in as an argument, randomness is seeded,
//! and a reply comes in as an [`Observation`]. One [`Controller`] is the state
//! of one [`LimitKey`] and is shared by lanes behind a short lock: every call
//! is O(1) and the usual path allocates nothing. The rules and their
//! measurements are in `docs/decisions` and `tests/scenarios.rs`.

mod approach;
mod backoff;
mod breaker;
mod bucket;
mod burst;
mod cap;
mod connections;
mod controller;
mod creep;
mod cycles;
mod doubling;
mod event;
mod failing;
mod gate;
mod header_time;
mod hints;
mod key;
mod learned;
mod learnt_pace;
mod measure;
mod observation;
mod pace;
mod pause;
mod profile;
mod ramp;
mod rate;
mod reply;
mod retry_after;
mod retry_budget;
mod settings;
mod snapshot;
mod steady;
mod step;
mod step_down;
mod told;
mod trickle;
mod trouble;
mod window;

#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use controller::Controller;
pub use event::{CloseReason, LONGEST_PAUSE, LimitEvent};
pub use hints::{HeaderLookup, Hint, rate_limit_hint, tells_of_limit};
pub use key::LimitKey;
pub use learned::{LearnedLimit, LimitKind, WindowStart};
pub use observation::{Decision, Observation, Permit, Reaction};
pub use pause::Pause;
pub use profile::{Confidence, FoundBy, LimitProfile, ProfileFit};
pub use rate::{Rate, RateError, Share, ShareError};
pub use retry_after::{retry_after, retry_after_in_body};
pub use retry_budget::RetryBudget;
pub use settings::{Concurrency, LimitSettings};
pub use snapshot::{GateState, Snapshot};
