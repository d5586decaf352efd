//! What can be wrong with an input as a whole, and what the user can do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::spool::{SpoolFailure, SpoolSide};
use crate::error::{FatalError, FatalKind, printable};

/// An input that can't be used, or not be read to its end.
#[derive(Debug, Error)]
pub enum SourceError {
    /// No file has this name.
    #[error("there is no file `{path}`", path = .path.display())]
    Missing {
        /// The name that was given.
        path: PathBuf,
    },
    /// The name is a directory's.
    #[error("`{path}` is a directory, not a file", path = .path.display())]
    Directory {
        /// The name that was given.
        path: PathBuf,
    },
    /// A pipe, a socket or a device: it can be read once only, and a run reads
    /// its input again when it resumes.
    #[error("`{path}` is not a regular file", path = .path.display())]
    NotRegular {
        /// The name that was given.
        path: PathBuf,
    },
    /// The file is there and can't be opened.
    #[error("can't open `{path}`: {cause}", path = .path.display())]
    Unreadable {
        /// The name that was given.
        path: PathBuf,
        /// The operating system's word.
        cause: io::Error,
    },
    /// Nothing in it, or nothing but blank lines.
    #[error("{input} is empty: it has no header")]
    Empty {
        /// The input in words.
        input: String,
    },
    /// A workbook or an archive was given in place of text, or text of
    /// another kind.
    #[error("{input} is not {wanted} but {format}")]
    NotText {
        /// The input in words.
        input: String,
        /// What it was to be.
        wanted: &'static str,
        /// What its first bytes say that it is.
        format: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// The header record itself breaks a rule.
    #[error("the header of {input} (line {line}, byte {byte}) can't be read: {message}")]
    BadHeader {
        /// The input in words.
        input: String,
        /// Line the header starts on, from 1.
        line: u64,
        /// Byte of the flaw.
        byte: u64,
        /// What is wrong.
        message: String,
    },
    /// Two columns share a name, so that it doesn't say which one is meant.
    #[error("the header of {input} has the column `{}` twice: columns {first} and {second}", printable(.name))]
    DuplicateColumn {
        /// The input in words.
        input: String,
        /// The shared name.
        name: String,
        /// The first of the two, from 1.
        first: usize,
        /// The second of the two, from 1.
        second: usize,
    },
    /// A column without a name.
    #[error("the header of {input} (line {line}) has no name for column {column}")]
    UnnamedColumn {
        /// The input in words.
        input: String,
        /// Line the header starts on, from 1.
        line: u64,
        /// The column, from 1.
        column: usize,
    },
    /// A file of JSON objects in which no line is one.
    #[error("{input} has no record: line {line}: {message}")]
    NoRecord {
        /// The input in words.
        input: String,
        /// The first line that isn't blank.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// Records that have too many different members together.
    #[error(
        "the records of {input} have more than {most} different members together (line {line})"
    )]
    TooManyColumns {
        /// The input in words.
        input: String,
        /// The line that goes beyond the bound.
        line: u64,
        /// The bound.
        most: usize,
    },
    /// A workbook that can't be read.
    #[error("{input} can't be read as a workbook (XLSX): {message}")]
    BadWorkbook {
        /// The input in words.
        input: String,
        /// What is wrong.
        message: String,
    },
    /// A workbook without the sheet that is wanted.
    #[error("{input} has no sheet `{sheet}`{known}")]
    NoSheet {
        /// The input in words.
        input: String,
        /// The sheet's name as it was given.
        sheet: String,
        /// The sheets that it has, in words that follow the rest.
        known: String,
    },
    /// The row of a sheet that should name the columns doesn't.
    #[error("the header of {input} (row {row}) can't be read: {message}")]
    BadSheetHeader {
        /// The input in words.
        input: String,
        /// The row, from 1.
        row: u32,
        /// What is wrong.
        message: String,
    },
    /// A delimiter that can't separate fields.
    #[error("the delimiter {delimiter:?} can't be used")]
    BadDelimiter {
        /// The character that was given.
        delimiter: char,
    },
    /// Standard input can't be read a second time.
    #[error("standard input can be read only once")]
    ReadOnce,
    /// Reading failed in the middle.
    #[error("can't read {input} after byte {byte}: {cause}")]
    Reading {
        /// The input in words.
        input: String,
        /// Bytes that had been read.
        byte: u64,
        /// The operating system's word.
        cause: io::Error,
    },
    /// What a stream ended with before its end.
    #[error("{0}")]
    Fetching(FatalError),
    /// A staging file of the run can't be written or read back.
    #[error("can't write {path}: {cause}", path = .path.display())]
    Staging {
        /// The staging file.
        path: PathBuf,
        /// The operating system's word.
        cause: io::Error,
    },
}

impl SourceError {
    /// A failed read of the named input, with a spool's failure to write told
    /// apart: that one is about the run's own disk.
    pub(super) fn reading(input: String, byte: u64, cause: io::Error) -> Self {
        let spooling = cause
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<SpoolFailure>());
        match spooling {
            Some(SpoolFailure {
                fatal: Some(fatal), ..
            }) => Self::Fetching(fatal.clone()),
            Some(failure) if failure.side == SpoolSide::Writing => Self::Staging {
                path: failure.path.clone(),
                cause: io::Error::new(cause.kind(), failure.reason.clone()),
            },
            _ => Self::Reading { input, byte, cause },
        }
    }

    /// The failure as it ends a command: wrong input is the user's to change
    /// (exit 2), a disk that fails is fatal (exit 4).
    #[must_use]
    pub fn into_fatal(self) -> FatalError {
        let message = self.to_string();
        match self {
            Self::Fetching(error) => error,
            Self::Reading { .. } => FatalError::new(FatalKind::Disk, message)
                .with_hint("Check the disk or the connection the input comes from, then resume the run."),
            Self::Staging { path, cause } => {
                FatalError::writing(&path.display().to_string(), &cause)
            }
            Self::Missing { .. } => FatalError::usage(message)
                .with_hint("Check the name; a relative one counts from the current directory."),
            Self::Directory { .. } => {
                FatalError::usage(message).with_hint("Name one file in it.")
            }
            Self::NotRegular { path } => FatalError::usage(message).with_hint(format!(
                "Give it on standard input: name `-` as the file and add `< {}`.",
                path.display()
            )),
            Self::Unreadable { .. } => {
                FatalError::usage(message).with_hint("Check the file's permissions.")
            }
            Self::Empty { .. } => FatalError::usage(message)
                .with_hint("The first line must name the columns."),
            Self::NotText { hint, .. } => FatalError::usage(message).with_hint(hint),
            Self::BadHeader { .. } => FatalError::usage(message)
                .with_hint("Repair the first line; it must name the columns."),
            Self::DuplicateColumn { .. } => {
                FatalError::usage(message).with_hint("Give each column a name of its own.")
            }
            Self::UnnamedColumn { .. } => FatalError::usage(message).with_hint(
                "Name the column, or take the surplus delimiter out of the header and the rows.",
            ),
            Self::BadDelimiter { .. } => FatalError::usage(message).with_hint(
                "Use one ASCII character that is no quote and no line break, such as `,` `;` or a tab.",
            ),
            Self::NoRecord { .. } => FatalError::usage(message)
                .with_hint("Each line must be one JSON object, such as {\"id\": \"c-1\"}."),
            Self::TooManyColumns { .. } => FatalError::usage(message).with_hint(
                "Take out what isn't loaded: lists and maps with names of their own in each record.",
            ),
            Self::BadWorkbook { .. } => FatalError::usage(message)
                .with_hint("Save it as XLSX again, or save the sheet as \"CSV UTF-8\"."),
            Self::NoSheet { .. } => FatalError::usage(message)
                .with_hint("Name one of its sheets as `sheet` of the job's `source`, or none for the first."),
            Self::BadSheetHeader { .. } => FatalError::usage(message).with_hint(
                "The first row with anything in it must name the columns, each in a cell of its own.",
            ),
            Self::ReadOnce => FatalError::usage(message)
                .with_hint("Stage it to a file first."),
        }
    }
}
