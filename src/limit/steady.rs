//! Noticing early that a limit was raised, where nobody else uses it.
//!
//! A client that is alone behind a window is refused at the end of the first
//! or the second one, and what it measures hardly differs from cycle to cycle.
//! If then an opening lasts longer than all those before, the limit was raised:
//! there is no need to wait until a slow probe has grown far enough to tell.
//! Among others the same is chance, so measures that vary say nothing.

/// Measures that differ by less than this share, so many times in a row, come
/// from a limit that nobody else uses. With fewer, four clients of one window
/// were taken for one now and then; with more, an hour is over before it shows.
const SAME: f64 = 0.01;
const SAME_IN_A_ROW: u32 = 7;
/// How much of the longest opening stays from one to the next.
const FADE: f64 = 0.97;
/// An opening within this many earnings of the burst is nothing unusual…
const USUAL_EARNINGS: f64 = 2.0;
/// …and a longer one is if it goes on for this many times the longest.
const UNUSUAL: f64 = 1.05;

/// Where the latest two measures differ, a pace may have grown unrefused because
/// others were refused instead: then an opening must last so many times the
/// longest before. Less, and now and then a client takes others' share for a
/// raised limit; more finds a raised one late among others.
const UNUSUAL_AMONG_OTHERS: f64 = 2.0;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steadiness {
    same_in_a_row: u32,
    longest_open_s: f64,
}

impl Steadiness {
    /// A cycle was measured, and differs from the one before by this share.
    pub(super) fn note_measure(&mut self, change: f64) {
        self.same_in_a_row = if change < SAME {
            self.same_in_a_row.saturating_add(1)
        } else {
            0
        };
    }

    /// An opening of the gate has ended.
    pub(super) fn note_opening(&mut self, open_s: f64) {
        self.longest_open_s = (FADE * self.longest_open_s).max(open_s);
    }

    /// The limit has changed.
    pub(super) fn begin_anew(&mut self) {
        self.same_in_a_row = 0;
    }

    /// Whether an opening of such a length is unusual for this limit, which
    /// earns its burst in so many seconds.
    pub(super) fn is_unusual(&self, open_s: f64, earning_s: f64) -> bool {
        let usual_s = self.longest_open_s.max(USUAL_EARNINGS * earning_s);
        self.same_in_a_row >= SAME_IN_A_ROW && open_s > UNUSUAL * usual_s
    }

    /// Whether a pace that grew unrefused over such an opening says that the
    /// limit was raised.
    pub(super) fn tells_of_a_raise(&self, open_s: f64) -> bool {
        self.same_in_a_row > 0 || open_s > UNUSUAL_AMONG_OTHERS * self.longest_open_s
    }
}
