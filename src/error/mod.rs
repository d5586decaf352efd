//! Kinds of failure, the exit codes they lead to, and words for people.

mod exit;
mod fatal;

pub use exit::ExitStatus;
pub use fatal::{FatalError, FatalKind};
