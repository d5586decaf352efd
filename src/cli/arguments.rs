//! The command line's shape. Every flag of the running commands has an
//! environment twin: `--max-rate` and `SLUICE_MAX_RATE`.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{
    Concurrency, Delimiter, Duplicates, Encoding, ErrorBudget, Rate, Sample, Share, Since, TimeSpan,
};

/// Bulk loader for contact-centre and CRM platforms behind rate limits.
///
/// It takes rows and makes a platform's records agree with them, as fast as the
/// tenant allows, and may be killed at any moment: `sluice resume` goes on.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Load rows into a platform
    Run(LoadArguments),
    /// Check every row offline, and say what a run would do; sends nothing
    Plan(PlanArguments),
    /// Find out the tenant's rate limit: kind, rate, burst, window; reads only, unless told otherwise
    Probe(ProbeArguments),
    /// Go on with a run that was interrupted
    Resume(ResumeArguments),
    /// Send the rejected rows of a run again, as `rejected.csv` has them now
    Retry(RetryArguments),
    /// Look the rows of a run up in the tenant, and compare field by field
    Verify(VerifyArguments),
    /// Plan the way back from a run that kept pre-images; with --yes, take it
    Undo(ResumeArguments),
    /// Show where a run stands, also while it runs
    Status(StatusArguments),
    /// List the runs
    Runs(RunsArguments),
    /// Load a bundled file into a simulated tenant: no account, no network
    Demo(DemoArguments),
    /// Write a commented job file
    Init(InitArguments),
    /// Look at a CSV, .xlsx or .ndjson file, and write a job file for it
    Guess(GuessArguments),
    /// List, show or check connectors
    Connectors(ConnectorsArguments),
    /// Print the JSON Schema of job or connector files
    Schema(SchemaArguments),
    /// Print completions for a shell
    Completions(CompletionsArguments),
    /// Print the manual page
    Man,
}

impl Command {
    /// The form of log lines that the command was asked for.
    pub(super) fn log_form(&self) -> LogForm {
        match self {
            Self::Run(arguments) => arguments.run.showing.log_format,
            Self::Plan(arguments) => arguments.run.showing.log_format,
            Self::Probe(arguments) => arguments.showing.log_format,
            Self::Resume(arguments) | Self::Undo(arguments) => arguments.showing.log_format,
            Self::Retry(arguments) => arguments.resume.showing.log_format,
            Self::Verify(arguments) => arguments.resume.showing.log_format,
            _ => LogForm::Text,
        }
    }
}

/// What to load, and whether to go on with what changes.
#[derive(Args, Debug)]
pub(super) struct LoadArguments {
    #[command(flatten)]
    pub(super) run: RunArguments,
    /// After the load, load what has changed at the source, so long after the last time (such as 30s or 5m), until Ctrl-C or --max-duration
    #[arg(long, env = "SLUICE_FOLLOW", value_name = "EVERY")]
    pub(super) follow: Option<TimeSpan>,
}

/// What to load where.
#[derive(Args, Debug)]
pub(super) struct RunArguments {
    /// A job file (.yaml or .yml), a CSV, .xlsx or .ndjson file, or `-` for CSV on standard input
    pub(super) input: PathBuf,
    /// The connector: a built-in one's name, or the path of a connector file
    #[arg(long, env = "SLUICE_TO", value_name = "CONNECTOR")]
    pub(super) to: Option<String>,
    #[command(flatten)]
    pub(super) loading: LoadingFlags,
    #[command(flatten)]
    pub(super) pacing: PacingFlags,
    #[command(flatten)]
    pub(super) showing: ShowingFlags,
}

/// What to plan.
#[derive(Args, Debug)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) run: RunArguments,
    /// Ask the platforms too, reading only: what would be made, changed, left as it is; the first 200 rows, or those of --limit
    #[arg(long, env = "SLUICE_ONLINE", value_parser = FalseyValueParser::new())]
    pub(super) online: bool,
    /// With --online: ask about every row
    #[arg(long, env = "SLUICE_ALL", value_parser = FalseyValueParser::new(), requires = "online")]
    pub(super) all: bool,
}

/// What to probe, and what it may cost.
#[derive(Args, Debug)]
pub(super) struct ProbeArguments {
    /// A job file or a CSV file: names the connector, gives the rows for --write and for the forecast
    pub(super) input: Option<PathBuf>,
    /// The connector: a built-in one's name, or the path of a connector file
    #[arg(long, env = "SLUICE_TO", value_name = "CONNECTOR")]
    pub(super) to: Option<String>,
    /// Set a variable of the connector
    #[arg(
        long = "set",
        env = "SLUICE_SET",
        value_name = "KEY=VALUE",
        value_delimiter = ','
    )]
    pub(super) set: Vec<String>,
    /// The connector's operation, or upsert, that the limit is wanted of
    #[arg(long, env = "SLUICE_OPERATION", value_name = "NAME")]
    pub(super) operation: Option<String>,
    /// Probe with the input's own writes, in turn; needs --yes
    #[arg(long, env = "SLUICE_WRITE", value_parser = FalseyValueParser::new())]
    pub(super) write: bool,
    /// Send at most this many requests
    #[arg(
        long,
        env = "SLUICE_MAX_REQUESTS",
        value_name = "N",
        default_value = "2000"
    )]
    pub(super) max_requests: NonZeroU64,
    /// Stop after this long, waits included
    #[arg(
        long,
        env = "SLUICE_MAX_DURATION",
        value_name = "TIME",
        default_value = "10m"
    )]
    pub(super) max_duration: TimeSpan,
    /// Send at most this many requests at once
    #[arg(
        long,
        env = "SLUICE_MAX_IN_FLIGHT",
        value_name = "N",
        default_value = "64"
    )]
    pub(super) max_in_flight: NonZeroU32,
    /// Say how long this many rows will take; the input's own number by default
    #[arg(long, env = "SLUICE_ROWS", value_name = "N")]
    pub(super) rows: Option<u64>,
    /// Write the report (HTML) to this file
    #[arg(long, env = "SLUICE_REPORT", value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Take settings from this profile of the profiles' file
    #[arg(long, env = "SLUICE_PROFILE", value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Read the client's id and secret from this file (YAML, mode 0600)
    #[arg(long, env = "SLUICE_CREDENTIALS", value_name = "FILE")]
    pub(super) credentials: Option<PathBuf>,
    /// The folder that holds the runs; the report and the limit found go there too
    #[arg(long, env = "SLUICE_RUN_DIR", value_name = "DIR")]
    pub(super) run_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) showing: ShowingFlags,
}

/// How rows are read and mapped: fixed for all legs of a run.
#[derive(Args, Debug, Default)]
pub(super) struct LoadingFlags {
    /// Set a variable of the connector; `source.KEY` is one of the source's connector
    #[arg(
        long = "set",
        env = "SLUICE_SET",
        value_name = "KEY=VALUE",
        value_delimiter = ','
    )]
    pub(super) set: Vec<String>,
    /// The connector's operation, or upsert, that rows are loaded with
    #[arg(long, env = "SLUICE_OPERATION", value_name = "NAME")]
    pub(super) operation: Option<String>,
    /// The job's name; the run's directory carries it
    #[arg(long, env = "SLUICE_JOB", value_name = "NAME")]
    pub(super) job: Option<String>,
    /// The character between two fields (`tab` for a tabulator); detected by default
    #[arg(long, env = "SLUICE_DELIMITER", value_name = "CHARACTER")]
    pub(super) delimiter: Option<Delimiter>,
    /// The input's encoding; detected by default
    #[arg(long, env = "SLUICE_ENCODING", value_name = "NAME")]
    pub(super) encoding: Option<Encoding>,
    /// What happens to rows with the same key: apply, reject, first or last
    #[arg(long, env = "SLUICE_DUPLICATES", value_name = "CHOICE")]
    pub(super) duplicates: Option<Duplicates>,
    /// Load at most this many rows
    #[arg(long, env = "SLUICE_LIMIT", value_name = "N")]
    pub(super) limit: Option<u64>,
    /// Load only what has changed since: `last` (the last finished run of this job) or a time; for a connector's stream
    #[arg(long, env = "SLUICE_SINCE", value_name = "last|TIME")]
    pub(super) since: Option<Since>,
    /// Leave this many rows out at the start
    #[arg(long, env = "SLUICE_SKIP", value_name = "N")]
    pub(super) skip: Option<u64>,
    /// Keep what stands in the tenant before it is changed, for `sluice undo`
    #[arg(long, env = "SLUICE_PRE_IMAGES", value_parser = FalseyValueParser::new())]
    pub(super) pre_images: bool,
    /// Check and map every row, but send nothing (as `plan` does)
    #[arg(long, env = "SLUICE_DRY_RUN", value_parser = FalseyValueParser::new())]
    pub(super) dry_run: bool,
    /// Take settings from this profile of the profiles' file
    #[arg(long, env = "SLUICE_PROFILE", value_name = "NAME")]
    pub(super) profile: Option<String>,
}

/// How fast, how long, and with whose credentials: may differ between legs.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct PacingFlags {
    /// Never send faster than this, such as 250/s or 300/min
    #[arg(long, env = "SLUICE_MAX_RATE", value_name = "RATE")]
    pub(super) max_rate: Option<Rate>,
    /// Requests under way at once: `auto` or a number
    #[arg(long, env = "SLUICE_CONCURRENCY", value_name = "auto|N")]
    pub(super) concurrency: Option<Concurrency>,
    /// Write mapping.ndjson: each row's key, rules, and hashes before and after
    #[arg(long, env = "SLUICE_DIFF_LOG", value_parser = FalseyValueParser::new())]
    pub(super) diff_log: bool,
    /// Start as if nothing were known of the tenant's limit from earlier runs and probes
    #[arg(long, env = "SLUICE_NO_LIMIT_PROFILE", value_parser = FalseyValueParser::new())]
    pub(super) no_limit_profile: bool,
    /// The share of the tenant's limit to use, such as 80%
    #[arg(long, env = "SLUICE_SHARE", value_name = "P%")]
    pub(super) share: Option<Share>,
    /// Stop when more rows than this are rejected, such as 100 or 1%
    #[arg(long, env = "SLUICE_MAX_ERRORS", value_name = "N|P%")]
    pub(super) max_errors: Option<ErrorBudget>,
    /// Stop after this long, such as 90s or 2h30m; `sluice resume` goes on
    #[arg(long, env = "SLUICE_MAX_DURATION", value_name = "TIME")]
    pub(super) max_duration: Option<TimeSpan>,
    /// Read the client's id and secret from this file (YAML, mode 0600)
    #[arg(long, env = "SLUICE_CREDENTIALS", value_name = "FILE")]
    pub(super) credentials: Option<PathBuf>,
    /// The folder that holds the runs
    #[arg(long, env = "SLUICE_RUN_DIR", value_name = "DIR")]
    pub(super) run_dir: Option<PathBuf>,
}

/// How a command speaks.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ShowingFlags {
    /// The form of the result on standard output
    #[arg(long, env = "SLUICE_OUTPUT", value_enum, default_value_t)]
    pub(super) output: OutputForm,
    /// Show no progress
    #[arg(long, env = "SLUICE_NO_PROGRESS", value_parser = FalseyValueParser::new())]
    pub(super) no_progress: bool,
    /// Use colour
    #[arg(long, env = "SLUICE_COLOR", value_enum, default_value_t)]
    pub(super) color: ColorChoice,
    /// The form of log lines on standard error
    #[arg(long, env = "SLUICE_LOG_FORMAT", value_enum, default_value_t)]
    pub(super) log_format: LogForm,
    /// Say more: every decision of the limiter, every token
    #[arg(short, long, env = "SLUICE_VERBOSE", value_parser = FalseyValueParser::new())]
    pub(super) verbose: bool,
    /// Say nothing but errors and the result
    #[arg(short, long, env = "SLUICE_QUIET", value_parser = FalseyValueParser::new(), conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Answer every question with yes
    #[arg(long, env = "SLUICE_YES", value_parser = FalseyValueParser::new())]
    pub(super) yes: bool,
    // No flag: the part of a run that speaks.
    #[arg(skip)]
    pub(super) part: Option<String>,
}

impl ShowingFlags {
    /// The same way of speaking, for one of several parts.
    pub(super) fn for_part(&self, name: &str) -> Self {
        Self {
            part: Some(name.to_owned()),
            ..self.clone()
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputForm {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// One JSON document on one line
    Ndjson,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogForm {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Args, Debug)]
pub(super) struct ResumeArguments {
    /// The run: its id, or the path of its directory; the latest by default
    pub(super) run: Option<String>,
    #[command(flatten)]
    pub(super) pacing: PacingFlags,
    #[command(flatten)]
    pub(super) showing: ShowingFlags,
}

#[derive(Args, Debug)]
pub(super) struct RetryArguments {
    #[command(flatten)]
    pub(super) resume: ResumeArguments,
    /// Ask about the rows in `unknown.csv` instead, and send those that were not applied
    #[arg(long)]
    pub(super) unknown: bool,
}

#[derive(Args, Debug)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    pub(super) resume: ResumeArguments,
    /// Compare only so many of the rows, or this share of them; all by default
    #[arg(long, env = "SLUICE_SAMPLE", value_name = "N|P%")]
    pub(super) sample: Option<Sample>,
}

#[derive(Args, Debug)]
pub(super) struct StatusArguments {
    /// The run: its id, or the path of its directory; the latest by default
    pub(super) run: Option<String>,
    /// The folder that holds the runs
    #[arg(
        long,
        env = "SLUICE_RUN_DIR",
        value_name = "DIR",
        default_value = "runs"
    )]
    pub(super) run_dir: PathBuf,
    /// The form of the result on standard output
    #[arg(long, env = "SLUICE_OUTPUT", value_enum, default_value_t)]
    pub(super) output: OutputForm,
}

#[derive(Args, Debug)]
pub(super) struct RunsArguments {
    /// The folder that holds the runs
    #[arg(
        long,
        env = "SLUICE_RUN_DIR",
        value_name = "DIR",
        default_value = "runs"
    )]
    pub(super) run_dir: PathBuf,
    /// The form of the result on standard output
    #[arg(long, env = "SLUICE_OUTPUT", value_enum, default_value_t)]
    pub(super) output: OutputForm,
}

#[derive(Args, Debug)]
pub(super) struct DemoArguments {
    /// The folder that holds the runs
    #[arg(
        long,
        env = "SLUICE_RUN_DIR",
        value_name = "DIR",
        default_value = "runs"
    )]
    pub(super) run_dir: PathBuf,
    #[command(flatten)]
    pub(super) showing: ShowingFlags,
}

#[derive(Args, Debug)]
pub(super) struct InitArguments {
    /// The job file to write; it must not exist yet
    #[arg(default_value = "job.yaml")]
    pub(super) file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct GuessArguments {
    /// The file to look at: CSV, .xlsx or .ndjson
    pub(super) input: PathBuf,
    /// The connector that the rows are for
    #[arg(long, env = "SLUICE_TO", value_name = "CONNECTOR")]
    pub(super) to: String,
    /// The job file to write; standard output by default
    #[arg(long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct ConnectorsArguments {
    #[command(subcommand)]
    pub(super) command: Option<ConnectorsCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConnectorsCommand {
    /// List the built-in connectors
    List,
    /// Print a connector's file, to be copied and changed
    Show {
        /// The connector's name
        name: String,
    },
    /// Check a connector file, and explain each mistake
    Check {
        /// The file
        file: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(super) struct SchemaArguments {
    /// Of which files
    #[arg(value_enum, default_value_t)]
    pub(super) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// Job files
    #[default]
    Job,
    /// Connector files
    Connector,
}

#[derive(Args, Debug)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_flag_of_the_running_commands_has_an_environment_twin() {
        let command = Arguments::command();
        for name in ["run", "plan", "probe", "resume", "verify", "undo"] {
            let running = command.find_subcommand(name).expect("a command");
            for argument in running.get_arguments() {
                let Some(flag) = argument.get_long().filter(|flag| *flag != "help") else {
                    continue;
                };
                let twin = format!("SLUICE_{}", flag.replace('-', "_").to_uppercase());
                let found = argument
                    .get_env()
                    .map(|name| name.to_string_lossy().into_owned());
                assert_eq!(found, Some(twin), "--{flag} of {name}");
            }
        }
    }
}
