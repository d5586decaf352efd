//! `sluice runs`: lists the runs.

use crate::error::{ExitStatus, FatalError};
use crate::report::thousands;
use crate::store::RunDirectory;

use super::arguments::{OutputForm, RunsArguments};
use super::print;
use super::status::Standing;

/// `sluice runs`.
pub(super) fn runs(arguments: &RunsArguments) -> Result<ExitStatus, FatalError> {
    let mut standings = Vec::new();
    for directory in RunDirectory::all(&arguments.run_dir)? {
        match Standing::of(&directory) {
            Ok(standing) => standings.push(standing),
            // One damaged run shall not hide the others.
            Err(error) => print::remark(&format!("sluice: {error}")),
        }
    }
    let text = match arguments.output {
        OutputForm::Json => {
            let json = serde_json::to_string_pretty(&standings).expect("plain data");
            format!("{json}\n")
        }
        OutputForm::Ndjson => standings
            .iter()
            .map(|standing| serde_json::to_string(standing).expect("plain data") + "\n")
            .collect(),
        OutputForm::Text if standings.is_empty() => {
            print::remark(&format!(
                "there is no run in {}",
                arguments.run_dir.display()
            ));
            String::new()
        }
        OutputForm::Text => standings.iter().map(line_of).collect(),
    };
    print::result(&text)?;
    Ok(ExitStatus::Done)
}

fn line_of(standing: &Standing) -> String {
    let counts = &standing.counts;
    format!(
        "{:<44} {:<10} {:>12} of {} rows, {} rejected{}\n",
        standing.run_id,
        standing.state,
        thousands(counts.ended()),
        thousands(counts.read),
        thousands(counts.rejected),
        match (&standing.undone_at, &standing.overtaken) {
            (Some(_), _) => ", undone",
            (None, Some(_)) => ", overtaken by a later run",
            (None, None) => "",
        },
    )
}
