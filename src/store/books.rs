//! The books that people read: `rejected.csv`, `missing.csv`, `unknown.csv`
//! and `audit.ndjson`. They are only appended to; their committed lengths
//! stand in the journal.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::error::FatalError;
use crate::record::{CallRecord, Outcome, OutcomeKind};

use super::book::{Book, BookFile, open_file};

/// Bytes that a book gathers before it writes them out on its own, so that a
/// flood of rejected rows stays in bounded memory between two commits.
const WRITE_OUT_BYTES: usize = 128 * 1024;

/// How rows are written into the reject files; the source knows its own format.
pub trait BookFormat: Send {
    /// The reject files' first line.
    fn header(&self) -> Vec<u8>;
    /// Appends one row, with why it stands there.
    fn append(&self, out: &mut Vec<u8>, outcome: &Outcome);
}

/// The open books of a run.
pub struct Books {
    format: Box<dyn BookFormat>,
    rejected: Book,
    missing: Book,
    unknown: Book,
    audit: Book,
}

impl Books {
    /// Opens the books in a run's directory and cuts them back to their
    /// committed lengths; new ones get their first line.
    ///
    /// # Errors
    /// Fails where a file can't be written.
    pub fn open(
        folder: &Path,
        committed: &BTreeMap<String, u64>,
        format: Box<dyn BookFormat>,
    ) -> Result<Self, FatalError> {
        Self::open_with(folder, committed, format, open_file)
    }

    /// The same, with files that `open_file` opens.
    pub(super) fn open_with(
        folder: &Path,
        committed: &BTreeMap<String, u64>,
        format: Box<dyn BookFormat>,
        open_file: impl Fn(&Path) -> io::Result<Box<dyn BookFile>>,
    ) -> Result<Self, FatalError> {
        let open = |name: &'static str| {
            let path = folder.join(name);
            open_file(&path)
                .and_then(|file| Book::open(name, &path, file, committed.get(name).copied()))
                .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))
        };
        let mut books = Self {
            rejected: open("rejected.csv")?,
            missing: open("missing.csv")?,
            unknown: open("unknown.csv")?,
            audit: open("audit.ndjson")?,
            format,
        };
        let header = books.format.header();
        for book in [&mut books.rejected, &mut books.missing, &mut books.unknown] {
            if book.written_bytes() == 0 {
                book.pending.extend_from_slice(&header);
            }
            book.write_out()?;
        }
        Ok(books)
    }

    /// Lists a row in the files where it belongs.
    ///
    /// # Errors
    /// Fails where a file can't be written.
    pub fn list(&mut self, outcome: &Outcome) -> Result<(), FatalError> {
        let listed: &mut [&mut Book] = match outcome.kind {
            OutcomeKind::Rejected => &mut [&mut self.rejected],
            OutcomeKind::Missing => &mut [&mut self.rejected, &mut self.missing],
            OutcomeKind::Unknown => &mut [&mut self.unknown],
            OutcomeKind::Created
            | OutcomeKind::Updated
            | OutcomeKind::Unchanged
            | OutcomeKind::Skipped => return Ok(()),
        };
        for book in listed {
            self.format.append(&mut book.pending, outcome);
            if book.pending.len() >= WRITE_OUT_BYTES {
                book.write_out()?;
            }
        }
        Ok(())
    }

    /// Notes a call in the audit.
    ///
    /// # Errors
    /// Fails where the file can't be written.
    pub fn note_call(&mut self, call: &CallRecord) -> Result<(), FatalError> {
        append_call(&mut self.audit.pending, call);
        if self.audit.pending.len() >= WRITE_OUT_BYTES {
            self.audit.write_out()?;
        }
        Ok(())
    }

    /// Writes everything out, makes the reject files durable, and gives the
    /// lengths to commit. The audit is written but not synced: a power cut may
    /// take its last lines, never a row's outcome.
    ///
    /// # Errors
    /// Fails where a file can't be written.
    pub fn write_out(&mut self) -> Result<BTreeMap<String, u64>, FatalError> {
        for book in [&mut self.rejected, &mut self.missing, &mut self.unknown] {
            book.write_out()?;
            book.sync()?;
        }
        self.audit.write_out()?;
        Ok([&self.rejected, &self.missing, &self.unknown, &self.audit]
            .map(|book| (book.name().to_owned(), book.written_bytes()))
            .into())
    }
}

/// One line of `audit.ndjson`, written by hand: it is on the path of every
/// request, and all its texts but the id are known to need no escape.
fn append_call(out: &mut Vec<u8>, call: &CallRecord) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"{\"at_ms\":");
    out.extend_from_slice(digits.format(call.sent_at_ms).as_bytes());
    out.extend_from_slice(b",\"request_id\":");
    write_json_text(out, &call.request_id);
    out.extend_from_slice(b",\"endpoint\":");
    write_json_text(out, &call.endpoint);
    out.extend_from_slice(b",\"status\":");
    match call.status {
        Some(status) => out.extend_from_slice(digits.format(status).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"duration_us\":");
    let micros = u64::try_from(call.duration.as_micros()).unwrap_or(u64::MAX);
    out.extend_from_slice(digits.format(micros).as_bytes());
    out.extend_from_slice(b",\"row\":");
    out.extend_from_slice(digits.format(call.first_row).as_bytes());
    out.extend_from_slice(b",\"rows\":");
    out.extend_from_slice(digits.format(call.rows).as_bytes());
    out.extend_from_slice(b",\"attempt\":");
    out.extend_from_slice(digits.format(call.attempt).as_bytes());
    out.extend_from_slice(b",\"class\":\"");
    out.extend_from_slice(call.class.as_bytes());
    out.extend_from_slice(b"\"}\n");
}

fn write_json_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing to memory doesn't fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Position, RowId};
    use bytes::Bytes;
    use std::time::Duration;

    struct Plain;

    impl BookFormat for Plain {
        fn header(&self) -> Vec<u8> {
            b"id\n".to_vec()
        }
        fn append(&self, out: &mut Vec<u8>, outcome: &Outcome) {
            out.extend_from_slice(&outcome.raw);
            out.push(b'\n');
        }
    }

    fn outcome(kind: OutcomeKind, raw: &'static str) -> Outcome {
        Outcome {
            row: RowId(1),
            position: Position { byte: 0, line: 2 },
            kind,
            refusal: None,
            raw: Bytes::from_static(raw.as_bytes()),
            credit: None,
        }
    }

    fn text(folder: &Path, name: &str) -> String {
        std::fs::read_to_string(folder.join(name)).expect("readable")
    }

    #[test]
    fn what_was_not_committed_is_cut_off_when_the_books_are_opened_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut books =
            Books::open(folder.path(), &BTreeMap::new(), Box::new(Plain)).expect("opened");
        books
            .list(&outcome(OutcomeKind::Missing, "a"))
            .expect("listed");
        let committed = books.write_out().expect("written");
        books
            .list(&outcome(OutcomeKind::Rejected, "b"))
            .expect("listed");
        books.write_out().expect("written");
        assert_eq!(text(folder.path(), "rejected.csv"), "id\na\nb\n");

        drop(Books::open(folder.path(), &committed, Box::new(Plain)).expect("opened"));
        assert_eq!(text(folder.path(), "rejected.csv"), "id\na\n");
        assert_eq!(text(folder.path(), "missing.csv"), "id\na\n");
        assert_eq!(text(folder.path(), "unknown.csv"), "id\n");
    }

    #[test]
    fn a_line_that_a_power_cut_has_torn_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut books =
            Books::open(folder.path(), &BTreeMap::new(), Box::new(Plain)).expect("opened");
        for raw in ["a", "bbbb"] {
            let outcome = outcome(OutcomeKind::Rejected, raw);
            books.list(&outcome).expect("listed");
        }
        let committed = books.write_out().expect("written");
        let path = folder.path().join("rejected.csv");
        std::fs::write(&path, "id\na\nbb").expect("written");
        let reopened = Books::open(folder.path(), &committed, Box::new(Plain));
        let mut reopened = reopened.expect("opened");
        let again = outcome(OutcomeKind::Rejected, "c");
        reopened.list(&again).expect("listed");
        reopened.write_out().expect("written");
        assert_eq!(text(folder.path(), "rejected.csv"), "id\na\nc\n");
    }

    #[test]
    fn a_line_of_the_audit_is_json_and_has_no_body() {
        let mut line = Vec::new();
        append_call(
            &mut line,
            &CallRecord {
                sent_at_ms: 5,
                request_id: "r\"1".into(),
                endpoint: "update".into(),
                status: None,
                duration: Duration::from_micros(1_500),
                first_row: 7,
                rows: 1,
                attempt: 2,
                class: "retry",
            },
        );
        let parsed: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        assert_eq!(
            parsed,
            serde_json::json!({
                "at_ms": 5, "request_id": "r\"1", "endpoint": "update", "status": null,
                "duration_us": 1500, "row": 7, "rows": 1, "attempt": 2, "class": "retry"
            })
        );
    }
}
