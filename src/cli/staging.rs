//! Sources that aren't CSV, staged as CSV before anything is read from them.

use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::{InputSource, Settings};
use crate::error::FatalError;
use crate::mapping::RuleSource;
use crate::source::csv::Input;
use crate::source::{SourceError, StagedRecords, hash_of_file, stage_ndjson, stage_workbook};
use crate::store::SourceRecord;

use super::load::{Prepared, nesting_fields_of, prepare_staged};

/// The staged file's name in a run's directory.
pub(super) const STAGED: &str = "staged.csv";

/// Stages the workbook or the NDJSON file that the settings name into `folder`,
/// and prepares the load from there. Gives what the manifest keeps of it, too.
///
/// # Errors
/// What is wrong with the file; anything but such a file is a mistake of the
/// caller.
pub(super) fn stage_file(
    settings: &Settings,
    folder: &Path,
) -> Result<(Prepared, SourceRecord), FatalError> {
    let (records, record) = stage_records(&[settings], folder)?;
    let mut prepared = prepare_staged(settings.clone(), Input::File(folder.join(STAGED)))?;
    prepared.shape.notices.splice(0..0, records.notices);
    Ok((prepared, record))
}

/// Stages the file for several loads of it.
///
/// # Errors
/// As [`stage_file`].
pub(super) fn stage_records(
    loads: &[&Settings],
    folder: &Path,
) -> Result<(StagedRecords, SourceRecord), FatalError> {
    let staged = folder.join(STAGED);
    let hash = |path| hash_of_file(path).map_err(SourceError::into_fatal);
    let (records, record) = match loads.first().map(|settings| &settings.input) {
        Some(InputSource::Workbook { path, sheet }) => (
            stage_workbook(path, sheet.as_deref(), &staged),
            SourceRecord::Workbook {
                sheet: sheet.clone(),
                blake3: hash(path)?,
            },
        ),
        Some(InputSource::Ndjson(path)) => (
            stage_ndjson(
                path,
                &named_columns(loads),
                &nesting_fields(loads)?,
                &staged,
            ),
            SourceRecord::Ndjson {
                blake3: hash(path)?,
            },
        ),
        _ => (Ok(StagedRecords::default()), SourceRecord::Csv),
    };
    let records = records.map_err(|error| {
        let is_of_sheet = matches!(error, SourceError::NoSheet { .. });
        let origins = loads.first().map(|settings| &settings.origins);
        let named_at = origins.and_then(|origins| origins.get("source.sheet"));
        let mut error = error.into_fatal();
        if let Some(named_at) = named_at.filter(|_| is_of_sheet) {
            error.message = format!("{named_at}: {}", error.message);
        }
        error
    })?;
    Ok((records, record))
}

/// The columns that the maps name: what stands there is wanted as a whole, and
/// a record need not have it.
fn named_columns(loads: &[&Settings]) -> HashSet<String> {
    let rules = loads
        .iter()
        .flat_map(|settings| settings.mapping.iter().flatten());
    rules
        .flat_map(|rule| match &rule.from {
            RuleSource::Columns(columns) | RuleSource::Joined { columns, .. } => columns.as_slice(),
            RuleSource::Constant(_) | RuleSource::Template(_) => &[],
        })
        .cloned()
        .collect()
}

/// The target's fields that take a list or an object as a whole, of loads whose
/// columns go by their names.
fn nesting_fields(loads: &[&Settings]) -> Result<HashSet<String>, FatalError> {
    let mut fields = HashSet::new();
    for settings in loads.iter().filter(|settings| settings.mapping.is_none()) {
        fields.extend(nesting_fields_of(settings)?);
    }
    Ok(fields)
}

/// A folder that only its owner can look into, and that goes with its holder.
pub(super) struct PrivateFolder {
    path: PathBuf,
}

impl PrivateFolder {
    /// Makes one among the system's temporary files.
    ///
    /// # Errors
    /// The disk is full or can't be written.
    pub(super) fn create() -> Result<Self, FatalError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("sluice-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // A leftover of a process that had the same number is nobody's now.
        let _ = fs::remove_dir_all(&path);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What can't be removed is the system's to clear.
        let _ = fs::remove_dir_all(&self.path);
    }
}
