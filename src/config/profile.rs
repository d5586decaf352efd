//! Profiles: what one tenant needs, kept once for all jobs under a name.
//!
//! `profiles.yaml` is a mapping from a name to `target`, `credentials` and
//! `limits`, each of the same shape as in a job file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::credentials::CredentialsSection;
use super::job::{LimitsSection, TargetSection};
use super::{ConfigError, Located, NameMap, Place, read_yaml_file};

/// One profile, as it stands on disk. Relative paths are relative to the
/// folder of the profiles' file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// A connector, and values for its variables.
    #[serde(default)]
    pub target: TargetSection,
    /// Where the credentials can be had.
    pub credentials: Option<Located<CredentialsSection>>,
    /// How fast, and how much may go wrong.
    #[serde(default)]
    pub limits: LimitsSection,
}

/// Where profiles are kept: `sluice/profiles.yaml` below `xdg_config_home`, or
/// below `.config` of `home`. Both are the values of the environment variables
/// of these names; `None` where neither is set.
///
/// Source: the XDG Base Directory Specification, which also says that a
/// relative `XDG_CONFIG_HOME` is to be ignored.
#[must_use]
pub fn default_profiles_path(
    xdg_config_home: Option<OsString>,
    home: Option<OsString>,
) -> Option<PathBuf> {
    let folder = xdg_config_home
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| {
            home.filter(|home| !home.is_empty())
                .map(|home| PathBuf::from(home).join(".config"))
        })?;
    Some(folder.join("sluice").join("profiles.yaml"))
}

/// Reads the profile of that name.
///
/// # Errors
/// A file that can't be used, and a name that isn't in it, naming the nearest.
pub fn read_profile(path: &Path, name: &str) -> Result<Profile, ConfigError> {
    let mut profiles: NameMap<Profile> = read_yaml_file(path)?;
    let position = profiles.names().position(|known| known == name);
    match position {
        Some(index) => Ok(profiles.entries.swap_remove(index).value),
        None => Err(ConfigError::at(
            Place::of_file(path.display().to_string()),
            format!("no profile `{name}`{}", profiles.did_you_mean(name)),
        )
        .with_hint(match profiles.entries.len() {
            0 => "The file holds no profile.".to_owned(),
            _ => format!(
                "Known profiles: {}.",
                profiles.names().collect::<Vec<_>>().join(", ")
            ),
        })),
    }
}
