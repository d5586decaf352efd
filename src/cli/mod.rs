//! The command line: one file per command, printing, exit codes.

mod arguments;
mod assemble;
mod begin_manifest;
mod bind;
mod compare;
mod completions;
mod conclude;
mod conclusion;
mod connectors;
mod credentials;
mod csv_adapters;
mod demo;
mod diff_log;
mod discover;
mod entities;
mod follow;
mod go_on;
mod id_map;
mod init;
mod interruption;
mod just_before;
mod known_limits;
mod left_out;
mod load;
mod man;
mod mapping;
mod online;
mod overtaken;
mod parts;
mod pass;
mod patience;
mod pause_keeper;
mod plan;
mod plan_request;
mod plan_sample;
mod plan_text;
mod planned_keys;
mod print;
mod probe;
mod progress_file;
mod resume;
mod retry;
mod retry_hints;
mod run;
mod runs;
mod schema;
mod set_up;
mod side_task;
mod source_remarks;
mod source_stream;
mod staging;
mod started_with;
mod status;
mod stream_runs;
mod told;
mod unchanged;
mod undo;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::error::{ExitStatus, FatalError};

use arguments::{Arguments, Command};

/// SIGXFSZ, which has the same number on Linux, macOS and the BSDs.
const FILE_TOO_LARGE: i32 = 25;

/// Runs the program: reads the command line, does what it says, and gives the
/// exit code.
#[must_use]
pub fn main() -> ExitCode {
    survive_file_size_limits();
    keep_out_of_core_files();
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
    print::speak_in(arguments.command.log_form());
    let ended = dispatch(arguments.command);
    credentials::tell_of_lost_refresh_token();
    match ended {
        Ok(status) => ExitCode::from(status.code()),
        Err(error) => {
            print::failure(&error);
            ExitCode::from(error.exit_status().code())
        }
    }
}

/// A limit on file sizes shall be a failed write, which is told and leaves a
/// run that can be resumed, and not a silent death: having a handler is enough.
fn survive_file_size_limits() {
    let noticed = Arc::new(AtomicBool::new(false));
    // Without a handler the signal keeps its default, and the journal makes
    // that safe.
    let _ = signal_hook::flag::register(FILE_TOO_LARGE, noticed);
}

/// A core file would have secrets and tokens in plain sight, and so would the
/// memory that other programs of the same user may read.
fn keep_out_of_core_files() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Where the system refuses, nothing is worse than before.
    let _ = setrlimit(Resource::Core, none);
    // A program that takes core files from a pipe heeds no limit.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

fn dispatch(command: Command) -> Result<ExitStatus, FatalError> {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Probe(arguments) => probe::probe(&arguments),
        Command::Resume(arguments) => resume::resume(&arguments),
        Command::Retry(arguments) => retry::retry(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::Undo(arguments) => undo::undo(&arguments),
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
