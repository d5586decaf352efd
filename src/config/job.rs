//! The job file: what is loaded, where to, how and how fast.

use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::credentials::CredentialsSection;
use super::entities::{EntitySection, check_alone, check_entities};
use super::map::MapEntry;
use super::source_section::SourceSection;
use super::targets::{TargetEntry, check_targets};
use super::{
    Concurrency, ConfigError, ErrorBudget, Located, NameMap, Place, Rate, Share, TimeSpan,
    read_yaml_file,
};

/// A job file, as it stands on disk. Relative paths are relative to the job
/// file's folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["source", "target"]},
    {"required": ["source", "targets"]},
    {"required": ["entities"]},
]))]
pub struct JobFile {
    /// The job's name, which its runs are named after. Letters, digits, `.`,
    /// `_` and `-`, at most 64. Default: the input file's name without its
    /// extension.
    pub job: Option<Located<String>>,
    /// Where the rows come from.
    pub source: Option<Located<SourceSection>>,
    /// Where the rows go. With `entities`: what they don't say of their own.
    pub target: Option<TargetSection>,
    /// Where the rows go, where they go to several targets at the same time: a
    /// list. Each target has books of its own, and one that fails doesn't hold
    /// the others up.
    pub targets: Option<Located<Vec<Located<TargetEntry>>>>,
    /// In place of `source` and `map`: several loads, one after the other, each
    /// after those that its records refer to.
    pub entities: Option<Located<Vec<EntitySection>>>,
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

impl TargetSection {
    /// This target, and what it doesn't say from the other one, unless each
    /// names a connector of its own.
    pub(super) fn or(&self, other: Option<&Self>) -> Self {
        let connector = |section: &Self| section.connector.as_ref().map(|name| name.value.clone());
        let mut both = self.clone();
        let Some(other) = other else { return both };
        if let (Some(own), Some(others)) = (connector(self), connector(other))
            && own != others
        {
            return both;
        }
        both.connector = both.connector.or_else(|| other.connector.clone());
        both.operation = both.operation.or_else(|| other.operation.clone());
        for entry in &other.variables.entries {
            if both.variables.get(&entry.name.value).is_none() {
                both.variables.entries.push(entry.clone());
            }
        }
        both
    }
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

impl LimitsSection {
    /// These limits, and the others' where these say nothing.
    pub(super) fn or(&self, others: &Self) -> Self {
        Self {
            share: self.share.or(others.share),
            max_errors: self.max_errors.or(others.max_errors),
            max_rate: self.max_rate.or(others.max_rate),
            concurrency: self.concurrency.or(others.concurrency),
        }
    }
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
    check_map(job.map.as_ref(), &file)?;
    check_targets(&job, &file)?;
    if let Some(entities) = &job.entities {
        check_entities(&job, entities, &file)?;
        return Ok(job);
    }
    check_alone(job.map.as_ref(), &file)?;
    let missing = |key: &str| {
        ConfigError::at(
            Place {
                file: file.clone(),
                line: 1,
                column: 1,
            },
            format!("the key `{key}` is missing"),
        )
    };
    let Some(source) = &job.source else {
        return Err(missing("source").with_hint("It says where the rows come from."));
    };
    check_source(source, &file)?;
    if job.target.is_none() && job.targets.is_none() {
        return Err(missing("target").with_hint("It says where the rows go."));
    }
    Ok(job)
}

/// Whether each entry of a map makes sense by itself.
pub(super) fn check_map(
    map: Option<&NameMap<Located<MapEntry>>>,
    file: &str,
) -> Result<(), ConfigError> {
    for entry in map.into_iter().flat_map(|map| &map.entries) {
        entry
            .value
            .value
            .check(&entry.name.value)
            .map_err(|message| entry.value.error(file, message))?;
    }
    Ok(())
}

/// Whether a source's keys go together.
pub(super) fn check_source(source: &Located<SourceSection>, file: &str) -> Result<(), ConfigError> {
    let section = Located {
        value: (),
        line: source.line,
        column: source.column,
    };
    source.value.check(&section, file)
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
