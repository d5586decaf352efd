//! What a load that follows its source says between its rounds.

use std::time::Duration;

use crate::cli::arguments::ShowingFlags;
use crate::cli::print;
use crate::report::duration_words;

/// Says it, each thing once where it stays so.
pub(super) struct Words {
    is_silent: bool,
    every: String,
    was_quiet: bool,
}

impl Words {
    /// Words about rounds that come so long after each other.
    pub(super) fn new(showing: &ShowingFlags, every: Duration) -> Self {
        Self {
            is_silent: showing.quiet,
            every: duration_words(every),
            was_quiet: false,
        }
    }

    /// A round failed.
    pub(super) fn failed(&mut self) {
        self.was_quiet = false;
        self.say(&format!("the round is tried again in {}", self.every));
    }

    /// A round has ended, or the load where there is no round yet. A night
    /// without a change is told with one line.
    pub(super) fn ended(&mut self, round: Option<u64>, is_quiet: bool) {
        let every = &self.every;
        match round {
            None => self.say(&format!(
                "what changes at the source is loaded from now on, every {every}; Ctrl-C ends it"
            )),
            Some(round) if is_quiet && !self.was_quiet => self.say(&format!(
                "round {round}: nothing has changed; the next round that loads something is told"
            )),
            Some(_) => {}
        }
        self.was_quiet = is_quiet;
    }

    fn say(&self, words: &str) {
        if !self.is_silent {
            print::remark(&format!("sluice: {words}"));
        }
    }
}
