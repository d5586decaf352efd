//! Turns a file's sections into a layer of settings, noting where each value
//! stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::credentials::CredentialsSection;
use super::job::{JobFile, LimitsSection, TargetSection};
use super::map::MapEntry;
use super::source_section::SourceSection;
use super::{Located, NameMap, Overrides, Place};

/// Reads the values of one file.
pub(super) struct LayerReader {
    file: String,
    /// The file's folder, which relative paths are taken from.
    pub(super) folder: PathBuf,
    places: BTreeMap<String, Place>,
}

impl LayerReader {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            file: path.display().to_string(),
            folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            places: BTreeMap::new(),
        }
    }

    /// The value, its place noted under the setting's name.
    pub(super) fn note<Value: Clone>(
        &mut self,
        setting: &str,
        located: Option<&Located<Value>>,
    ) -> Option<Value> {
        let located = located?;
        self.places
            .entry(setting.to_owned())
            .or_insert_with(|| located.place(&self.file));
        Some(located.value.clone())
    }

    /// What only job files say, with the source and the map of one load.
    pub(super) fn job_overrides(
        &mut self,
        job: &JobFile,
        source: Option<&Located<SourceSection>>,
        map: Option<&NameMap<Located<MapEntry>>>,
    ) -> Overrides {
        let mut overrides = Overrides {
            max_duration: self.note("max_duration", job.max_duration.as_ref()),
            diff_log: self.note("diff_log", job.diff_log.as_ref()),
            pre_images: self.note("pre_images", job.pre_images.as_ref()),
            job: self.note("job", job.job.as_ref()),
            mapping: map.map(|map| {
                map.entries
                    .iter()
                    .filter_map(|entry| {
                        let name = &entry.name;
                        self.note("map", Some(name));
                        let rule = entry.value.value.rule(&name.value, name.line, &self.folder);
                        // `read_job` has refused the others.
                        rule.ok()
                    })
                    .collect()
            }),
            ..Overrides::default()
        };
        if let Some(source) = source.map(|source| &source.value) {
            overrides.input = source.input(self);
            overrides.since = self.note("source.changed_since", source.changed_since.as_ref());
            overrides.delimiter = self.note("source.delimiter", source.delimiter.as_ref());
            overrides.encoding = self.note("source.encoding", source.encoding.as_ref());
            overrides.duplicates = self.note("source.duplicates", source.duplicates.as_ref());
        }
        overrides
    }

    /// Adds the sections that job files and profiles share.
    pub(super) fn finish(
        mut self,
        mut overrides: Overrides,
        target: &TargetSection,
        limits: &LimitsSection,
        credentials: Option<&Located<CredentialsSection>>,
    ) -> Overrides {
        overrides.connector = self
            .note("target.connector", target.connector.as_ref())
            .map(|connector| self.connector(connector));
        overrides.operation = self.note("target.operation", target.operation.as_ref());
        for entry in &target.variables.entries {
            let name = &entry.name.value;
            self.note(&format!("target.{name}"), Some(&entry.name));
            overrides
                .variables
                .insert(name.clone(), entry.value.value.clone());
        }
        overrides.share = self.note("limits.share", limits.share.as_ref());
        overrides.max_errors = self.note("limits.max_errors", limits.max_errors.as_ref());
        overrides.max_rate = self.note("limits.max_rate", limits.max_rate.as_ref());
        overrides.concurrency = self.note("limits.concurrency", limits.concurrency.as_ref());
        overrides.credentials = self
            .note("credentials", credentials)
            .map(|section| section.sources(&self.folder));
        overrides.places = self.places;
        overrides
    }

    /// A connector's path is relative to the file; a built-in's name stays.
    pub(super) fn connector(&self, connector: String) -> String {
        let is_path = connector.contains(['/', '\\'])
            || connector.ends_with(".yaml")
            || connector.ends_with(".yml");
        match is_path {
            true => self.folder.join(connector).display().to_string(),
            false => connector,
        }
    }
}
