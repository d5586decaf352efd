//! Refresh tokens (RFC 6749, section 6), which a platform may replace with each
//! use: the one before is worth nothing then, and showing it again may end the
//! whole line of them (RFC 9700, section 4.14.2).
//!
//! So all parts of a run share one line, a request for a token has it for itself,
//! and what has replaced it is known before anybody asks again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

/// Every line that this process has begun: the same text read twice, for two
/// entities or for the next round of a cut-over, is the same token.
static LINES: Mutex<Vec<RefreshToken>> = Mutex::new(Vec::new());

/// A refresh token, whatever it has been replaced by since. Copies share it.
#[derive(Clone, Debug)]
pub struct RefreshToken(Arc<Line>);

#[derive(Debug)]
struct Line {
    first: SecretString,
    newest: AsyncMutex<SecretString>,
    /// The file that the first was read from, and that takes its successors.
    kept_in: Option<PathBuf>,
    is_lost_at_end: AtomicBool,
}

impl RefreshToken {
    /// The line that this text has begun, from the file at `kept_in` if it is from
    /// one. A successor is written there; without a file it is known to this
    /// process alone.
    #[must_use]
    pub fn of(first: SecretString, kept_in: Option<&Path>) -> Self {
        let mut lines = LINES.lock();
        let is_it = |line: &&Self| line.0.first.expose_secret() == first.expose_secret();
        if let Some(known) = lines.iter().find(is_it) {
            return known.clone();
        }
        let line = Self(Arc::new(Line {
            newest: AsyncMutex::new(first.clone()),
            first,
            kept_in: kept_in.map(Path::to_owned),
            is_lost_at_end: AtomicBool::new(false),
        }));
        lines.push(line.clone());
        line
    }

    /// The newest of the line, for one request: others wait until it is given back.
    pub(super) async fn newest(&self) -> MutexGuard<'_, SecretString> {
        self.0.newest.lock().await
    }

    /// Takes what the platform has replaced `newest` by.
    pub(super) fn replace(&self, newest: &mut SecretString, successor: SecretString) {
        if successor.expose_secret() == newest.expose_secret() {
            return;
        }
        *newest = successor;
        let kept = match &self.0.kept_in {
            Some(path) => write(path, newest.expose_secret()).is_ok(),
            None => false,
        };
        self.0.is_lost_at_end.store(!kept, Ordering::Relaxed);
    }

    /// Whether a token was replaced by one that ends with this process.
    #[must_use]
    pub fn is_any_lost_at_end() -> bool {
        let lines = LINES.lock();
        lines
            .iter()
            .any(|line| line.0.is_lost_at_end.load(Ordering::Relaxed))
    }
}

/// Writes the file anew, for its owner alone; whoever reads it finds the one
/// before or this one, whole, and so does a machine that lost its power.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_text_is_the_same_line_and_its_successor_is_kept_in_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "first-of-a-file\n").unwrap();
        let line = RefreshToken::of("first-of-a-file".into(), Some(&path));
        let same = RefreshToken::of("first-of-a-file".into(), None);
        let mut newest = line.newest().await;
        line.replace(&mut newest, "second".into());
        drop(newest);
        assert_eq!(same.newest().await.expose_secret(), "second");
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert!(!line.0.is_lost_at_end.load(Ordering::Relaxed));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_successor_without_a_file_is_lost_at_the_end_and_the_same_again_is_none() {
        let line = RefreshToken::of("first-of-a-variable".into(), None);
        let mut newest = line.newest().await;
        line.replace(&mut newest, "first-of-a-variable".into());
        assert!(!line.0.is_lost_at_end.load(Ordering::Relaxed));
        line.replace(&mut newest, "second".into());
        assert!(line.0.is_lost_at_end.load(Ordering::Relaxed));
        assert!(RefreshToken::is_any_lost_at_end());
        assert!(!format!("{line:?}").contains("second"));
    }
}
