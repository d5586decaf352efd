//! The event log: with `-v` every decision of the limiter and every token;
//! without it only what a user must not miss. As text or as one JSON object a
//! line, on stderr.

use std::io::Write;

use serde_json::json;

use crate::record::RunEvent;

use super::Consumer;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Writes events as log lines.
pub struct EventLog {
    format: LogFormat,
    verbose: bool,
    print: Box<dyn Fn(&str) + Send>,
}

impl EventLog {
    /// A log that prints with `print` (so that lines and a progress display
    /// don't run into each other).
    #[must_use]
    pub fn new(format: LogFormat, verbose: bool, print: Box<dyn Fn(&str) + Send>) -> Self {
        Self {
            format,
            verbose,
            print,
        }
    }

    /// Prints lines to stderr.
    #[must_use]
    pub fn to_stderr() -> Box<dyn Fn(&str) + Send> {
        Box::new(|line| {
            // A closed stderr is no reason to stop a load.
            let _ = writeln!(std::io::stderr(), "{line}");
        })
    }

    fn write(&self, event: &str, text: &str, endpoint: Option<&str>) {
        let line = match self.format {
            LogFormat::Text => match endpoint {
                Some(endpoint) => format!("sluice: {endpoint}: {text}"),
                None => format!("sluice: {text}"),
            },
            LogFormat::Json => {
                let at = jiff::Timestamp::now().to_string();
                match endpoint {
                    Some(endpoint) => json!({
                        "at": at, "event": event, "endpoint": endpoint, "message": text
                    }),
                    None => json!({"at": at, "event": event, "message": text}),
                }
                .to_string()
            }
        };
        (self.print)(&line);
    }
}

impl Consumer for EventLog {
    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { headline, .. } => self.write("started", headline, None),
            RunEvent::Notice(text) => self.write("notice", text, None),
            RunEvent::Draining { reason } => {
                // A failure is told once, at the end, with what to do about it.
                let text = match reason {
                    Some(reason) => {
                        format!("{reason}: finishing what is under way; Ctrl-C again stops at once")
                    }
                    None => "stopping: finishing what is under way".to_owned(),
                };
                self.write("draining", &text, None);
            }
            RunEvent::TokenMinted {
                generation,
                lifetime,
            } if self.verbose => {
                let life = lifetime.map_or_else(
                    || "no lifetime told".to_owned(),
                    |life| format!("valid for {} s", life.as_secs()),
                );
                self.write("token", &format!("token {generation} minted, {life}"), None);
            }
            RunEvent::Limiter { endpoint, text, .. } if self.verbose => {
                self.write("limiter", text, Some(endpoint));
            }
            RunEvent::TokenMinted { .. }
            | RunEvent::Limiter { .. }
            | RunEvent::Progress(_)
            | RunEvent::Ended => {}
        }
    }
}
