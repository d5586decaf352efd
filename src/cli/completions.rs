//! `sluice completions`: prints completions for a shell.

use clap::CommandFactory;

use crate::error::{ExitStatus, FatalError};

use super::arguments::{Arguments, CompletionsArguments};
use super::print;

/// `sluice completions`.
pub(super) fn completions(arguments: &CompletionsArguments) -> Result<ExitStatus, FatalError> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "sluice", &mut script);
    print::result(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
