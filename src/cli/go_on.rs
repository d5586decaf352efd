//! The command that goes on with a run that isn't finished.

use crate::error::ExitStatus;
use crate::store::RunDirectory;

use super::conclude::shown;
use super::conclusion::Conclusion;

/// The command for a run whose last leg has ended, or was killed.
pub(super) fn go_on_command(directory: &RunDirectory) -> String {
    let summary = Conclusion::read_summary(directory).ok();
    let used_up = summary.filter(|summary| summary.exit_code == ExitStatus::ErrorBudget.code());
    go_on_with_budget(directory, used_up.map(|summary| summary.counts.rejected))
}

/// The command for a run; where so many rejected rows have used its error budget
/// up, with a larger one, since the same would stop it at once.
pub(super) fn go_on_with_budget(directory: &RunDirectory, rejected: Option<u64>) -> String {
    let budget = rejected.map_or_else(String::new, |rejected| {
        format!(" --max-errors {}", (2 * rejected).max(10))
    });
    format!("sluice resume {}{budget}", shown(directory))
}
