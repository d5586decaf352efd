//! What `sluice retry` could do for a run that has ended, told at its end.

use crate::report::thousands;
use crate::store::Checkpoint;

/// Which rows it could help, where there are any.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryHints {
    /// Rejected ones.
    pub(super) rejected: bool,
    /// Unknown ones: the connector has a way to settle them.
    pub(super) unknown: bool,
}

impl RetryHints {
    /// The hints for a finished run, called `run` on a command line.
    pub(super) fn words(self, run: &str, checkpoint: &Checkpoint) -> Vec<String> {
        let mut words = Vec::new();
        let later = checkpoint.may_pass_later;
        if self.rejected && later > 0 {
            words.push(format!(
                "sluice: {} of the rejected rows may get through another time; \
                 to send what stands in rejected.csv again: sluice retry {run}",
                thousands(later)
            ));
        }
        if self.unknown && checkpoint.counts.unknown > 0 {
            words.push(format!(
                "sluice: to settle the rows whose fate isn't known: sluice retry --unknown {run}"
            ));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(rejected: bool, unknown: bool, later: u64, lost: u64) -> String {
        let mut checkpoint = Checkpoint {
            may_pass_later: later,
            ..Checkpoint::default()
        };
        (checkpoint.counts.rejected, checkpoint.counts.unknown) = (9, lost);
        RetryHints { rejected, unknown }
            .words("runs/r1", &checkpoint)
            .join("\n")
    }

    #[test]
    fn a_retry_is_named_only_where_it_could_help() {
        assert_eq!(hints(true, true, 0, 0), "");
        assert_eq!(hints(false, false, 3, 3), "");
        assert_eq!(hints(true, false, 0, 3), "");
        let both = hints(true, true, 2, 3);
        assert!(both.contains(": sluice retry runs/r1\n"), "{both}");
        assert!(both.ends_with(": sluice retry --unknown runs/r1"), "{both}");
        assert!(both.contains("sluice: 2 of the rejected"), "{both}");
    }
}
