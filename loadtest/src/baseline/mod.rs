//! How others go about a rate limit, to compare with: four known rules, written anew from their descriptions.
//!
//! Each is sans-IO like the product's own controller, so the simulation in virtual time and the run over sockets drive the
//! same code. [`all`] names them.

mod fixed_workers;
mod netflix;
mod plain_aimd;
mod retry;
mod rows_under_way;
mod rule;
mod vector;

pub use fixed_workers::FixedWorkers;
pub use netflix::NetflixAimd;
pub use plain_aimd::PlainAimd;
pub use rule::{Answer, Ask, Attempt, MakeRule, Next, Rule, all};
pub use vector::VectorArc;
