//! Kinds of failure, the exit codes they lead to, and words for people.

mod exit;
mod fatal;
mod printable;

pub use exit::ExitStatus;
pub use fatal::{FatalError, FatalKind};
pub use printable::printable;
