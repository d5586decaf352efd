//! How a client is measured against a tenant: how long, how many processes, what is expected of it, and what the best
//! client could have got.
//!
//! The simulation in virtual time and the run over real sockets both measure by this, so that their figures mean the
//! same.

mod best;
mod measure;
mod stretches;

pub use best::{best_possible, sustained};
pub use measure::{Benchmark, Expectation};
