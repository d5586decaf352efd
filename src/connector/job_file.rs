//! Jobs in a connector file: requests that are only taken in, and whose results
//! are asked for later.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, TimeSpan};

use super::places::Places;
use super::rule_file::ConditionSection;
use super::template::Template;

/// How a batch is waited for that the platform works through after it has
/// answered. Its records are written down before they are sent, and the job's id
/// before it is waited for, so that an interrupted load asks about the job and
/// sends nothing twice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobSection {
    /// Where the reply that takes the batch in names the job, as a JSON pointer
    /// or a list of such.
    pub(crate) id: Located<Places>,
    /// How the job is asked how far it is.
    pub(crate) status: Located<JobStatusSection>,
    /// Where it is told what became of the records. Default: in the reply that
    /// says that the job is done, under the places that the operation's
    /// `results` name.
    #[serde(default)]
    pub(crate) results: JobResultsSection,
}

/// How a job is asked how far it is, with GET.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobStatusSection {
    /// The path below the operation's host; `{job}` stands for the job's id, and
    /// other names for variables.
    pub(crate) path: Located<Template>,
    /// What the reply looks like once the job is done. What is neither `done`
    /// nor `failed` goes on.
    pub(crate) done: Vec<Located<ConditionSection>>,
    /// What it looks like where the job has ended otherwise: its records are
    /// unknown then, for some may have been applied. Default: jobs don't.
    #[serde(default)]
    pub(crate) failed: Vec<Located<ConditionSection>>,
    /// How often it is asked, from 1s to 10m. Default: 5s.
    pub(crate) every: Option<Located<TimeSpan>>,
    /// How long it is waited for; then its records are unknown. Default: 1h.
    pub(crate) at_most: Option<TimeSpan>,
}

/// Where it is told what became of a job's records.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobResultsSection {
    /// The path of the results, asked with GET once the job is done; `{job}`
    /// stands for its id. Default: the status's last reply has them.
    pub(crate) path: Option<Located<Template>>,
    /// What the reply looks like where none of the records failed: all are done
    /// then, for platforms that count failures and don't name them. Where no
    /// rule matches, and no result names a record, it is unknown.
    #[serde(default)]
    pub(crate) none_failed: Vec<Located<ConditionSection>>,
}
