//! What a probe says while it runs: one line that is drawn over on a terminal,
//! a line a step elsewhere.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;

use crate::probe::{OnProgress, Standing};
use crate::report::{counted, duration_words};

use super::super::arguments::ShowingFlags;

/// How often the line of a terminal is drawn.
const REDRAW_MS: u128 = 200;

/// Says where a probe stands.
pub(super) struct Progress {
    state: Rc<RefCell<State>>,
}

struct State {
    shows: bool,
    redraws: bool,
    drawn: bool,
    step: String,
    drawn_at_ms: u128,
}

impl Progress {
    pub(super) fn new(showing: &ShowingFlags) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            state: Rc::new(RefCell::new(State {
                shows: !showing.quiet && !showing.no_progress,
                redraws: io::stderr().is_terminal() && !is_dumb,
                drawn: false,
                step: String::new(),
                drawn_at_ms: 0,
            })),
        }
    }

    /// What the probe calls.
    pub(super) fn callback(&self) -> OnProgress {
        let state = Rc::clone(&self.state);
        Box::new(move |step, standing| state.borrow_mut().tell(step, standing))
    }

    /// Leaves the last line standing.
    pub(super) fn finish(&self) {
        let state = self.state.borrow();
        if state.drawn {
            let _ = writeln!(io::stderr());
        }
    }
}

impl State {
    fn tell(&mut self, step: &str, standing: Standing) {
        if !self.shows {
            return;
        }
        let is_new = self.step != step;
        let elapsed_ms = standing.elapsed.as_millis();
        let is_due = elapsed_ms >= self.drawn_at_ms + REDRAW_MS;
        if !is_new && (!self.redraws || !is_due) {
            return;
        }
        step.clone_into(&mut self.step);
        self.drawn_at_ms = elapsed_ms;
        let mut line = format!(
            "{step}; so far {}, {} refused, {}",
            counted(standing.requests, "request"),
            standing.throttled,
            duration_words(standing.elapsed),
        );
        if let Some(wait) = standing.waits_for {
            line.push_str(&format!("; waits for {}", duration_words(wait)));
        }
        let mut stderr = io::stderr().lock();
        if self.redraws {
            // To the line's start, and clear what stands there.
            let _ = write!(stderr, "\r\x1b[2K{line}");
            let _ = stderr.flush();
            self.drawn = true;
        } else {
            let _ = writeln!(stderr, "{line}");
        }
    }
}
