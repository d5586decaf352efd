//! How the window grows again below a cap on requests at once: a place at a
//! time.

/// One place more after this many admitted requests and this time. The first
/// bounds the refused share, the second the refusals per second.
const ACCEPTED: u32 = 45;
const LEAST_S: f64 = 0.12;
/// Where the same place was one too many so many times in a row, another try is
/// of little use: then after so many, which refuses half as much.
const CERTAIN: u32 = 5;
const ACCEPTED_CERTAIN: u32 = 90;
/// Without a refusal for this long the cap is taken as gone.
const END_S: f64 = 30.0;
/// At a cap that answers with a `Retry-After` each refusal costs a wait. So one
/// place more is tried after this time, twice as long after each refusal.
const FIRST_PROBE_S: f64 = 4.0;
const LAST_PROBE_S: f64 = 128.0;
/// The same for a cap that was known from the start.
const KNOWN_PROBE_S: f64 = 32.0;
/// After this long in peace the cap is forgotten.
const CAP_END_S: f64 = 300.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Growth {
    /// No cap is known: steps, as long as goodput climbs with them.
    Climb,
    /// Refusals without a wait showed a cap: the size at the latest, and how
    /// many before it were at the same.
    Creep { size: u32, again: u32 },
    /// Closings of the gate showed a cap: the next place is tried after this
    /// many seconds.
    Capped(f64),
}

impl Growth {
    /// Below a cap that was known from the start.
    pub(super) const KNOWN_CAP: Self = Self::Capped(KNOWN_PROBE_S);

    /// A refusal without a wait showed a cap at this size.
    pub(super) fn refused_at(self, places: u32) -> Self {
        let again = match self {
            Self::Creep { size, again } if size == places => again + 1,
            _ => 0,
        };
        Self::Creep {
            size: places,
            again,
        }
    }

    /// A closing showed a cap: the first one, or the last place was too many.
    pub(super) fn closed(self, is_first: bool) -> Self {
        match self {
            Self::Capped(probe_s) if !is_first => Self::Capped((2.0 * probe_s).min(LAST_PROBE_S)),
            _ => Self::Capped(FIRST_PROBE_S),
        }
    }

    /// Whether one place more is due: after so many admitted requests and so
    /// much time at this size.
    pub(super) fn is_due(self, accepted: u32, unchanged_s: f64) -> bool {
        match self {
            Self::Climb => false,
            Self::Creep { again, .. } => {
                let enough = if again >= CERTAIN {
                    ACCEPTED_CERTAIN
                } else {
                    ACCEPTED
                };
                accepted >= enough && unchanged_s >= LEAST_S
            }
            Self::Capped(probe_s) => unchanged_s >= probe_s,
        }
    }

    /// Whether the cap has been left in peace for so long that it may be gone.
    pub(super) fn is_over(self, unrefused_s: f64) -> bool {
        match self {
            Self::Climb => false,
            Self::Creep { .. } => unrefused_s > END_S,
            Self::Capped(_) => unrefused_s > CAP_END_S,
        }
    }
}
