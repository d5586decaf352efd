//! What a load will do, before it does it: in which order entities come, what is
//! wrong with the rows, how many requests it takes, and how long. Pure: rows and
//! figures come in.

mod findings;
mod forecast;
mod order;

pub use findings::{Findings, Problem, RuleFindings};
pub use forecast::{Forecast, requests_for, sustained_rate, time_for};
pub use order::{ReferenceCycle, dependency_order};
