//! How long a source that gives no page is waited for.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{FatalError, FatalKind};
use crate::limit::LONGEST_PAUSE;
use crate::report::duration_words;

/// How long a source that never gave any reply is waited for: a wrong host or a
/// closed port should be told in seconds. As long as for a target.
const AT_FIRST: Duration = Duration::from_secs(10);
/// How long one that has replied before is waited for. A restart of a platform
/// passes; longer hides one that won't come back.
const LATER: Duration = Duration::from_secs(15 * 60);
/// Replies in a row that are no page. A platform that has changed its form
/// won't change it back.
const BAD_PAGES_ALLOWED: u32 = 6;

/// Watches failures in a row.
#[derive(Debug, Default)]
pub(super) struct Patience {
    has_replied: bool,
    failing_since: Option<Instant>,
    failures: u32,
    bad_pages: u32,
}

impl Patience {
    /// A reply came, whatever it said.
    pub(super) fn note_reply(&mut self) {
        self.has_replied = true;
    }

    /// Whether it ever replied.
    pub(super) fn has_replied(&self) -> bool {
        self.has_replied
    }

    /// A page came, or a refusal that is a limit's.
    pub(super) fn note_success(&mut self) {
        self.failing_since = None;
        self.failures = 0;
        self.bad_pages = 0;
    }

    /// The source asked for a long pause; what the user is told of it.
    ///
    /// # Errors
    /// It is longer than a run waits.
    pub(super) fn note_pause(pause: Duration) -> Result<String, FatalError> {
        let text = duration_words(pause);
        if pause <= LONGEST_PAUSE {
            return Ok(format!(
                "the source asks for a pause of {text}: no page is asked for until it is over"
            ));
        }
        Err(FatalError::new(
            FatalKind::Tenant,
            format!("the source asks for a pause of {text}"),
        )
        .with_hint("Ask the source's support about the limit; resume the run after the pause."))
    }

    /// A request failed; how many have, in a row.
    ///
    /// # Errors
    /// It has gone on for too long.
    pub(super) fn note_failure(&mut self, now: Instant, cause: &str) -> Result<u32, FatalError> {
        self.failures += 1;
        let since = *self.failing_since.get_or_insert(now);
        let borne = match self.has_replied {
            true => LATER,
            false => AT_FIRST,
        };
        let lasted = now.duration_since(since);
        if lasted < borne {
            return Ok(self.failures);
        }
        let message = format!(
            "the source gave no page for {} s: {cause}",
            lasted.as_secs()
        );
        Err(FatalError::new(FatalKind::Tenant, message)
            .with_hint("Check the source's base URL and the network, then resume the run."))
    }

    /// A reply should have been a page and wasn't; how many, in a row.
    ///
    /// # Errors
    /// There were too many.
    pub(super) fn note_bad_page(&mut self, what: &str, endpoint: &str) -> Result<u32, FatalError> {
        self.bad_pages += 1;
        if self.bad_pages < BAD_PAGES_ALLOWED {
            return Ok(self.bad_pages);
        }
        let message = format!(
            "the source gives no page that can be read: {what} ({endpoint}, {} times in a row)",
            self.bad_pages
        );
        Err(FatalError::new(FatalKind::Tenant, message).with_hint(
            "Check the stream in the connector file, and its page size; then resume the run.",
        ))
    }
}
