//! What was sent and what came back: all that a verdict is made of.

use crate::limit::Hint;

/// How one request of a probe ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The limit let it in.
    Admitted,
    /// Over the limit.
    Refused {
        /// The wait that was asked for, in seconds.
        wait_s: Option<f64>,
    },
    /// A 503 or a closed connection: trouble, or a limit that is worded so.
    Doubtful {
        /// The wait that was asked for, in seconds.
        wait_s: Option<f64>,
    },
    /// Another 5xx or a time-out: trouble, and no word about the limit.
    Failed,
}

/// One request of a probe. Times are seconds since the probe's start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Record {
    /// When it left. The tenant decides soon after, long before it replies.
    pub(crate) sent_s: f64,
    /// When its reply was there.
    pub(crate) replied_s: f64,
    /// How it ended.
    pub(crate) answer: Answer,
}

impl Record {
    /// Whether the limit let it in.
    pub(crate) fn is_admitted(&self) -> bool {
        self.answer == Answer::Admitted
    }

    /// Whether it was over the limit.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.answer, Answer::Refused { .. })
    }

    /// Whether it was trouble, or a limit worded so.
    pub(crate) fn is_doubtful(&self) -> bool {
        matches!(self.answer, Answer::Doubtful { .. })
    }

    /// The wait that a refusal asked for.
    pub(crate) fn wait_s(&self) -> Option<f64> {
        match self.answer {
            Answer::Refused { wait_s } => wait_s,
            Answer::Admitted | Answer::Doubtful { .. } | Answer::Failed => None,
        }
    }

    /// Until when a request may leave and still arrive before this refused one:
    /// the ways there differ, but not by more than half of the way and back.
    pub(crate) fn overtaken_until_s(&self) -> f64 {
        self.sent_s + 0.5 * self.latency_s()
    }

    /// From the request to its reply.
    pub(crate) fn latency_s(&self) -> f64 {
        self.replied_s - self.sent_s
    }
}

/// In which form a tenant says how long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitForm {
    /// It doesn't.
    #[default]
    None,
    /// In the reply's text.
    Body,
    /// Whole seconds.
    Seconds,
    /// Seconds with a fraction.
    Fraction,
    /// A date.
    HttpDate,
}

/// A reply as the probe's sender sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    /// Admitted, refused or failed.
    Answered {
        /// Which of them.
        answer: Answer,
        /// The wait that was asked for, also by a failure, in seconds.
        wait_s: Option<f64>,
        /// In which form a wait was told.
        form: WaitForm,
        /// What headers tell of the limit.
        hint: Option<Hint>,
        /// The status, or what broke.
        what: String,
    },
    /// The probe can't go on.
    Impossible(crate::error::FatalError),
}

/// The requests between two moments at which the limit was used up: from the
/// last refusal of one bout to the first refusal of the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cycle {
    /// The last refusal before; `None` for the probe's start.
    pub(crate) emptied_s: Option<f64>,
    /// The first request that was let in.
    pub(crate) opened_s: f64,
    /// The first refusal after it.
    pub(crate) refused_s: f64,
    /// Requests let in between.
    pub(crate) admitted: u32,
    /// The wait that the refusals asked for, at most.
    pub(crate) told_s: Option<f64>,
}

impl Cycle {
    /// From the first request let in to the first refusal.
    pub(crate) fn open_for_s(&self) -> f64 {
        self.refused_s - self.opened_s
    }

    /// From the refusal before to the first request let in.
    pub(crate) fn closed_for_s(&self) -> Option<f64> {
        Some(self.opened_s - self.emptied_s?)
    }
}

/// Cuts records (in the order of sending) into cycles. Refusals with nothing
/// let in between belong together; what follows the last refusal is no cycle.
pub(crate) fn cycles(records: &[Record]) -> Vec<Cycle> {
    let mut cycles: Vec<Cycle> = Vec::new();
    let mut emptied_s = None;
    let mut opened_s = None;
    let mut admitted = 0;
    // Requests that left before the refusal was known belong to its bout.
    let mut bout_ends_s = f64::NEG_INFINITY;
    for record in records {
        match record.answer {
            Answer::Failed | Answer::Doubtful { .. } => {}
            Answer::Admitted if record.sent_s <= bout_ends_s => {
                if let Some(last) = cycles.last_mut() {
                    last.admitted += 1;
                }
            }
            Answer::Admitted => {
                opened_s.get_or_insert(record.sent_s);
                admitted += 1;
            }
            Answer::Refused { wait_s } if record.sent_s <= bout_ends_s => {
                if let Some(last) = cycles.last_mut() {
                    last.told_s = match (last.told_s, wait_s) {
                        (Some(one), Some(other)) => Some(one.max(other)),
                        (one, other) => one.or(other),
                    };
                }
                bout_ends_s = bout_ends_s.max(record.replied_s);
                emptied_s = Some(record.sent_s);
            }
            Answer::Refused { wait_s } => {
                if let Some(opened) = opened_s.take() {
                    bout_ends_s = record.replied_s;
                    cycles.push(Cycle {
                        emptied_s,
                        opened_s: opened,
                        refused_s: record.sent_s,
                        admitted,
                        told_s: wait_s,
                    });
                    admitted = 0;
                }
                emptied_s = Some(record.sent_s);
            }
        }
    }
    cycles
}

/// The `quantile` of latencies, from 0 to 1, in seconds; `None` without any.
pub(crate) fn latency_quantile(records: &[Record], quantile: f64) -> Option<f64> {
    let mut latencies: Vec<f64> = records
        .iter()
        .filter(|record| record.is_admitted())
        .map(Record::latency_s)
        .collect();
    latencies.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index below the length"
    )]
    let index = (quantile * latencies.len().saturating_sub(1) as f64).round() as usize;
    latencies.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sent_s: f64, answer: Answer) -> Record {
        Record {
            sent_s,
            replied_s: sent_s + 0.1,
            answer,
        }
    }

    #[test]
    fn refusals_in_a_row_end_one_cycle() {
        let refused = |wait_s| Answer::Refused {
            wait_s: Some(wait_s),
        };
        let records = [
            record(0.0, Answer::Admitted),
            record(1.0, Answer::Admitted),
            record(2.0, refused(3.0)),
            record(2.05, refused(4.0)),
            record(2.06, Answer::Admitted),
            record(6.0, refused(1.0)),
            record(7.0, Answer::Admitted),
            record(9.0, refused(2.0)),
        ];
        let found = cycles(&records);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].admitted, found[0].told_s), (3, Some(4.0)));
        assert_eq!(found[1].emptied_s, Some(6.0));
        assert_eq!(found[1].closed_for_s(), Some(1.0));
        assert_eq!((found[1].admitted, found[1].open_for_s()), (1, 2.0));
        assert_eq!(
            latency_quantile(&records, 0.5).map(|s| (s * 10.0).round()),
            Some(1.0)
        );
        assert_eq!(latency_quantile(&[], 0.5), None);
    }
}
