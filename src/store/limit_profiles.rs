//! The limits known from before: `limits.json` beside the runs, one profile a
//! limit. `probe` and `run` write it; `run` and `plan` start from it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::FatalError;
use crate::limit::{LimitKey, LimitProfile, Pause};

const FILE: &str = "limits.json";
/// Held while the file is read, changed and written: runs end at the same time.
const LOCK: &str = ".limits.lock";
const PARTIAL: &str = ".limits.json.partial";

/// The limit profiles of one folder of runs.
#[derive(Clone, Debug)]
pub struct LimitProfiles {
    folder: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    limits: Vec<LimitProfile>,
    /// Pauses that tenants have asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pauses: Vec<Pause>,
}

impl LimitProfiles {
    /// Those of the folder that holds the runs; it needs not exist yet.
    #[must_use]
    pub fn of(runs: &Path) -> Self {
        Self {
            folder: runs.to_path_buf(),
        }
    }

    /// Where they are kept.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// All of them; none where there is no file.
    ///
    /// # Errors
    /// Fails where the file can't be read or isn't what was written.
    pub fn all(&self) -> Result<Vec<LimitProfile>, FatalError> {
        Ok(self.contents()?.limits)
    }

    /// The pauses that tenants have asked for, also those that are over.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn pauses(&self) -> Result<Vec<Pause>, FatalError> {
        Ok(self.contents()?.pauses)
    }

    fn contents(&self) -> Result<Contents, FatalError> {
        let path = self.path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
            Err(cause) => {
                return Err(FatalError::usage(format!(
                    "can't read {}: {cause}",
                    path.display()
                )));
            }
        };
        serde_json::from_slice(&text).map_err(|cause| {
            FatalError::usage(format!("{} can't be used: {cause}", path.display()))
                .with_hint("Delete it: what it holds is learnt again.")
        })
    }

    /// The profile of a limit.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn find(&self, key: &LimitKey) -> Result<Option<LimitProfile>, FatalError> {
        Ok(self.all()?.into_iter().find(|known| known.key == *key))
    }

    /// Keeps a profile in place of the one of the same limit; `merge` gets the
    /// old one and makes the one to keep.
    ///
    /// # Errors
    /// Fails where the file can't be read or written.
    pub fn keep(
        &self,
        key: &LimitKey,
        merge: impl FnOnce(Option<&LimitProfile>) -> LimitProfile,
    ) -> Result<(), FatalError> {
        self.change(|contents| {
            let limits = &mut contents.limits;
            match limits.iter_mut().find(|known| known.key == *key) {
                Some(known) => *known = merge(Some(known)),
                None => limits.push(merge(None)),
            }
            limits.sort_by(|one, other| one.key.cmp(&other.key));
        })
    }

    /// Keeps a pause in place of those that are over at `now_epoch_ms`, and of a
    /// shorter one of the same limit.
    ///
    /// # Errors
    /// Fails where the file can't be read or written.
    pub fn keep_pause(&self, pause: Pause, now_epoch_ms: u64) -> Result<(), FatalError> {
        self.change(|contents| {
            let pauses = &mut contents.pauses;
            pauses.retain(|known| !known.left(now_epoch_ms).is_zero());
            let until_epoch_ms = (pauses.iter())
                .filter(|known| known.key == pause.key)
                .map(|known| known.until_epoch_ms)
                .fold(pause.until_epoch_ms, u64::max);
            pauses.retain(|known| known.key != pause.key);
            pauses.push(Pause {
                until_epoch_ms,
                ..pause
            });
        })
    }

    fn change(&self, change: impl FnOnce(&mut Contents)) -> Result<(), FatalError> {
        let failed =
            |cause: &io::Error| FatalError::writing(&self.path().display().to_string(), cause);
        fs::create_dir_all(&self.folder).map_err(|cause| failed(&cause))?;
        let lock = self.private_file(LOCK).map_err(|cause| failed(&cause))?;
        lock.lock().map_err(|cause| failed(&cause))?;
        let mut contents = self.contents()?;
        change(&mut contents);
        let text = serde_json::to_vec_pretty(&contents).expect("profiles are plain data");
        self.replace(&text).map_err(|cause| failed(&cause))
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let mut file = self.private_file(PARTIAL)?;
        file.set_len(0)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(self.folder.join(PARTIAL), self.path())
    }

    fn private_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.folder.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{Confidence, FoundBy, LearnedLimit};

    fn profile(endpoint: &str, rate_per_s: f64) -> LimitProfile {
        let limit = format!(r#"{{"rate_per_s": {rate_per_s}}}"#);
        LimitProfile {
            key: LimitKey {
                tenant: "https://tenant".to_owned(),
                client: "client".to_owned(),
                endpoint: endpoint.to_owned(),
            },
            found_at_epoch_s: 1,
            found_by: FoundBy::Probe,
            confidence: Confidence::High,
            limit: serde_json::from_str::<LearnedLimit>(&limit).expect("a limit"),
        }
    }

    #[test]
    fn one_profile_a_limit_is_kept_and_others_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let profiles = LimitProfiles::of(&folder.path().join("runs"));
        assert_eq!(profiles.all().expect("no file is no error"), []);
        for (endpoint, rate_per_s) in [("PATCH", 5.0), ("GET", 7.0), ("PATCH", 6.0)] {
            let new = profile(endpoint, rate_per_s);
            profiles.keep(&new.key.clone(), |_| new).expect("kept");
        }
        let kept = profiles.all().expect("readable");
        assert_eq!(kept, [profile("GET", 7.0), profile("PATCH", 6.0)]);
        let found = profiles.find(&kept[1].key).expect("readable");
        assert_eq!(found, Some(profile("PATCH", 6.0)));
    }

    #[test]
    fn two_that_end_at_once_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let profiles = LimitProfiles::of(folder.path());
                scope.spawn(move || {
                    let new = profile(&format!("GET /{number}"), 1.0);
                    profiles.keep(&new.key.clone(), |_| new).expect("kept");
                });
            }
        });
        assert_eq!(
            LimitProfiles::of(folder.path())
                .all()
                .expect("readable")
                .len(),
            8
        );
    }
}
