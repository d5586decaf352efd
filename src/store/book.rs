//! One book: a file that is only appended to, and cut back to what was
//! committed when it is opened.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::FatalError;

/// What a book needs of its file. Tests put a disk behind it that is full at a
/// moment of their choice.
pub(super) trait BookFile: Send {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Where the last of its lines ends, in bytes.
    fn end_of_last_line(&self) -> io::Result<u64>;
    /// Cuts it to this length; what is appended next stands behind that.
    fn cut_to(&mut self, bytes: u64) -> io::Result<()>;
    /// Appends the bytes. A part of them may stand in the file after a failure.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Waits until the disk has everything.
    fn sync(&mut self) -> io::Result<()>;
}

impl BookFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn end_of_last_line(&self) -> io::Result<u64> {
        let mut end = self.length()?;
        let mut piece = [0; 4_096];
        while end > 0 {
            let bytes = end.min(piece.len() as u64);
            let piece = &mut piece[..usize::try_from(bytes).unwrap_or(0)];
            self.read_exact_at(piece, end - bytes)?;
            if let Some(place) = piece.iter().rposition(|&byte| byte == b'\n') {
                return Ok(end - bytes + place as u64 + 1);
            }
            end -= bytes;
        }
        Ok(0)
    }

    fn cut_to(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)?;
        self.seek(SeekFrom::Start(bytes)).map(|_| ())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Opens a book's file, which only its owner can read.
pub(super) fn open_file(path: &Path) -> io::Result<Box<dyn BookFile>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    Ok(Box::new(file))
}

/// A book and what isn't in its file yet.
pub(super) struct Book {
    name: &'static str,
    path: PathBuf,
    file: Box<dyn BookFile>,
    pub(super) pending: Vec<u8>,
    written_bytes: u64,
    synced_bytes: u64,
}

impl Book {
    pub(super) fn open(
        name: &'static str,
        path: &Path,
        mut file: Box<dyn BookFile>,
        committed: Option<u64>,
    ) -> io::Result<Self> {
        let committed = committed.unwrap_or(0);
        // What stands behind the committed length was written by a leg that
        // died before it could commit; its rows are sent again. Where less
        // stands there a power cut took what was never synced, maybe from the
        // middle of a line.
        let keep = match file.length()? < committed {
            true => file.end_of_last_line()?,
            false => committed,
        };
        file.cut_to(keep)?;
        Ok(Self {
            name,
            path: path.to_owned(),
            file,
            pending: Vec::new(),
            written_bytes: keep,
            synced_bytes: keep,
        })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Bytes that stand in the file for good.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Puts what is pending into the file; all of it or, as far as the book
    /// counts, nothing.
    pub(super) fn write_out(&mut self) -> Result<(), FatalError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.file.append(&self.pending);
        if let Err(cause) = written {
            // A part may stand in the file now. Cut it off, so that a later
            // attempt doesn't leave a torn line in the middle.
            let _ = self.file.cut_to(self.written_bytes);
            return Err(FatalError::writing(
                &self.path.display().to_string(),
                &cause,
            ));
        }
        self.written_bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Waits until the disk has what was written.
    pub(super) fn sync(&mut self) -> Result<(), FatalError> {
        if self.synced_bytes == self.written_bytes {
            return Ok(());
        }
        self.file
            .sync()
            .map_err(|cause| FatalError::writing(&self.path.display().to_string(), &cause))?;
        self.synced_bytes = self.written_bytes;
        Ok(())
    }
}
