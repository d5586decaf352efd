//! Standard input, or the pages of a stream, kept in a file while they are read.
//!
//! A stream can't be asked for twice, and a run must be able to resume, so a
//! thread of its own copies the stream to a file in the run's directory and
//! readers follow behind it. Two rules make the file a safe second copy:
//!
//! * bytes are on the disk (`fdatasync`) **before** a reader sees them, so no
//!   row can be sent that a power cut takes out of the file;
//! * a reader sees whole lines only, until the stream has ended, so that
//!   stopping in the middle never makes a row of half a line.

mod copy;
mod failure;
mod lines;
mod reader;
mod writer;

pub use copy::Spool;
pub(super) use copy::new_private_file;
pub use failure::{SpoolFailure, SpoolSide};
pub use lines::cut_to_last_line;
pub use reader::SpoolReader;
pub use writer::SpoolWriter;
