//! A limit so low that nearly everything is refused with `503`.
//!
//! At a few requests a second, openings of the gate are led by one admitted
//! request or none, so they never look like a limit's. But something gets
//! through all the time, however much is refused. Who asks so much more often
//! than is answered should slow down whatever the reason is; and slower shows
//! the reason, since at a limit hardly anything is refused then.

/// Answers that are judged together, and so many such blocks in a row count.
const BLOCK: u32 = 12;
const BLOCKS: u32 = 2;
/// A block trickles where more than this share of it failed, and so many were
/// admitted all the same: in an outage none is.
const REFUSED_SHARE: f64 = 0.7;
const LEAST_ADMITTED: u32 = 1;
/// A server that recovers lets a few through as well, but not for so long.
const LEAST_S: f64 = 3.0;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trickle {
    admitted: u32,
    refused: u32,
    blocks: u32,
    since_s: f64,
}

impl Trickle {
    /// A request was admitted, or refused with a `503`.
    pub(super) fn note(&mut self, now_s: f64, is_refused: bool) {
        if self.blocks == 0 && self.admitted + self.refused == 0 {
            self.since_s = now_s;
        }
        match is_refused {
            true => self.refused += 1,
            false => self.admitted += 1,
        }
        if self.admitted + self.refused < BLOCK {
            return;
        }
        let trickles = f64::from(self.refused) > REFUSED_SHARE * f64::from(BLOCK)
            && self.admitted >= LEAST_ADMITTED;
        *self = Self {
            blocks: if trickles { self.blocks + 1 } else { 0 },
            since_s: self.since_s,
            ..Self::default()
        };
    }

    /// Whether hardly anything has got through for long, but always something.
    pub(super) fn is_shown(&self, now_s: f64) -> bool {
        self.blocks >= BLOCKS && now_s - self.since_s >= LEAST_S
    }
}
