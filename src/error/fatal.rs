//! Failures that end a command.

use std::fmt;
use std::io;

use super::ExitStatus;
use super::printable::printable;

/// What ended the command; it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FatalKind {
    /// The command line, a job, a connector or the input can't be used.
    Usage,
    /// The tenant refused the credentials or the permission.
    Credentials,
    /// The tenant can't be reached, or not be trusted (certificate).
    Tenant,
    /// The disk is full or a file can't be written.
    Disk,
    /// A part of the loader failed in a way it should not.
    Internal,
}

/// A failure that ends a command: what failed, and what to do next.
///
/// `message` and `hint` must be free of secrets: they are printed, logged and
/// written to `summary.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FatalError {
    /// What ended the command.
    pub kind: FatalKind,
    /// What is wrong, and where: a lower-case fragment without a full stop.
    pub message: String,
    /// What the user can do, as a sentence; empty where there is nothing to add.
    pub hint: String,
}

impl FatalError {
    /// A failure without a hint. What a file or a reply puts into the message
    /// can't steer the terminal it is shown on.
    #[must_use]
    pub fn new(kind: FatalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: printable(&message.into()).into_owned(),
            hint: String::new(),
        }
    }

    /// A wrong command line, file or input.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FatalKind::Usage, message)
    }

    /// The same failure with what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = printable(&hint.into()).into_owned();
        self
    }

    /// A file that can't be written: told apart by whether the disk is full.
    #[must_use]
    pub fn writing(what: &str, cause: &io::Error) -> Self {
        if is_disk_full(cause) {
            Self::new(
                FatalKind::Disk,
                format!("the disk is full: can't write {what} ({cause})"),
            )
            .with_hint("Free some space, then go on.")
        } else {
            Self::new(FatalKind::Disk, format!("can't write {what}: {cause}"))
        }
    }

    /// The exit status that this failure leads to.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match self.kind {
            FatalKind::Usage => ExitStatus::Usage,
            FatalKind::Credentials | FatalKind::Tenant | FatalKind::Disk | FatalKind::Internal => {
                ExitStatus::Fatal
            }
        }
    }
}

/// Whether the failure means that no more can be written: no space, a quota,
/// or a limit on the file's size.
fn is_disk_full(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

impl fmt::Display for FatalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for FatalError {}
