//! One trial: a pattern of requests, and what it brought.

/// One trial: when requests are sent, and how long at most. It ends with the
/// first refusal, or what may be one, in any case.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) shape: Shape,
    /// Requests at most.
    pub(crate) most: u64,
    /// Time at most.
    pub(crate) longest_s: f64,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// As soon as another one is answered, so many at once.
    AtOnce(u32),
    /// Evenly, so many a second.
    Evenly(f64),
    /// So many as soon as possible at each of these times of the trial.
    Salvos([(u32, f64); 3]),
}

impl Shape {
    /// When the request of that number is due, in seconds of the trial.
    pub(super) fn due_s(self, number: u64) -> f64 {
        match self {
            Self::AtOnce(_) => 0.0,
            // The request that found the limit open was the first one.
            Self::Evenly(rate_per_s) => (number + 1) as f64 / rate_per_s,
            Self::Salvos(salvos) => {
                let mut before = 0;
                let due = salvos.iter().find(|(count, _)| {
                    before += u64::from(*count);
                    number < before
                });
                due.map_or(0.0, |(_, at_s)| *at_s)
            }
        }
    }
}

/// What a trial brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bout {
    /// The number of its first record.
    pub(crate) first: usize,
    pub(crate) admitted: u32,
    pub(crate) was_refused: bool,
    /// Whether something failed that may have been a limit's refusal.
    pub(crate) was_doubted: bool,
    /// Whether a failure asked for a wait, so that it ended before its time.
    pub(crate) was_cut: bool,
}

/// What a trial of two in turn brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BoutInTurn {
    pub(crate) usual_refused: u32,
    pub(crate) others_refused: u32,
    /// Requests a second that were sent.
    pub(crate) paced_per_s: f64,
}
