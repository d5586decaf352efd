//! `manifest.json`: what a run loads, where, and how; enough to go on with it
//! without the command line that started it. Never a secret: of credentials it
//! holds where they come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a secret is read from. Never the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretOrigin {
    /// An environment variable, by name.
    Env(String),
    /// A file, by its path.
    File(PathBuf),
    /// A credentials file that holds both values.
    CredentialsFile(PathBuf),
    /// The job file or the profile itself, which may hold a client's id, or a
    /// command that prints the secret.
    Configuration,
}

/// What a run was started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The loader's version that started the run.
    pub sluice_version: String,
    /// The run's id: the name of its directory.
    pub run_id: String,
    /// The job's name.
    pub job: String,
    /// When the run was started, RFC 3339 in UTC.
    pub started_at: String,
    /// The job file, where one was used.
    pub job_file: Option<PathBuf>,
    /// The profile, where one was used.
    #[serde(default)]
    pub profile: Option<String>,
    /// BLAKE3 of the job file.
    pub job_hash: Option<String>,
    /// The input file; the staged copy where it came from standard input.
    pub input: PathBuf,
    /// Whether the input came from standard input.
    pub input_is_staged: bool,
    /// The input's size in bytes when the run started; `None` while standard
    /// input is still being read.
    pub input_bytes: Option<u64>,
    /// The input's time of change when the run started, nanoseconds since 1970.
    pub input_modified_ns: Option<i128>,
    /// The delimiter, where one was set and not detected.
    pub delimiter: Option<String>,
    /// The encoding, where one was set and not detected.
    pub encoding: Option<String>,
    /// What is done with rows of the same key.
    pub duplicates: String,
    /// The connector's name, or the path of its file.
    pub connector: String,
    /// The connector's operation, where one was named.
    #[serde(default)]
    pub operation: Option<String>,
    /// BLAKE3 of the connector file.
    pub connector_hash: String,
    /// The connector's variables.
    pub variables: BTreeMap<String, String>,
    /// BLAKE3 of the mapping rules.
    pub mapping_hash: String,
    /// Where the client's id comes from.
    pub client_id: SecretOrigin,
    /// Where the client's secret comes from.
    pub client_secret: SecretOrigin,
    /// Rows left out at the start.
    pub skip: u64,
    /// The most rows to load.
    pub limit: Option<u64>,
    /// Flags that hold for every leg unless given anew, by name.
    pub flags: BTreeMap<String, String>,
}
