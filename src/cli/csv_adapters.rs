//! CSV in the words of the modules that know nothing of it: a counter for the
//! actors, a format for the store's reject files.

use crate::actors::{Counted, InputCounter};
use crate::record::Outcome;
use crate::source::SourceError;
use crate::source::csv::{CsvCounter, RejectLayout, write_header, write_reject_row};
use crate::store::BookFormat;

/// A counter of a CSV input.
pub(super) struct CountedCsv {
    pub(super) counter: CsvCounter,
    /// Whether the end of what is counted is the end of the user's input.
    pub(super) has_whole_input: Box<dyn Fn() -> bool + Send>,
}

impl InputCounter for CountedCsv {
    fn advance(&mut self, bytes: u64) -> Result<Counted, SourceError> {
        self.counter.step(bytes)?;
        let mut digest = self.counter.digest();
        let is_at_end = digest.complete;
        digest.complete = is_at_end && (self.has_whole_input)();
        Ok(Counted { digest, is_at_end })
    }
}

/// How rows stand in the reject files.
pub(super) struct RejectFormat {
    pub(super) layout: RejectLayout,
}

impl BookFormat for RejectFormat {
    fn header(&self) -> Vec<u8> {
        let mut line = Vec::new();
        write_header(&mut line, &self.layout);
        line
    }

    fn append(&self, out: &mut Vec<u8>, outcome: &Outcome) {
        let nothing = Default::default();
        let refusal = outcome.refusal.as_deref().unwrap_or(&nothing);
        let line = outcome.position.line.to_string();
        let status = refusal
            .status
            .map_or_else(String::new, |status| status.to_string());
        let attempts = refusal.attempts.to_string();
        write_reject_row(
            out,
            &outcome.raw,
            &self.layout,
            &[
                &line,
                &refusal.error,
                &refusal.field,
                &refusal.message,
                &status,
                &attempts,
                &refusal.request_id,
            ],
        );
    }
}
