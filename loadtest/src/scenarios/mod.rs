//! The real loader over real sockets against simulated tenants, and clients with other rules on the same tenants.
//!
//! ```text
//! runner -> schedule          which runs go on at the same time
//!        -> run_one -> loader (the program, as processes) | baseline_client (http)
//!                   -> measure (the tenant's books) -> verdict
//!        -> table, pictures (plot/*), result (JSON)
//! ```
//! What a scenario expects stands in its file; what the best client could get comes from the same oracle as in the
//! simulation in virtual time.

mod arguments;
mod baseline_client;
mod binary;
mod case;
mod folder;
mod http;
mod loader;
mod measure;
mod pictures;
mod plot;
mod result;
mod run_one;
mod runner;
mod schedule;
mod shares;
mod stop;
mod table;
mod verdict;

pub use arguments::ScenariosArguments;
pub use runner::{Ending, run};
