//! All runs, as the schedule allows, and what is told of them.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::arguments::{OutputForm, ScenariosArguments};
use super::binary::find_loader;
use super::case::Case;
use super::result::{CaseResult, Outcome, document};
use super::run_one::{self, ClientKind, Job, baselines, load_of};
use super::schedule::Schedule;
use super::stop::{SignalWatch, Stop};
use super::{pictures, table};

/// Time between the starts of two runs.
const STAGGER: Duration = Duration::from_millis(250);
/// How long to wait for the end of a run before looking up.
const LONG: Duration = Duration::from_secs(1);

/// How it all ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All expectations hold.
    Holds,
    /// One doesn't.
    Broken,
    /// A signal ended it.
    Interrupted,
}

impl Ending {
    /// The exit code, as `--help` has it.
    pub fn code(self) -> u8 {
        match self {
            Ending::Holds => 0,
            Ending::Broken => 1,
            Ending::Interrupted => 130,
        }
    }
}

/// Runs the scenarios; the result goes to `output`, the progress to standard error.
///
/// # Errors
/// In words, for a mistake in the arguments, or if the program, the folders or the system can't be used.
pub fn run(arguments: &ScenariosArguments, output: &mut dyn Write) -> Result<Ending, String> {
    let cannot_tell = |cause: std::io::Error| format!("can't write the result: {cause}");
    let cases = Case::chosen(arguments)?;
    if arguments.list {
        let list = table::list(&cases);
        output.write_all(list.as_bytes()).map_err(cannot_tell)?;
        return Ok(Ending::Holds);
    }
    let others = baselines(arguments)?;
    let program = find_loader(arguments.sluice.as_deref())?;
    let signals =
        SignalWatch::start().map_err(|cause| format!("can't listen for signals: {cause}"))?;
    let stop = signals.stop();
    let jobs = jobs(cases.len(), &others);
    let outcomes = run_all(&cases, &jobs, arguments.budget, &program, &stop);
    if stop.is_set() {
        return Ok(Ending::Interrupted);
    }
    let results = sorted(cases, &jobs, outcomes);
    let report = table::report(&results);
    let text = match arguments.output {
        OutputForm::Text => report.clone(),
        OutputForm::Json => format!("{:#}\n", document(&results)),
    };
    output.write_all(text.as_bytes()).map_err(cannot_tell)?;
    pictures::write(&arguments.plots, &results, &report)?;
    eprintln!("pictures: {}", arguments.plots.join("index.html").display());
    if results.iter().all(|result| result.broken().is_empty()) {
        Ok(Ending::Holds)
    } else {
        Ok(Ending::Broken)
    }
}

/// The loader's runs first: they are what is waited for.
fn jobs(cases: usize, others: &[ClientKind]) -> Vec<Job> {
    let clients = std::iter::once(&ClientKind::Loader).chain(others);
    clients
        .flat_map(|client| (0..cases).map(move |case| (case, *client)))
        .map(|(case, client)| Job { case, client })
        .collect()
}

fn run_all(
    cases: &[Case],
    jobs: &[Job],
    budget: f64,
    program: &Path,
    stop: &Stop,
) -> Vec<Option<Outcome>> {
    let loads = jobs.iter().map(|job| load_of(&cases[job.case], job.client));
    let mut schedule = Schedule::new(loads.collect(), budget);
    let forecast = schedule.forecast();
    eprintln!(
        "scenarios: {}; runs: {}; about {} in all; Ctrl-C ends it",
        cases.len(),
        jobs.len(),
        clock(forecast)
    );
    let started = Instant::now();
    let mut outcomes: Vec<Option<Outcome>> = jobs.iter().map(|_| None).collect();
    let mut ended = 0;
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        loop {
            if stop.is_set() {
                schedule.stop();
            }
            let begun = schedule.start_next();
            if let Some(number) = begun {
                let (job, sender) = (jobs[number], sender.clone());
                scope.spawn(move || {
                    let case = &cases[job.case];
                    let outcome = run_one::run(case, job.client, program, stop);
                    // The receiver outlives every run.
                    let _ = sender.send((number, outcome.transpose()));
                });
            }
            if schedule.is_over() {
                break;
            }
            // One after the other: a first second that two dozen processes share would tell of the machine.
            let patience = if begun.is_some() { STAGGER } else { LONG };
            let (number, outcome) = match results.recv_timeout(patience) {
                Ok(ended) => ended,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            schedule.end(number);
            ended += 1;
            if let Some(outcome) = &outcome {
                let job = jobs[number];
                eprintln!(
                    "[{ended}/{}, {} of about {}] {}, {}: {}",
                    jobs.len(),
                    clock(started.elapsed()),
                    clock(forecast),
                    cases[job.case].name,
                    job.client.name(),
                    in_words(outcome)
                );
            }
            outcomes[number] = outcome;
        }
    });
    outcomes
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Ok(measured) => {
            let share = measured.shares.goodput.map_or(String::new(), |goodput| {
                format!(" ({goodput:.1} % of the best)")
            });
            format!(
                "{} done{share}, {} of {} refused",
                measured.done,
                measured.refused,
                measured.attempts()
            )
        }
        Err(error) => format!("failed: {error}"),
    }
}

fn sorted(cases: Vec<Case>, jobs: &[Job], outcomes: Vec<Option<Outcome>>) -> Vec<CaseResult> {
    let mut results: Vec<CaseResult> = cases
        .into_iter()
        .map(|case| CaseResult {
            case,
            ours: None,
            baselines: Vec::new(),
        })
        .collect();
    for (job, outcome) in jobs.iter().zip(outcomes) {
        let result = &mut results[job.case];
        match (job.client, outcome) {
            (ClientKind::Loader, outcome) => result.ours = outcome,
            (client, Some(outcome)) => result.baselines.push((client.name(), outcome)),
            (_, None) => {}
        }
    }
    results
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
