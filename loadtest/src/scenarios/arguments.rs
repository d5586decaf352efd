//! What the user may ask of the runner.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Runs the real loader, and clients with other rules, against simulated tenants over loopback sockets.
///
/// For each scenario a tenant is started in this process, then the `sluice` program as processes of its own with a
/// generated CSV file, then each baseline on a fresh tenant of the same scenario. All figures come from the tenants' own
/// books. Runs at low rates go on at the same time; fast ones, and those that measure latency, run alone.
///
/// The table on standard output sets each tenant's figures against what its scenario file expects: goodput within 3
/// points, refusals within 1.5 times or 0.3 points, no stated wait undercut, no row lost. Shares of a run that is shorter
/// than its scenario are judged at full length, as if the run's second half went on.
///
/// Exit code: 0 if all expectations hold, 1 if one is broken, 2 for a mistake in the command line, 130 after Ctrl-C, which
/// ends all processes started.
#[derive(Args, Clone, Debug)]
pub struct ScenariosArguments {
    /// Only these scenarios: names, or paths of scenario files
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// Only list the scenarios, with what is expected of each
    #[arg(long)]
    pub(super) list: bool,
    /// How long each run lasts, such as 30s or 2m; by default what its scenario says
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) duration: Option<Duration>,
    /// Leave the baselines out
    #[arg(long, conflicts_with = "baselines")]
    pub(super) no_baselines: bool,
    /// Only these baselines: fixed-workers, plain-aimd, vector-arc, netflix-aimd
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub(super) baselines: Vec<String>,
    /// The `sluice` program; by default the one beside this program, built first where cargo started this
    #[arg(long, value_name = "PATH")]
    pub(super) sluice: Option<PathBuf>,
    /// Requests per second that all runs at the same time may add up to
    #[arg(long, value_name = "N", default_value_t = 2_000.0, value_parser = parse_budget)]
    pub(super) budget: f64,
    /// The folder for the pictures and their page, index.html
    #[arg(long, value_name = "DIR", default_value = "target/scenarios")]
    pub(super) plots: PathBuf,
    /// The form of the result on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: OutputForm,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputForm {
    /// Tables for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Longest run that may be asked for; a typing mistake shouldn't start a day's work.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit_s) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60.0)
    } else {
        return Err("a time has a unit, such as 30s or 2m".to_owned());
    };
    let seconds = number
        .parse::<f64>()
        .map_err(|_| format!("`{number}` is not a number"))?
        * unit_s;
    if !(1.0..=LONGEST.as_secs_f64()).contains(&seconds) {
        return Err("a run lasts from 1s to 240m".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn parse_budget(text: &str) -> Result<f64, String> {
    let budget: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is not a number"))?;
    if budget >= 1.0 && budget.is_finite() {
        Ok(budget)
    } else {
        Err("the budget is 1 or more".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_a_unit_and_a_sensible_length() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("1500ms"), Ok(Duration::from_millis(1500)));
        for wrong in ["90", "s", "0s", "-5s", "100000m", "nans", "infs"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
