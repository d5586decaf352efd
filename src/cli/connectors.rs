//! `sluice connectors`: lists, shows and checks connectors.

use crate::config::did_you_mean;
use crate::connector::{Connector, builtin_names, check, source_text};
use crate::error::{ExitStatus, FatalError};

use super::arguments::{ConnectorsArguments, ConnectorsCommand};
use super::print;

/// `sluice connectors`.
pub(super) fn connectors(arguments: &ConnectorsArguments) -> Result<ExitStatus, FatalError> {
    match &arguments.command {
        None | Some(ConnectorsCommand::List) => list(),
        Some(ConnectorsCommand::Show { name }) => show(name),
        Some(ConnectorsCommand::Check { file }) => {
            let findings = check(file)?;
            if findings.is_empty() {
                print::result(&format!("{}: no mistakes\n", file.display()))?;
                return Ok(ExitStatus::Done);
            }
            for finding in &findings {
                let place = match finding.line {
                    None => file.display().to_string(),
                    Some(line) => format!("{}:{line}", file.display()),
                };
                print::remark(&format!("{place}: {}", finding.message));
                if !finding.hint.is_empty() {
                    print::remark(&format!("        {}", finding.hint));
                }
            }
            Ok(ExitStatus::Usage)
        }
    }
}

fn list() -> Result<ExitStatus, FatalError> {
    let mut text = String::new();
    for name in builtin_names() {
        let connector = Connector::load(name)?;
        text.push_str(&format!("{name:<20} {}\n", connector.title()));
        for (variable, section) in connector.variables() {
            text.push_str(&format!(
                "{:<20}   --set {variable}=…  {}\n",
                "", section.description
            ));
        }
    }
    print::result(&text)?;
    Ok(ExitStatus::Done)
}

fn show(name: &str) -> Result<ExitStatus, FatalError> {
    let Some(text) = source_text(name) else {
        let near = did_you_mean(name, builtin_names());
        return Err(
            FatalError::usage(format!("there is no built-in connector {name}{near}"))
                .with_hint("`sluice connectors list` names them."),
        );
    };
    print::result(text)?;
    Ok(ExitStatus::Done)
}
