//! What broken connections cost the window: places, and time until it may grow
//! again.

/// Where more connections broke than before, the size is held this long, at
/// first and at most; each try that breaks some again doubles it.
const HOLD_S: f64 = 10.0;
const LONGEST_HOLD_S: f64 = 600.0;
/// Breaks this long after a hold are another story.
const SOON_S: f64 = 10.0;
/// In one try at most this share of the window is lost to broken connections:
/// where they break by chance, losing more of it wouldn't help.
const MOST_LOST: f64 = 0.75;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connections {
    /// The size at which they began to break.
    from: f64,
    hold_s: f64,
    pub(super) hold_until_s: f64,
}

impl Connections {
    /// One broke while the window had this size. Whether it costs a place.
    pub(super) fn note_broken(&mut self, now_s: f64, size: f64) -> bool {
        if now_s >= self.hold_until_s {
            let calm_s = now_s - self.hold_until_s;
            let again = self.hold_s > 0.0 && calm_s < self.hold_s + SOON_S;
            self.hold_s = if again {
                (2.0 * self.hold_s).min(LONGEST_HOLD_S)
            } else {
                HOLD_S
            };
            self.from = size;
            self.hold_until_s = now_s + self.hold_s;
        }
        size - 1.0 >= (1.0 - MOST_LOST) * self.from
    }
}
