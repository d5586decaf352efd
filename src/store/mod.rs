//! What a run keeps on disk: its directory, the manifest that says what is
//! loaded where, the journal that says which rows have ended, and the books
//! (reject files and audit) that people read.
//!
//! The journal is the truth. Files that are only appended to carry their
//! committed length in it; after a crash they are cut back to that length, so
//! that a row which is sent again isn't listed twice.

mod books;
mod journal;
mod ledger;
mod limit_profiles;
mod manifest;
mod reserve;
mod run_directory;
mod sqlite;

pub use books::{BookFormat, Books};
pub use journal::{Checkpoint, Commit, Journal, JournalError, JournalState, ResumeMark};
pub use ledger::Ledger;
pub use limit_profiles::LimitProfiles;
pub use manifest::{Manifest, SecretOrigin};
pub use run_directory::{RunDirectory, RunLock};
pub use sqlite::SqliteJournal;
