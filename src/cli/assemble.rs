//! From flags, environment, job file and profile to settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{
    InputSource, LimitProfileUse, Overrides, PartLayers, Parts, Settings, default_profiles_path,
    read_credentials_file, read_job, read_profile,
};
use crate::error::FatalError;

use super::arguments::{LoadingFlags, PacingFlags, RunArguments};
use super::entities;

/// What is loaded: all of it at once, or in parts.
#[derive(Clone)]
pub(super) enum Load {
    /// One input into one target.
    Whole(Box<Settings>),
    /// Several loads that belong together.
    Parts(Parts),
}

impl Load {
    /// The settings that all parts share are the same in each; these are the
    /// first one's.
    pub(super) fn common(&self) -> &Settings {
        match self {
            Self::Whole(settings) => settings,
            Self::Parts(parts) => &parts.parts[0].settings,
        }
    }

    /// Changes the settings of every part.
    pub(super) fn adapt(&mut self, mut change: impl FnMut(&mut Settings)) {
        match self {
            Self::Whole(settings) => change(settings),
            Self::Parts(parts) => {
                for part in &mut parts.parts {
                    change(&mut part.settings);
                }
            }
        }
    }
}

/// The files that settings came from.
#[derive(Clone, Default)]
pub(super) struct ConfigFiles {
    pub(super) job_file: Option<PathBuf>,
    pub(super) profile: Option<String>,
    pub(super) credentials_file: Option<PathBuf>,
}

/// Settings, and the files they came from.
#[derive(Clone)]
pub(super) struct Assembled {
    pub(super) load: Load,
    pub(super) files: ConfigFiles,
}

/// The settings of `run` and `plan`.
pub(super) fn settings_of(arguments: &RunArguments) -> Result<Assembled, FatalError> {
    let mut flags = of_flags(&arguments.loading, &arguments.pacing)?;
    flags.connector.clone_from(&arguments.to);
    let profile = match &arguments.loading.profile {
        Some(name) => Some(of_profile(name)?),
        None => None,
    };
    let job_file = is_job_file(&arguments.input).then(|| arguments.input.clone());
    let load = match &job_file {
        Some(path) => {
            let job = read_job(path)?;
            match PartLayers::of_job(&job, path) {
                Some(layers) => {
                    let layers = entities::in_order(layers)?;
                    Load::Parts(Parts::settle(&flags, layers, profile.as_ref())?)
                }
                None => {
                    let job = Overrides::of_job(&job, path);
                    Load::Whole(Box::new(Settings::settle(flags, Some(job), profile)?))
                }
            }
        }
        None => {
            flags.input = Some(InputSource::of_path(&arguments.input));
            Load::Whole(Box::new(Settings::settle(flags, None, profile)?))
        }
    };
    match &load {
        Load::Whole(settings) => settings.check_input()?,
        Load::Parts(parts) => {
            for part in &parts.parts {
                part.settings.check_input()?;
            }
        }
    }
    Ok(Assembled {
        load,
        files: ConfigFiles {
            job_file,
            profile: arguments.loading.profile.clone(),
            credentials_file: arguments.pacing.credentials.clone(),
        },
    })
}

pub(super) fn is_job_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn of_flags(loading: &LoadingFlags, pacing: &PacingFlags) -> Result<Overrides, FatalError> {
    Ok(Overrides {
        since: loading.since,
        delimiter: loading.delimiter,
        encoding: loading.encoding,
        duplicates: loading.duplicates,
        variables: variables(&loading.set)?,
        operation: loading.operation.clone(),
        job: loading.job.clone(),
        limit: loading.limit,
        skip: loading.skip,
        pre_images: loading.pre_images.then_some(true),
        dry_run: loading.dry_run.then_some(true),
        ..of_pacing_flags(pacing)?
    })
}

/// What the flags that may differ between legs say.
pub(super) fn of_pacing_flags(pacing: &PacingFlags) -> Result<Overrides, FatalError> {
    let credentials = match &pacing.credentials {
        Some(path) => Some(read_credentials_file(path)?),
        None => None,
    };
    Ok(Overrides {
        credentials,
        share: pacing.share,
        max_errors: pacing.max_errors,
        max_rate: pacing.max_rate,
        concurrency: pacing.concurrency,
        max_duration: pacing.max_duration,
        run_dir: pacing.run_dir.clone(),
        diff_log: pacing.diff_log.then_some(true),
        limit_profile: pacing.no_limit_profile.then_some(LimitProfileUse::KeepOnly),
        ..Overrides::default()
    })
}

/// The variables that flags set, over those of `SLUICE_SET`: a flag takes the
/// place of the same variable there, and the others stay. (The parser of the
/// command line takes one or the other whole.)
pub(super) fn variables(settings: &[String]) -> Result<BTreeMap<String, String>, FatalError> {
    let environment = std::env::var("SLUICE_SET").unwrap_or_default();
    let from_environment = environment.split(',').filter(|setting| !setting.is_empty());
    let mut variables = BTreeMap::new();
    for setting in from_environment.chain(settings.iter().map(String::as_str)) {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(FatalError::usage(format!("--set {setting} has no value"))
                .with_hint("Write --set KEY=VALUE, such as --set region=api-us-1."));
        };
        variables.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(variables)
}

/// What a profile says.
pub(super) fn of_profile(name: &str) -> Result<Overrides, FatalError> {
    let path = default_profiles_path(
        std::env::var_os("XDG_CONFIG_HOME"),
        std::env::var_os("HOME"),
    )
    .ok_or_else(|| {
        FatalError::usage(format!(
            "the profile {name} can't be looked up: HOME isn't set"
        ))
    })?;
    let profile = read_profile(&path, name)?;
    Ok(Overrides::of_profile(&profile, &path))
}
