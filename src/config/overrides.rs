//! What one layer says: the flags and the environment, a job file, a profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::mapping::FieldRule;

use super::layer::LayerReader;
use super::{
    Concurrency, CredentialSources, Delimiter, Duplicates, Encoding, ErrorBudget, InputSource,
    JobFile, LimitProfileUse, Place, Profile, Rate, Share, Since, TargetSection, TimeSpan,
};

/// What one layer (the flags and the environment, a job file, a profile) says.
/// `None` leaves the word to the layer below.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The input.
    pub input: Option<InputSource>,
    /// From when on changes of the source are wanted.
    pub since: Option<Since>,
    /// The character between two fields.
    pub delimiter: Option<Delimiter>,
    /// The input's character encoding.
    pub encoding: Option<Encoding>,
    /// What happens to rows with a key that stood before.
    pub duplicates: Option<Duplicates>,
    /// A built-in connector's name, or the path of a connector file.
    pub connector: Option<String>,
    /// The connector's operation, or upsert, that rows are loaded with.
    pub operation: Option<String>,
    /// Values for the connector's variables; layers are merged name by name.
    /// Those whose name begins with `source.` are the source's connector's.
    pub variables: BTreeMap<String, String>,
    /// Where the credentials can be had.
    pub credentials: Option<CredentialSources>,
    /// How target fields are filled.
    pub mapping: Option<Vec<FieldRule>>,
    /// The share of what the tenant allows.
    pub share: Option<Share>,
    /// Rejected rows that are borne.
    pub max_errors: Option<ErrorBudget>,
    /// Never faster than this.
    pub max_rate: Option<Rate>,
    /// Requests under way at once.
    pub concurrency: Option<Concurrency>,
    /// The run stops after this long.
    pub max_duration: Option<TimeSpan>,
    /// At most this many rows are loaded.
    pub limit: Option<u64>,
    /// This many rows at the beginning are left out.
    pub skip: Option<u64>,
    /// The folder that holds the runs' directories.
    pub run_dir: Option<PathBuf>,
    /// The job's name.
    pub job: Option<String>,
    /// Whether nothing is to be written to the tenant.
    pub dry_run: Option<bool>,
    /// Whether what the mapping did to each row is written down.
    pub diff_log: Option<bool>,
    /// Whether what stands in the tenant is kept before it is changed.
    pub pre_images: Option<bool>,
    /// What becomes of the limits that are known from before.
    pub limit_profile: Option<LimitProfileUse>,
    /// Where the values of a file stand, by setting (`limits.share`,
    /// `target.connector`), and of a connector's variable its name
    /// (`target.region`); empty for flags and the environment.
    pub places: BTreeMap<String, Place>,
}

impl Overrides {
    /// What a job file says about the job as a whole. `path` is the job file's:
    /// relative paths in it are taken from its folder.
    #[must_use]
    pub fn of_job(job: &JobFile, path: &Path) -> Self {
        let mut layer = LayerReader::new(path);
        let overrides = layer.job_overrides(job, job.source.as_ref(), job.map.as_ref());
        let nothing = TargetSection::default();
        layer.finish(
            overrides,
            job.target.as_ref().unwrap_or(&nothing),
            &job.limits,
            job.credentials.as_ref(),
        )
    }

    /// What a profile says. `path` is the profiles' file.
    #[must_use]
    pub fn of_profile(profile: &Profile, path: &Path) -> Self {
        LayerReader::new(path).finish(
            Self::default(),
            &profile.target,
            &profile.limits,
            profile.credentials.as_ref(),
        )
    }
}
