//! The job file: what is loaded, where to, how and how fast.

use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::credentials::CredentialsSection;
use super::map::MapEntry;
use super::source_section::SourceSection;
use super::{
    Concurrency, ConfigError, ErrorBudget, Located, NameMap, Rate, Share, TimeSpan, read_yaml_file,
};

/// A job file, as it stands on disk. Relative paths are relative to the job
/// file's folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobFile {
    /// The job's name, which its runs are named after. Letters, digits, `.`,
    /// `_` and `-`, at most 64. Default: the input file's name without its
    /// extension.
    pub job: Option<Located<String>>,
    /// Where the rows come from.
    pub source: Located<SourceSection>,
    /// Where the rows go.
    pub target: TargetSection,
    /// Where the credentials can be had. Default: the environment variables
    /// SLUICE_CLIENT_ID and SLUICE_CLIENT_SECRET.
    pub credentials: Option<Located<CredentialsSection>>,
    /// Target field to source column. Default: every column's header is the
    /// name of a target field.
    pub map: Option<NameMap<Located<MapEntry>>>,
    /// How fast, and how much may go wrong.
    #[serde(default)]
    pub limits: LimitsSection,
    /// The run stops after this long and can be resumed. Default: no end.
    pub max_duration: Option<Located<TimeSpan>>,
    /// Whether the run's directory gets `mapping.ndjson`: for each row its key,
    /// the rules that were applied, and hashes of what came in and of what was
    /// sent. Default: no.
    pub diff_log: Option<Located<bool>>,
    /// Whether what stands in the tenant is kept before it is changed, so that
    /// `sluice undo` can take the run back. Every record is then looked up
    /// first. Default: no.
    pub pre_images: Option<Located<bool>>,
}

/// Where the rows go: a connector, and values for its variables.
#[derive(Clone, Debug, Default)]
pub struct TargetSection {
    /// A built-in connector's name, or the path of a connector file.
    pub connector: Option<Located<String>>,
    /// The connector's operation, or upsert, that rows are loaded with. Default:
    /// the connector's own default.
    pub operation: Option<Located<String>>,
    /// Values for the connector's variables; the connector refuses those it
    /// doesn't know.
    pub variables: NameMap<Located<String>>,
}

impl<'de> Deserialize<'de> for TargetSection {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        let mut variables = NameMap::<Located<String>>::deserialize(source)?;
        let mut take = |wanted: &str| {
            let position = variables.names().position(|name| name == wanted);
            position.map(|index| variables.entries.remove(index).value)
        };
        Ok(Self {
            connector: take("connector"),
            operation: take("operation"),
            variables,
        })
    }
}

impl JsonSchema for TargetSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "connector": {
                    "type": "string",
                    "description": "a built-in connector's name, or the path of a connector file",
                },
                "operation": {
                    "type": "string",
                    "description": "the connector's operation, or upsert, that rows are loaded with; the connector's default without it",
                },
            },
            "additionalProperties": {
                "type": ["string", "number", "boolean"],
                "description": "a value for one of the connector's variables, such as region or base_url",
            },
        })
    }
}

/// How fast, and how much may go wrong.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSection {
    /// The share of what the tenant allows that this run takes. Default: 100%.
    pub share: Option<Located<Share>>,
    /// Rejected rows that are borne. Default: no bound.
    pub max_errors: Option<Located<ErrorBudget>>,
    /// Never faster than this. Default: no bound but the tenant's.
    pub max_rate: Option<Located<Rate>>,
    /// Requests under way at once. Default: auto.
    pub concurrency: Option<Located<Concurrency>>,
}

/// Reads a job file.
///
/// # Errors
/// Whatever keeps the file from being a job, with its place.
pub fn read_job(path: &Path) -> Result<JobFile, ConfigError> {
    let job: JobFile = read_yaml_file(path)?;
    let file = path.display().to_string();
    if let Some(name) = &job.job {
        check_job_name(&name.value).map_err(|message| name.error(&file, message))?;
    }
    for entry in job.map.iter().flat_map(|map| &map.entries) {
        entry
            .value
            .value
            .check(&entry.name.value)
            .map_err(|message| entry.value.error(&file, message))?;
    }
    let section = Located {
        value: (),
        line: job.source.line,
        column: job.source.column,
    };
    job.source.value.check(&section, &file)?;
    Ok(job)
}

/// A job's name becomes part of a folder's name, so it may hold nothing that a
/// file system takes for more.
pub(super) fn check_job_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if fits {
        Ok(())
    } else {
        Err(format!(
            "{name:?} is no name for a job; use up to 64 letters, digits, `.`, `_` and `-`"
        ))
    }
}
