//! The event log: with `-v` every decision of the limiter and every token;
//! without it only what a user must not miss. As text or as one JSON object a
//! line, on stderr.

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::record::{Decision, RunEvent};
use crate::report::decision_words;

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

    fn write(&self, event: &str, text: &str) {
        self.write_with(event, text, "", Map::new());
    }

    /// Writes a line; as JSON with these fields, as text with what is before
    /// the text.
    fn write_with(&self, event: &str, text: &str, before: &str, fields: Map<String, Value>) {
        let line = match self.format {
            LogFormat::Text => format!("sluice: {before}{text}"),
            LogFormat::Json => {
                let mut line = Map::new();
                line.insert("at".to_owned(), json!(jiff::Timestamp::now().to_string()));
                line.insert("event".to_owned(), json!(event));
                line.insert("message".to_owned(), json!(text));
                line.extend(fields);
                Value::Object(line).to_string()
            }
        };
        (self.print)(&line);
    }

    fn write_decision(&self, since_start_s: f64, endpoint: &str, decision: &Decision) {
        let mut fields = match serde_json::to_value(decision) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        fields.insert("endpoint".to_owned(), json!(endpoint));
        fields.insert("since_start_s".to_owned(), json!(since_start_s));
        let whose = match endpoint {
            "*" => "whole client: ".to_owned(),
            endpoint => format!("{endpoint}: "),
        };
        self.write_with("limiter", &decision_words(decision), &whose, fields);
    }
}

impl Consumer for EventLog {
    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { headline, .. } => self.write("started", headline),
            RunEvent::Notice(text) => self.write("notice", text),
            RunEvent::Draining { reason } => {
                // A failure is told once, at the end, with what to do about it.
                let text = match reason {
                    Some(reason) => {
                        format!("{reason}: finishing what is under way; Ctrl-C again stops at once")
                    }
                    None => "stopping: finishing what is under way".to_owned(),
                };
                self.write("draining", &text);
            }
            RunEvent::TokenMinted {
                generation,
                lifetime,
            } if self.verbose => {
                let life = lifetime.map_or_else(
                    || "no lifetime told".to_owned(),
                    |life| format!("valid for {} s", life.as_secs()),
                );
                self.write("token", &format!("token {generation} minted, {life}"));
            }
            RunEvent::Limiter {
                at,
                endpoint,
                decision,
            } if self.verbose => self.write_decision(at.as_secs_f64(), endpoint, decision),
            RunEvent::TokenMinted { .. }
            | RunEvent::Limiter { .. }
            | RunEvent::Progress(_)
            | RunEvent::Ended => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    fn lines_of(format: LogFormat, verbose: bool) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let print = Box::new(move |line: &str| {
            kept.lock().expect("not poisoned").push(line.to_owned());
        });
        let mut log = EventLog::new(format, verbose, print);
        for endpoint in ["update", "*"] {
            log.take(&RunEvent::Limiter {
                at: Duration::from_millis(5_250),
                endpoint: endpoint.into(),
                decision: Decision::GateClosed {
                    reason: "too many requests".to_owned(),
                    for_s: 54.5,
                    server_said_s: Some(54.0),
                },
            });
        }
        drop(log);
        Arc::into_inner(lines)
            .expect("the log is gone")
            .into_inner()
            .expect("not poisoned")
    }

    #[test]
    fn a_decision_is_one_line_with_v_and_none_without() {
        assert!(lines_of(LogFormat::Text, false).is_empty());
        let expected = "gate closed for 54.5 s: too many requests (the tenant asked for 54.0 s)";
        let lines = lines_of(LogFormat::Text, true);
        assert_eq!(lines[0], format!("sluice: update: {expected}"));
        assert_eq!(lines[1], format!("sluice: whole client: {expected}"));
    }

    #[test]
    fn as_json_a_decision_has_its_values_as_fields() {
        let lines = lines_of(LogFormat::Json, true);
        let line: Value = serde_json::from_str(&lines[0]).expect("JSON");
        assert_eq!(line["event"], "limiter");
        assert_eq!(line["endpoint"], "update");
        assert_eq!(line["kind"], "gate_closed");
        assert_eq!(line["reason"], "too many requests");
        assert_eq!(line["for_s"], 54.5);
        assert_eq!(line["server_said_s"], 54.0);
        assert_eq!(line["since_start_s"], 5.25);
        assert!(line["at"].is_string() && line["message"].is_string());
    }
}
