//! Everything a run is told, settled: one value for each setting, and where it
//! came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::mapping::FieldRule;

use super::input::{Delimiter, Duplicates, Encoding, nearest_file};
use super::job::check_job_name;
use super::{
    Concurrency, ConfigError, CredentialSources, ErrorBudget, InputSource, Overrides, Place, Rate,
    Share, Since, TimeSpan,
};

/// What the names of the source's variables begin with.
pub(super) const SOURCE_PREFIX: &str = "source.";

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag or an environment variable.
    CommandLine,
    /// A job file or a profile.
    File(Place),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => formatter.write_str("command line or environment"),
            Self::File(place) => place.fmt(formatter),
        }
    }
}

/// What a run makes of the limits that are known from earlier runs and probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitProfileUse {
    /// It starts from them, and keeps what it learns.
    #[default]
    StartAndKeep,
    /// It keeps what it learns, and starts as if nothing were known.
    KeepOnly,
    /// It neither reads nor writes them.
    Untouched,
}

/// The settled settings of a run. What each field means stands at
/// [`Overrides`]; here the defaults are filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The input.
    pub input: InputSource,
    /// `None`: everything. Only a stream's changes can be told apart.
    pub since: Option<Since>,
    /// `None`: detected.
    pub delimiter: Option<Delimiter>,
    /// `None`: detected.
    pub encoding: Option<Encoding>,
    /// Default: apply.
    pub duplicates: Duplicates,
    /// A built-in connector's name, or a path.
    pub connector: String,
    /// The connector's operation, or upsert, that rows are loaded with. Default:
    /// the connector's own default.
    pub operation: Option<String>,
    /// Values for the connector's variables.
    pub variables: BTreeMap<String, String>,
    /// Default: SLUICE_CLIENT_ID and SLUICE_CLIENT_SECRET.
    pub credentials: CredentialSources,
    /// `None`: each header is a target field's name.
    pub mapping: Option<Vec<FieldRule>>,
    /// Default: 100%.
    pub share: Share,
    /// `None`: no bound.
    pub max_errors: Option<ErrorBudget>,
    /// `None`: no bound but the tenant's.
    pub max_rate: Option<Rate>,
    /// Default: auto.
    pub concurrency: Concurrency,
    /// `None`: no end.
    pub max_duration: Option<TimeSpan>,
    /// `None`: all rows.
    pub limit: Option<u64>,
    /// Default: 0.
    pub skip: u64,
    /// Default: `runs`.
    pub run_dir: PathBuf,
    /// Default: the input file's name without its extension, `stdin` for
    /// standard input, connector and stream for a stream.
    pub job: String,
    /// Default: no.
    pub dry_run: bool,
    /// Whether what the mapping did to each row is written down. Default: no.
    pub diff_log: bool,
    /// Whether what stands in the tenant is kept before it is changed. Default:
    /// no.
    pub pre_images: bool,
    /// Default: start from them, and keep what is learnt.
    pub limit_profile: LimitProfileUse,
    /// Where the values that aren't defaults came from, by setting.
    pub origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Settles what the layers say: flags and environment over the job file
    /// over the profile over the defaults. A layer from a file comes from
    /// [`Overrides::of_job`] or [`Overrides::of_profile`].
    ///
    /// # Errors
    /// No input, no connector, or a name that can't be a job's.
    pub fn settle(
        command_line: Overrides,
        job: Option<Overrides>,
        profile: Option<Overrides>,
    ) -> Result<Self, ConfigError> {
        let layers: Vec<Overrides> = [Some(command_line), job, profile]
            .into_iter()
            .flatten()
            .collect();
        let mut origins = BTreeMap::new();
        let mut variables = BTreeMap::new();
        // The strongest layer comes last, so that it has the last word.
        for layer in layers.iter().rev() {
            for (name, value) in &layer.variables {
                variables.insert(name.clone(), value.clone());
                let setting = match name.starts_with(SOURCE_PREFIX) {
                    true => name.clone(),
                    false => format!("target.{name}"),
                };
                let origin = origin_in(layer, &setting);
                origins.insert(setting, origin);
            }
        }
        macro_rules! first {
            ($field:ident, $setting:literal) => {
                layers.iter().find_map(|layer| {
                    let value = layer.$field.clone()?;
                    origins.insert($setting.to_owned(), origin_in(layer, $setting));
                    Some(value)
                })
            };
        }
        let mut input = layers
            .iter()
            .find_map(|layer| {
                let input = layer.input.clone()?;
                let setting = input.setting();
                origins.insert(setting.to_owned(), origin_in(layer, setting));
                if let InputSource::Workbook { sheet: Some(_), .. } = &input {
                    let setting = format!("{SOURCE_PREFIX}sheet");
                    let origin = origin_in(layer, &setting);
                    origins.insert(setting, origin);
                }
                if let InputSource::Stream(stream) = &input {
                    let variables = stream.variables.keys().map(String::as_str);
                    for name in variables.chain(["stream"]) {
                        let setting = format!("{SOURCE_PREFIX}{name}");
                        let origin = origin_in(layer, &setting);
                        // A flag has had its say on it.
                        origins.entry(setting).or_insert(origin);
                    }
                }
                Some(input)
            })
            .ok_or_else(|| {
                ConfigError::nowhere("no input is named")
                    .with_hint("Name a CSV file, `-` for standard input, or a job file.")
            })?;
        give_to_source(&mut input, &mut variables)?;
        let since = first!(since, "source.changed_since");
        if since.is_some() && !matches!(input, InputSource::Stream(_)) {
            return Err(ConfigError::nowhere(format!(
                "`--since` asks for what has changed, and {input} can't tell"
            ))
            .with_hint("Only a connector's stream as the source knows when its records changed."));
        }
        let connector = first!(connector, "target.connector").ok_or_else(|| {
            ConfigError::nowhere("no connector is named").with_hint(
                "Add `--to CONNECTOR`, or `connector` under `target` in the job file; \
                 `sluice connectors list` names them.",
            )
        })?;
        let job = match first!(job, "job") {
            Some(name) => {
                check_job_name(&name).map_err(ConfigError::nowhere)?;
                name
            }
            None => job_name_of(&input),
        };
        Ok(Self {
            input,
            since,
            connector,
            operation: first!(operation, "target.operation"),
            job,
            delimiter: first!(delimiter, "source.delimiter"),
            encoding: first!(encoding, "source.encoding"),
            duplicates: first!(duplicates, "source.duplicates").unwrap_or_default(),
            credentials: first!(credentials, "credentials").unwrap_or_default(),
            mapping: first!(mapping, "map"),
            share: first!(share, "limits.share").unwrap_or(Share::WHOLE),
            max_errors: first!(max_errors, "limits.max_errors"),
            max_rate: first!(max_rate, "limits.max_rate"),
            concurrency: first!(concurrency, "limits.concurrency").unwrap_or_default(),
            max_duration: first!(max_duration, "max_duration"),
            limit: first!(limit, "limit"),
            skip: first!(skip, "skip").unwrap_or(0),
            run_dir: first!(run_dir, "run_dir").unwrap_or_else(|| PathBuf::from("runs")),
            dry_run: first!(dry_run, "dry_run").unwrap_or(false),
            diff_log: first!(diff_log, "diff_log").unwrap_or(false),
            pre_images: first!(pre_images, "pre_images").unwrap_or(false),
            limit_profile: first!(limit_profile, "limit_profile").unwrap_or_default(),
            variables,
            origins,
        })
    }

    /// Whether the input file is there, naming the nearest one where it isn't.
    ///
    /// # Errors
    /// A path that can't be opened, or is a folder.
    pub fn check_input(&self) -> Result<(), ConfigError> {
        let Some(path) = self.input.path() else {
            return Ok(());
        };
        let message = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                format!("the input {} is a folder", path.display())
            }
            Ok(_) => return Ok(()),
            Err(cause) => format!(
                "the input {} can't be opened ({cause}){}",
                path.display(),
                nearest_file(path)
            ),
        };
        Err(match self.origins.get(self.input.setting()) {
            Some(Origin::File(place)) => ConfigError::at(place.clone(), message),
            _ => ConfigError::nowhere(message),
        })
    }
}

fn origin_in(layer: &Overrides, setting: &str) -> Origin {
    layer
        .places
        .get(setting)
        .cloned()
        .map_or(Origin::CommandLine, Origin::File)
}

/// Takes the variables of the source's connector (`source.region`) out of all
/// that were given.
fn give_to_source(
    input: &mut InputSource,
    variables: &mut BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    let of_source: Vec<String> = variables
        .keys()
        .filter(|name| name.starts_with(SOURCE_PREFIX))
        .cloned()
        .collect();
    for name in of_source {
        let InputSource::Stream(stream) = input else {
            return Err(ConfigError::nowhere(format!(
                "`--set {name}` is about the source's connector, and the source is {input}"
            )));
        };
        let plain = name[SOURCE_PREFIX.len()..].to_owned();
        let value = variables.remove(&name).unwrap_or_default();
        stream.variables.insert(plain, value);
    }
    Ok(())
}

/// The input's name without its extension, as a job's name.
fn job_name_of(input: &InputSource) -> String {
    let name_of = |path: &Path| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    plain_name(&match input {
        InputSource::StandardInput => "stdin".to_owned(),
        InputSource::Stream(stream) => match &stream.stream {
            Some(name) => format!("{}-{name}", name_of(Path::new(&stream.connector))),
            None => name_of(Path::new(&stream.connector)),
        },
        InputSource::File(path)
        | InputSource::Workbook { path, .. }
        | InputSource::Ndjson(path) => name_of(path),
    })
}

/// A text cut down to what a job's name may hold.
pub(super) fn plain_name(stem: &str) -> String {
    let name: String = stem
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => character,
            _ => '-',
        })
        .take(64)
        .collect();
    let name = name.trim_matches(['-', '.']);
    match name {
        "" => "job".to_owned(),
        name => name.to_owned(),
    }
}
