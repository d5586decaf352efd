//! A little space kept aside, so that a full disk leaves room for the last
//! commit and the summary.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Enough for one commit of a long run (a few dozen pages of 4 KiB), the books'
/// pending lines and the summary.
const RESERVE_BYTES: usize = 512 * 1024;

/// A file that holds space until it is needed.
#[derive(Debug)]
pub(super) struct SpaceReserve {
    path: PathBuf,
    held: bool,
}

impl SpaceReserve {
    /// Takes the space. Where there isn't enough, the run goes on without: the
    /// first real write will tell.
    pub(super) fn take(folder: &Path) -> Self {
        let path = folder.join(".reserve");
        let written = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(&vec![b'.'; RESERVE_BYTES]));
        let mut reserve = Self { path, held: true };
        if written.is_err() {
            reserve.release();
        }
        reserve
    }

    /// Gives the space back; whether there was any to give.
    pub(super) fn release(&mut self) -> bool {
        std::mem::take(&mut self.held) && fs::remove_file(&self.path).is_ok()
    }
}

impl Drop for SpaceReserve {
    fn drop(&mut self) {
        self.release();
    }
}
