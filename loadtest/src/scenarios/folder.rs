//! A folder for one run, gone when it is over.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Removed with all it holds when it is dropped.
#[derive(Debug)]
pub(super) struct WorkFolder(PathBuf);

impl WorkFolder {
    pub(super) fn new() -> std::io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("sluice-scenarios-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Fails where it is there already: nobody else's folder is taken.
        std::fs::create_dir(&path)?;
        Ok(WorkFolder(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What can't be removed lies in the system's temporary folder, which is cleared by others.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
