//! What a run keeps on disk: its directory, the manifest that says what is
//! loaded where, the journal that says which rows have ended, and the books
//! (reject files and audit) that people read.
//!
//! The journal is the truth. Files that are only appended to carry their
//! committed length in it; after a crash they are cut back to that length, so
//! that a row which is sent again isn't listed twice.

mod book;
mod books;
mod intents;
mod journal;
mod journal_error;
mod ledger;
mod limit_profiles;
mod manifest;
mod parent_ids;
mod parts;
mod pre_images;
mod reserve;
mod retake;
mod run_directory;
mod schema;
mod side_books;
mod sqlite;
mod sqlite_error;
mod tables;
#[cfg(test)]
mod tests;

pub use books::{BookFormat, Books};
pub use journal::{
    Checkpoint, Commit, IntendedRow, Intent, JobOfRow, Journal, JournalState, ListedRow,
    ResumeMark, RetryMark, Standing, Suspect,
};
pub use journal_error::JournalError;
pub use ledger::Ledger;
pub use limit_profiles::LimitProfiles;
pub use manifest::{Manifest, SecretOrigin, SourceRecord, StreamRecord};
pub use parent_ids::ParentIds;
pub use parts::{PartRecord, PartsManifest};
pub use pre_images::PRE_IMAGES;
pub use retake::{Retake, RetryOf, rows_taken_back};
pub use run_directory::{RunDirectory, RunLock};
pub use sqlite::{Durability, SqliteJournal};
