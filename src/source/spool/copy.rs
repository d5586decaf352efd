//! The copying itself.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::failure::{SpoolFailure, SpoolSide};
use super::lines::whole_lines_end;
use super::reader::SpoolReader;
use super::writer::SpoolWriter;

/// Bytes taken from the stream at a time. Smaller means more syncs a second,
/// larger only more memory: a pipe gives 64 KiB at most.
const CHUNK_BYTES: usize = 64 * 1024;

/// A stream that is being copied to a file. Clones share the one copy.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    /// Whose spool it is, where several use the one copy.
    view: Option<Arc<View>>,
}

pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) intake: Mutex<Intake>,
    pub(super) published: Mutex<Published>,
    pub(super) grown: Condvar,
    /// Says that nothing more is taken in, to a writer that waits for something
    /// else.
    pub(super) stopping: watch::Sender<bool>,
    /// Views that want more.
    wanting: AtomicUsize,
}

/// One of several users of a copy.
#[derive(Default)]
pub(super) struct View {
    /// Where what it reads ends, once it has stopped, in bytes.
    end: OnceLock<u64>,
}

impl View {
    /// The same as [`Published::seen_by`].
    fn seen(&self, published: &Published) -> (u64, bool) {
        match self.end.get() {
            Some(end) => (published.bytes.min(*end), true),
            None => (published.bytes, published.ended),
        }
    }
}

/// What the copying thread writes to; held for the length of one write, so that
/// `stop` never falls between the write and its publication.
pub(super) struct Intake {
    pub(super) file: File,
    pub(super) written_bytes: u64,
    pub(super) stopped: bool,
}

/// What readers may see.
#[derive(Default)]
pub(super) struct Published {
    pub(super) bytes: u64,
    pub(super) ended: bool,
    /// The stream came to its own end.
    pub(super) complete: bool,
    pub(super) failure: Option<SpoolFailure>,
}

impl Published {
    /// The bytes that a reader may see, and whether they are all there will be.
    pub(super) fn seen_by(&self, view: Option<&View>) -> (u64, bool) {
        match view {
            Some(view) => view.seen(self),
            None => (self.bytes, self.ended),
        }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Spool")
            .field("path", &self.shared.path)
            .finish_non_exhaustive()
    }
}

impl Spool {
    /// Starts copying `reader` to a new file at `path` (mode 0600) on a thread
    /// of its own. The thread lives until the stream ends, fails, or is found
    /// stopped; one that waits for a silent stream ends with the process.
    ///
    /// # Errors
    /// The file exists already or can't be made, or no thread can be started.
    pub fn start(reader: impl Read + Send + 'static, path: &Path) -> io::Result<Self> {
        let shared = Shared::over(new_private_file(path)?, path, 0);
        let copier = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || copier.copy(reader))?;
        Ok(Self { shared, view: None })
    }

    /// The same copy for one of several users, each of whom may stop for
    /// itself: what it reads then ends, and the others' goes on. When the last
    /// of them has stopped, nothing more is taken in. All views are made before
    /// the first is used.
    #[must_use]
    pub fn view(&self) -> Self {
        self.shared.wanting.fetch_add(1, Ordering::SeqCst);
        Self {
            shared: Arc::clone(&self.shared),
            view: Some(Arc::default()),
        }
    }

    /// A spool that a writer of ours fills, after the first `kept_bytes` of the
    /// file at `path`; where that is `None`, of a new file.
    ///
    /// # Errors
    /// The file can't be made, or not be cut to what is kept of it.
    pub fn with_writer(path: &Path, kept_bytes: Option<u64>) -> io::Result<(Self, SpoolWriter)> {
        let (mut file, kept) = match kept_bytes {
            None => (new_private_file(path)?, 0),
            Some(kept) => {
                let file = OpenOptions::new().read(true).write(true).open(path)?;
                file.set_len(kept)?;
                (file, kept)
            }
        };
        file.seek(SeekFrom::End(0))?;
        let shared = Shared::over(file, path, kept);
        let spool = Self {
            shared: Arc::clone(&shared),
            view: None,
        };
        Ok((spool, SpoolWriter::new(shared)))
    }

    /// The spool's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Takes in nothing more: readers come to their end after the last whole
    /// line, and the file is cut to what they saw. Waits for a write under way,
    /// never for the stream. A view stops for itself.
    pub fn stop(&self) {
        if let Some(view) = &self.view {
            let has_stopped = self.shared.stop_view(view);
            let was_last = has_stopped && self.shared.wanting.fetch_sub(1, Ordering::SeqCst) == 1;
            if !was_last {
                return;
            }
        }
        let mut intake = self.shared.intake.lock();
        if intake.stopped {
            return;
        }
        intake.stopped = true;
        self.shared.stopping.send_replace(true);
        let mut published = self.shared.published.lock();
        if !published.ended {
            published.ended = true;
            // Not being able to cut costs nothing now; `cut_to_last_line` does
            // it again before a resume.
            let _ = intake.file.set_len(published.bytes);
        }
        self.shared.grown.notify_all();
    }

    /// Whether the stream came to its own end, with every byte published; to a
    /// view that has stopped it never does.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let published = self.shared.published.lock();
        published.complete
            && self
                .view
                .as_ref()
                .is_none_or(|view| view.end.get().is_none())
    }

    /// A reader that starts `offset` bytes into the copy.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn reader_at(&self, offset: u64) -> io::Result<SpoolReader> {
        SpoolReader::open(Arc::clone(&self.shared), self.view.clone(), offset)
    }
}

impl Shared {
    fn over(file: File, path: &Path, kept_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_path_buf(),
            intake: Mutex::new(Intake {
                file,
                written_bytes: kept_bytes,
                stopped: false,
            }),
            published: Mutex::new(Published {
                bytes: kept_bytes,
                ..Published::default()
            }),
            grown: Condvar::new(),
            stopping: watch::Sender::new(false),
            wanting: AtomicUsize::new(0),
        })
    }

    /// Ends a view behind what is published now; whether it hadn't ended.
    fn stop_view(&self, view: &View) -> bool {
        // Under the lock, so that no reader looks and then misses the call.
        let published = self.published.lock();
        let has_stopped = view.end.set(published.bytes).is_ok();
        self.grown.notify_all();
        has_stopped
    }

    fn copy(&self, mut reader: impl Read) {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut whole_lines_bytes = 0;
        loop {
            let taken = match reader.read(&mut chunk) {
                Ok(taken) => taken,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return self.fail(SpoolSide::Reading, &cause),
            };
            let mut intake = self.intake.lock();
            if intake.stopped {
                return;
            }
            if taken == 0 {
                let mut published = self.published.lock();
                published.bytes = intake.written_bytes;
                published.ended = true;
                published.complete = true;
                self.grown.notify_all();
                return;
            }
            let text = &chunk[..taken];
            if let Some(end) = whole_lines_end(text, intake.written_bytes, whole_lines_bytes) {
                whole_lines_bytes = end;
            }
            let written = intake
                .file
                .write_all(text)
                .and_then(|()| intake.file.sync_data());
            if let Err(cause) = written {
                drop(intake);
                return self.fail(SpoolSide::Writing, &cause);
            }
            intake.written_bytes += taken as u64;
            let mut published = self.published.lock();
            if whole_lines_bytes > published.bytes {
                published.bytes = whole_lines_bytes;
                self.grown.notify_all();
            }
        }
    }

    fn fail(&self, side: SpoolSide, cause: &io::Error) {
        self.fail_with(SpoolFailure {
            side,
            path: self.path.clone(),
            reason: cause.to_string(),
            kind: cause.kind(),
            fatal: None,
        });
    }

    /// Ends the spool behind what was published.
    pub(super) fn fail_with(&self, failure: SpoolFailure) {
        let intake = self.intake.lock();
        let mut published = self.published.lock();
        if !published.ended {
            published.ended = true;
            published.failure = Some(failure);
            // As in `stop`: half a line must not look like a row.
            let _ = intake.file.set_len(published.bytes);
        }
        self.grown.notify_all();
    }
}

/// A file that didn't exist before and that only its owner can read.
pub(in crate::source) fn new_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceError;

    #[test]
    fn a_full_disk_is_told_from_a_bad_stream() {
        let directory = tempfile::tempdir().expect("a directory");
        let (stream, _silent) = io::pipe().expect("a pipe");
        let spool = Spool::start(stream, &directory.path().join("input.csv")).expect("started");
        let mut reader = spool.reader_at(0).expect("opened");
        spool
            .shared
            .fail(SpoolSide::Writing, &io::ErrorKind::StorageFull.into());
        let cause = reader.read(&mut [0; 8]).expect_err("failed");
        let fatal = SourceError::reading("standard input".to_owned(), 0, cause).into_fatal();
        assert!(fatal.message.contains("the disk is full"), "{fatal}");
        assert!(!spool.is_complete());
    }

    fn text_of(spool: &Spool) -> String {
        let mut text = String::new();
        let mut reader = spool.reader_at(0).expect("opened");
        reader.read_to_string(&mut text).expect("read");
        text
    }

    #[test]
    fn a_view_that_stops_ends_for_itself_and_the_last_one_ends_the_copy() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("staged.csv");
        let (spool, mut writer) = Spool::with_writer(&path, None).expect("made");
        let (one, other) = (spool.view(), spool.view());
        let append = |writer: &mut SpoolWriter, line: &[u8]| writer.append(line, |_| Ok(()));
        assert!(append(&mut writer, b"a\n").expect("written"));
        one.stop();
        one.stop();
        assert!(append(&mut writer, b"b\n").expect("the other wants it"));
        assert_eq!(text_of(&one), "a\n");
        assert!(!other.is_complete());
        other.clone().stop();
        assert!(!append(&mut writer, b"c\n").expect("nobody wants it"));
        assert_eq!(text_of(&other), "a\nb\n");
        writer.finish();
        assert!(!one.is_complete());
    }

    #[test]
    fn a_view_that_has_stopped_never_takes_the_end_for_its_own() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("staged.csv");
        let (spool, mut writer) = Spool::with_writer(&path, None).expect("made");
        let (one, other) = (spool.view(), spool.view());
        writer.append(b"a\n", |_| Ok(())).expect("written");
        let waiting = one.clone();
        let reader = std::thread::spawn(move || text_of(&waiting));
        one.stop();
        assert_eq!(reader.join().expect("it ends"), "a\n");
        writer.append(b"b\n", |_| Ok(())).expect("written");
        writer.finish();
        assert!(!one.is_complete() && other.is_complete());
        assert_eq!(text_of(&other), "a\nb\n");
    }
}
