//! What SQLite says, in the words of the journal.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use super::JournalError;

pub(super) fn explain(path: &Path, cause: &rusqlite::Error) -> JournalError {
    let file = path.display().to_string();
    let said = cause.to_string();
    match cause.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::DiskFull { file },
        // A limit on the file's size shows as a failed write, not as a full disk.
        Some(ErrorCode::SystemIoFailure) if is_failed_write(cause) => {
            JournalError::DiskFull { file }
        }
        Some(ErrorCode::CannotOpen) if !path.exists() => JournalError::Missing { file },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            JournalError::ReadOnly { file, cause: said }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Held { file },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            JournalError::Damaged { file, cause: said }
        }
        // A value that doesn't fit its column, or a table that isn't there: no
        // journal of ours is like that.
        None => JournalError::Damaged { file, cause: said },
        Some(ErrorCode::Unknown) if said.contains("no such table") => {
            JournalError::Damaged { file, cause: said }
        }
        _ => JournalError::Database { file, cause: said },
    }
}

fn is_failed_write(cause: &rusqlite::Error) -> bool {
    let extended = cause.sqlite_error().map(|error| error.extended_code);
    extended == Some(ffi::SQLITE_IOERR_WRITE) || extended == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ExitStatus, FatalError};

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn every_failure_of_the_disk_ends_with_4_and_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let there = folder.path().join("journal.db");
        std::fs::write(&there, "").expect("written");
        let gone = folder.path().join("gone.db");
        for (path, code, words) in [
            (&there, ffi::SQLITE_FULL, "the disk is full"),
            (&there, ffi::SQLITE_IOERR_WRITE, "the disk is full"),
            (&there, ffi::SQLITE_READONLY, "can't be written"),
            (&there, ffi::SQLITE_READONLY_DIRECTORY, "can't be written"),
            (&there, ffi::SQLITE_CANTOPEN, "can't be written"),
            (&gone, ffi::SQLITE_CANTOPEN, "is missing"),
            (&there, ffi::SQLITE_BUSY, "held by another process"),
            (&there, ffi::SQLITE_CORRUPT, "is damaged"),
            (&there, ffi::SQLITE_NOTADB, "is damaged"),
            (&there, ffi::SQLITE_IOERR_READ, "can't use"),
        ] {
            let error = FatalError::from(explain(path, &failure(code)));
            assert!(error.message.contains(words), "{code}: {error}");
            assert!(!error.hint.is_empty(), "{code}: {error}");
            assert_eq!(error.exit_status(), ExitStatus::Fatal, "{code}");
        }
    }
}
