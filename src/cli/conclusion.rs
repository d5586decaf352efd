//! What came of a leg, and how it is told.

use crate::error::{ExitStatus, FatalError, FatalKind};
use crate::report::{Summary, counted};
use crate::source::Source as _;
use crate::source::csv::{CsvReader, CsvSettings, Input, Start, inspect};
use crate::store::{PRE_IMAGES, RunDirectory};

use super::arguments::{OutputForm, ShowingFlags};
use super::conclude::shown;
use super::diff_log::DIFF_LOG;
use super::id_map::ID_MAP;
use super::print;

/// What came of a leg.
pub(super) struct Conclusion {
    pub(super) directory: RunDirectory,
    pub(super) status: ExitStatus,
    /// What failed, where something did.
    pub(super) failures: Vec<FatalError>,
    pub(super) summary: Summary,
    pub(super) is_finished: bool,
    /// What can be done next.
    pub(super) remarks: Vec<String>,
    /// Of a run that has parts, where the books of each are.
    pub(super) parts: Vec<PartFiles>,
}

/// Where the books of one part are, and what they say.
pub(super) struct PartFiles {
    pub(super) directory: RunDirectory,
    pub(super) summary: Summary,
}

impl Conclusion {
    /// What came of a run that is finished, read from its directory.
    ///
    /// # Errors
    /// Its summary can't be read.
    pub(super) fn of_finished(
        directory: &RunDirectory,
        status: ExitStatus,
    ) -> Result<Self, FatalError> {
        Ok(Self {
            directory: directory.clone(),
            status,
            failures: Vec::new(),
            summary: Self::read_summary(directory)?,
            is_finished: true,
            remarks: Vec::new(),
            parts: Vec::new(),
        })
    }

    /// The summary that a run's directory has.
    ///
    /// # Errors
    /// There is none, or it can't be read.
    pub(super) fn read_summary(directory: &RunDirectory) -> Result<Summary, FatalError> {
        let path = directory.path().join("summary.json");
        std::fs::read(&path)
            .map_err(|cause| cause.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|cause| cause.to_string()))
            .map_err(|cause| {
                FatalError::new(
                    FatalKind::Disk,
                    format!("can't read {}: {cause}", path.display()),
                )
            })
    }

    /// Tells it: the summary, what failed, what can be done next.
    ///
    /// # Errors
    /// Standard output can't be written.
    pub(super) fn tell(&self, showing: &ShowingFlags) -> Result<ExitStatus, FatalError> {
        print::result(&match showing.output {
            OutputForm::Json => self.summary.to_json(),
            OutputForm::Ndjson => self.summary.to_json_line(),
            OutputForm::Text => self.to_text(),
        })?;
        self.failures.iter().for_each(print::failure);
        for remark in &self.remarks {
            print::remark(remark);
        }
        Ok(self.status)
    }

    /// The end of a leg in words for people.
    fn to_text(&self) -> String {
        let summary = &self.summary;
        let mut text = format!(
            "\n{}\n{}",
            headline(summary, self.is_finished),
            summary.to_text()
        );
        match self.parts.is_empty() {
            true => text.push_str(&files_text(&self.directory, summary)),
            false => {
                for part in &self.parts {
                    text.push_str(&files_text(&part.directory, &part.summary));
                }
            }
        }
        text.push_str(&format!(
            "  everything about this run: {}/summary.json\n",
            self.directory.path().display()
        ));
        text
    }

    /// Whether all rows have ended well, none of them changed anything, and none
    /// may be missing.
    pub(super) fn changed_nothing(&self) -> bool {
        let counts = &self.summary.counts;
        let source = self.summary.source.as_ref();
        let is_doubtful = source.is_some_and(|source| source.doubt.is_some());
        self.status == ExitStatus::Done && counts.created + counts.updated == 0 && !is_doubtful
    }
}

/// What stands in the files of a run beside its summary.
fn files_text(directory: &RunDirectory, summary: &Summary) -> String {
    let mut text = String::new();
    let path = directory.path().display();
    let rejected = summary.counts.rejected;
    if rejected > 0 {
        let listed = listed_after_retry(directory)
            .unwrap_or(rejected)
            .min(rejected);
        if listed > 0 {
            text.push_str(&format!(
                "  {}, with the reason of each: {path}/rejected.csv\n",
                counted(listed, "rejected row")
            ));
        }
        if listed < rejected {
            text.push_str(&format!(
                "  {}, taken out of {path}/rejected.csv before a retry: not sent, and not listed\n",
                counted(rejected - listed, "rejected row")
            ));
        }
    }
    if summary.counts.unknown > 0 {
        text.push_str(&format!(
            "  {} whose fate isn't known: {path}/unknown.csv\n",
            counted(summary.counts.unknown, "row")
        ));
    }
    if directory.path().join(ID_MAP).exists() {
        text.push_str(&format!(
            "  the tenant's ids of the records, by their keys: {path}/{ID_MAP}\n"
        ));
    }
    if directory.path().join(DIFF_LOG).exists() {
        text.push_str(&format!(
            "  what the mapping did to each row: {path}/{DIFF_LOG}\n"
        ));
    }
    if directory.path().join(PRE_IMAGES).exists() {
        text.push_str(&format!(
            "  what stood in the tenant before: {path}/{PRE_IMAGES}; the way back: sluice undo {}\n",
            shown(directory)
        ));
    }
    text
}

/// The rows that stand in `rejected.csv`, where a retry may have left some out;
/// `None` where there was none, or the file can't be read.
fn listed_after_retry(directory: &RunDirectory) -> Option<u64> {
    let folder = directory.path().read_dir().ok()?;
    let was_retried = folder.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("retry-")
    });
    if !was_retried {
        return None;
    }
    let book = directory.path().join("rejected.csv");
    if book.metadata().ok()?.len() == 0 {
        return Some(0);
    }
    let csv = CsvSettings::new(Input::File(book));
    let shape = inspect(&csv).ok()?;
    let mut reader = CsvReader::open(&csv, &shape, Start::Beginning).ok()?;
    let mut rows = 0;
    while let Some(batch) = reader.next_batch().ok()? {
        rows += batch.rows.len() as u64;
    }
    Some(rows)
}

/// What the summary says first. A failure's own words come after it, with what
/// to do about it.
fn headline(summary: &Summary, is_finished: bool) -> String {
    let told = summary
        .reason
        .as_ref()
        .filter(|_| summary.state != "failed");
    match (is_finished, told) {
        (true, Some(reason)) if summary.exit_code == ExitStatus::ErrorBudget.code() => {
            format!("run {} is finished: {reason}", summary.run_id)
        }
        (true, _) => format!("run {} is finished", summary.run_id),
        (false, Some(reason)) => format!("run {} is not finished: {reason}", summary.run_id),
        (false, None) => format!("run {} is not finished", summary.run_id),
    }
}
