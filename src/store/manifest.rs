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

/// What the input is, where it isn't CSV; and what must not change of it while
/// the run isn't finished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SourceRecord {
    /// A CSV file, or standard input.
    #[default]
    Csv,
    /// A sheet of a workbook.
    Workbook {
        /// The sheet's name, where one was given.
        sheet: Option<String>,
        /// BLAKE3 of the workbook.
        blake3: String,
    },
    /// A file with one JSON object a line.
    Ndjson {
        /// BLAKE3 of the file.
        blake3: String,
    },
    /// A connector's stream.
    Stream(Box<StreamRecord>),
}

/// The stream that a run reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRecord {
    /// The connector's name, or the path of its file.
    pub connector: String,
    /// BLAKE3 of the connector file.
    pub connector_hash: String,
    /// The stream's name.
    pub stream: String,
    /// The connector's variables.
    pub variables: BTreeMap<String, String>,
    /// From when on changes were asked for, RFC 3339; none for everything.
    pub since: Option<String>,
    /// Where the client's id comes from, where the source names a place of its
    /// own.
    pub client_id: Option<SecretOrigin>,
    /// Where the client's secret comes from, where the source names a place of
    /// its own.
    pub client_secret: Option<SecretOrigin>,
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
    /// Which part of the job it is, where the job has parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The profile, where one was used.
    #[serde(default)]
    pub profile: Option<String>,
    /// BLAKE3 of the job file.
    pub job_hash: Option<String>,
    /// The input file; the staged copy where it came from standard input.
    pub input: PathBuf,
    /// Whether the input came from standard input.
    pub input_is_staged: bool,
    /// What the input is.
    #[serde(default)]
    pub source: SourceRecord,
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
