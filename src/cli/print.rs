//! How the program speaks: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::json;

use crate::error::FatalError;
use crate::telemetry::{
    Consumer, EventLog, EventSender, LogFormat, PlainLines, ProgressDisplay, Telemetry,
};

use super::arguments::{ColorChoice, LogForm, OutputForm, ShowingFlags};

/// The form of lines on stderr, for what is said outside of a run's telemetry.
static LOG_FORM: OnceLock<LogForm> = OnceLock::new();

/// Speaks in this form from now on.
pub(super) fn speak_in(form: LogForm) {
    // The first word counts: there is one command line.
    let _ = LOG_FORM.set(form);
}

fn speaks_json() -> bool {
    LOG_FORM.get() == Some(&LogForm::Json)
}

/// Prints a failure, and what to do about it.
pub(super) fn failure(error: &FatalError) {
    let mut stderr = io::stderr().lock();
    if speaks_json() {
        let line = json!({
            "at": jiff::Timestamp::now().to_string(),
            "event": "failure",
            "message": error.to_string(),
            "hint": error.hint,
        });
        let _ = writeln!(stderr, "{line}");
        return;
    }
    let _ = writeln!(stderr, "sluice: {error}");
    if !error.hint.is_empty() {
        let _ = writeln!(stderr, "        {}", error.hint);
    }
}

/// Prints a result to stdout. That nobody reads it any more (a closed pipe) is
/// no error.
pub(super) fn result(text: &str) -> Result<(), FatalError> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(FatalError::writing("standard output", &cause))
        }
        _ => Ok(()),
    }
}

/// Prints a result in the form that the user asked for.
pub(super) fn report(
    form: OutputForm,
    data: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), FatalError> {
    let line = |json: serde_json::Result<String>| json.expect("a result is plain data") + "\n";
    result(&match form {
        OutputForm::Json => line(serde_json::to_string_pretty(data)),
        OutputForm::Ndjson => line(serde_json::to_string(data)),
        OutputForm::Text => text(),
    })
}

/// Prints a remark to stderr.
pub(super) fn remark(text: &str) {
    if speaks_json() {
        let line = json!({
            "at": jiff::Timestamp::now().to_string(),
            "event": "remark",
            "message": text.strip_prefix("sluice: ").unwrap_or(text),
        });
        let _ = writeln!(io::stderr(), "{line}");
        return;
    }
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether stderr can show a display that is drawn over.
fn is_capable_terminal() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stderr().is_terminal() && !is_dumb
}

fn with_color(choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && is_capable_terminal()
        }
    }
}

/// Starts telling what a run does, in the way the flags ask for. Those in
/// `also` take every event too.
pub(super) fn start_telemetry(
    showing: &ShowingFlags,
    also: Vec<Box<dyn Consumer>>,
) -> (EventSender, Telemetry) {
    let mut consumers = also;
    if showing.quiet {
        return Telemetry::start(consumers);
    }
    let format = match showing.log_format {
        LogForm::Text => LogFormat::Text,
        LogForm::Json => LogFormat::Json,
    };
    let shows_progress = !showing.no_progress;
    // Several parts can't draw over one another.
    let is_drawn = format == LogFormat::Text && is_capable_terminal() && showing.part.is_none();
    let to_stderr = || of_part(showing.part.clone(), format, EventLog::to_stderr());
    let printer = if shows_progress && is_drawn {
        let display = ProgressDisplay::new(with_color(showing.color));
        let printer = display.printer();
        consumers.push(Box::new(display));
        printer
    } else {
        if shows_progress {
            let lines = PlainLines::new(format, to_stderr());
            consumers.push(Box::new(lines));
        }
        to_stderr()
    };
    consumers.push(Box::new(EventLog::new(format, showing.verbose, printer)));
    Telemetry::start(consumers)
}

/// A printer of lines that say which part of a run they are about.
fn of_part(
    part: Option<String>,
    format: LogFormat,
    print: Box<dyn Fn(&str) + Send>,
) -> Box<dyn Fn(&str) + Send> {
    let Some(part) = part else { return print };
    Box::new(move |line| match format {
        LogFormat::Text => {
            let text = line.strip_prefix("sluice: ").unwrap_or(line);
            print(&format!("sluice: {part}: {text}"));
        }
        LogFormat::Json => {
            // A part's name needs no escapes.
            let members = line.strip_prefix('{').unwrap_or(line);
            print(&format!("{{\"part\":\"{part}\",{members}"));
        }
    })
}
