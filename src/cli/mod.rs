//! The command line: one file per command, printing, exit codes.

mod arguments;
mod assemble;
mod completions;
mod conclude;
mod connectors;
mod demo;
mod init;
mod load;
mod man;
mod plan;
mod print;
mod resume;
mod run;
mod runs;
mod schema;
mod status;

use std::process::ExitCode;

use clap::Parser;

use crate::error::{ExitStatus, FatalError};

use arguments::{Arguments, Command};

/// Runs the program: reads the command line, does what it says, and gives the
/// exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` come this way too, and are no failure.
            let code = if error.use_stderr() {
                ExitStatus::Usage.code()
            } else {
                ExitStatus::Done.code()
            };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match dispatch(arguments.command) {
        Ok(status) => ExitCode::from(status.code()),
        Err(error) => {
            print::failure(&error);
            ExitCode::from(error.exit_status().code())
        }
    }
}

fn dispatch(command: Command) -> Result<ExitStatus, FatalError> {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Resume(arguments) => resume::resume(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Runs(arguments) => runs::runs(&arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Guess(arguments) => init::guess(&arguments),
        Command::Connectors(arguments) => connectors::connectors(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Man => man::man(),
    }
}
