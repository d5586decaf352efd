//! The benchmark of a tenant's rate limit: what kind it is, how much it lets
//! through, and whether the tenant's word about waits can be taken.
//!
//! A limit is seen only by what it lets in and what it refuses. So a probe
//! sends requests in patterns that the kinds of limit answer differently, and
//! then asks which kind explains the answers:
//!
//! ```text
//!   protocol ──trial──► bench ──request──► target (HTTP, or a model in tests)
//!      ▲                  │
//!      │ next trial       └─records─► fit: each kind's best figures, and how
//!      └───── judge ◄───────────────      many answers they contradict
//! ```
//!
//! * **`protocol`** is the order of the trials, **`ramp`** its gentle beginning
//!   and **`soak`** its end, where the loader's own controller is the arbiter.
//! * **`bench`** runs one trial. It keeps the books and the bounds, and sends
//!   nothing before a wait that the tenant asked for is over.
//! * **`fit`** leads the **`model`** of each kind through the records. A figure's
//!   uncertainty is how far it can be moved before the records contradict it.
//! * **`judge`** is sure of a kind only where no other one explains the records
//!   nearly as well; it says "not sure" rather than guess.
//!
//! Time is tokio's, so the tests run minutes of probing against the simulated
//! tenant's limits in virtual time.

mod bench;
mod bounds;
mod cap_check;
mod compare;
mod conclude;
mod distress;
mod doubt;
mod fit;
mod http;
mod judge;
mod model;
mod nested;
mod protocol;
mod ramp;
mod record;
mod replies;
mod run;
mod show;
mod signals;
mod soak;
mod target;
mod tokens;
mod trial;
mod under_way;
mod verdict;

#[cfg(test)]
mod tests;

pub use bench::{OnProgress, Standing};
pub use bounds::{Bounds, Stop};
pub use compare::{Differences, Differs};
pub use http::Questions;
pub use ramp::Step;
pub use record::WaitForm;
pub use run::{Finding, Plan, run};
pub use show::{Context, ForecastLoad, html_report, json_report, plot, text_report};
pub use tokens::{TokenSource, Tokens};
pub use verdict::{Figure, Honesty, Kind, Limit, RetryAfter, Verdict};
