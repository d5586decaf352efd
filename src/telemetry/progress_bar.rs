//! The progress display on a terminal: a bar that fills, and one line that
//! says where the run stands.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::record::RunEvent;
use crate::report::{progress_line, thousands};

use super::Consumer;

/// The display. Lines that are printed meanwhile go above it.
pub struct ProgressDisplay {
    bar: ProgressBar,
}

impl ProgressDisplay {
    /// A display on stderr.
    #[must_use]
    pub fn new(with_color: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(5));
        let template = if with_color {
            "{bar:40.cyan/blue} {prefix}\n{msg}"
        } else {
            "{bar:40} {prefix}\n{msg}"
        };
        let style = ProgressStyle::with_template(template)
            .expect("the template is valid")
            .progress_chars("━━╌");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar }
    }

    /// A printer whose lines go above the display.
    #[must_use]
    pub fn printer(&self) -> Box<dyn Fn(&str) + Send> {
        let bar = self.bar.clone();
        Box::new(move |line| bar.suspend(|| eprintln!("{line}")))
    }
}

impl Consumer for ProgressDisplay {
    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Progress(snapshot) => {
                let ended = snapshot.counts.ended();
                self.bar.set_length(snapshot.rows_read.max(1));
                self.bar.set_position(ended);
                self.bar.set_prefix(if snapshot.rows_read_final {
                    format!(
                        "{} of {} rows",
                        thousands(ended),
                        thousands(snapshot.rows_read)
                    )
                } else {
                    format!("{} rows, counting", thousands(ended))
                });
                self.bar.set_message(progress_line(snapshot));
            }
            RunEvent::Ended => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}
