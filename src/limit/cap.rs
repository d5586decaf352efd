//! Telling a cap on requests in flight from a quota, where both answer with a
//! short `Retry-After`.
//!
//! A pace learnt from a cap is far too slow: the wait it named had nothing to
//! do with what it admits. The replies tell the two apart. At a cap, requests
//! sent *after* the first refused one still get through, because places come
//! free all the time; at a quota they are refused to the last. So the replies
//! that come in while the gate is closed are counted, and on reopening a
//! likely cap only makes the window smaller. A second closing soon after
//! refutes it: then it was a quota, and the pace is learnt as always.

/// Hardly anybody caps requests at once below this, and a window so small binds
/// wherever replies are quick: only replies can speak for such a cap.
pub(super) const LEAST_CAP: f64 = 4.0;
/// Longer waits name a window's end, which a cap hasn't.
const LONGEST_WAIT_S: f64 = 2.0;
/// Places kept after the first refusal. In a round trip with a noisy network
/// part, refusals begin at about 1.2 times the cap.
const KEPT_AT_FIRST: f64 = 0.8;
/// A closing sooner than this after reopening casts doubt on the cap.
const SOON_S: f64 = 5.0;
/// So does a refusal with less than this share of it in flight.
const SAME_CAP: f64 = 0.85;
/// The first size supposed may have been too large, so one doubt is allowed;
/// after the next the cap is refuted.
const MOST_DOUBTS: u32 = 1;
/// Two openings that admitted the same number, give or take this share or one
/// request, met a quota: at a cap it is chance when the first is refused.
const SAME_NUMBER: f64 = 0.05;
/// A step of the window sends several requests at once, and a cap refuses most
/// of them. That a quota is used up just after a step is chance, so there so
/// many more may be refused than admitted afterwards.
const REFUSED_AFTER_A_STEP: u32 = 3;
/// So long no cap is supposed again.
const REFUTED_FOR_S: f64 = 600.0;

/// What is known when the gate closes on a refusal while the window binds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspicion {
    pub(super) first_refused_sent_s: f64,
    /// Whether the window was full. If not, only the replies can speak for a cap.
    pub(super) window_binds: bool,
    /// Whether a window that had held its size has just grown.
    pub(super) just_stepped: bool,
    /// Requests still unanswered.
    pub(super) in_flight: u32,
    /// Replies to requests sent after the first refused one.
    pub(super) later_accepted: u32,
    pub(super) later_refused: u32,
    pub(super) wait_s: f64,
    /// How long the gate had been open.
    pub(super) open_s: f64,
    /// Requests admitted since the last pace was learnt.
    pub(super) accepted: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Quota,
    Cap { cap: f64, target: f64 },
}

#[derive(Clone, Debug, Default)]
pub(super) struct CapWatch {
    suspicion: Option<Suspicion>,
    cap: Option<f64>,
    /// Closings in a row that came too soon, or too low, for the cap supposed.
    doubts: u32,
    /// Requests admitted up to the latest closing, and since the one before.
    accepted: f64,
    admitted_at_last: f64,
    refuted_until_s: f64,
}

impl CapWatch {
    pub(super) fn cap(&self) -> Option<f64> {
        self.cap
    }

    /// The gate closes on a refusal while the window binds.
    pub(super) fn suspect(&mut self, now_s: f64, suspicion: Suspicion) {
        let far_below = |cap: f64| f64::from(suspicion.in_flight) < SAME_CAP * cap;
        let doubtful = self
            .cap
            .is_some_and(|cap| suspicion.open_s < SOON_S || far_below(cap));
        self.doubts = if doubtful { self.doubts + 1 } else { 0 };
        let same_number = self.admits_the_same(suspicion.accepted);
        if self.doubts > MOST_DOUBTS || (doubtful && same_number) {
            self.cap = None;
            self.doubts = 0;
            self.refuted_until_s = now_s + REFUTED_FOR_S;
        }
        if suspicion.wait_s <= LONGEST_WAIT_S && now_s >= self.refuted_until_s {
            self.suspicion = Some(suspicion);
        }
    }

    /// Whether this opening admitted as many requests as the one before.
    fn admits_the_same(&mut self, accepted: f64) -> bool {
        let since_before = accepted - std::mem::replace(&mut self.accepted, accepted);
        let admitted = if since_before > 0.0 {
            since_before
        } else {
            accepted // a pace was learnt in between: the count began anew
        };
        let before = std::mem::replace(&mut self.admitted_at_last, admitted);
        (admitted - before).abs() <= (SAME_NUMBER * admitted).max(1.0)
    }

    /// A reply while the gate is closed.
    pub(super) fn on_reply(&mut self, sent_at_s: f64, accepted: bool) {
        if let Some(suspicion) = &mut self.suspicion
            && sent_at_s >= suspicion.first_refused_sent_s
        {
            if accepted {
                suspicion.later_accepted += 1;
            } else {
                suspicion.later_refused += 1;
            }
        }
    }

    /// The server asked for a longer wait after all.
    pub(super) fn note_wait(&mut self, wait_s: f64) {
        if wait_s > LONGEST_WAIT_S {
            self.suspicion = None;
        }
    }

    /// The gate reopens: what was it?
    pub(super) fn judge(&mut self) -> Verdict {
        let Some(suspicion) = self.suspicion.take() else {
            self.cap = None;
            return Verdict::Quota;
        };
        let tolerated = if suspicion.just_stepped {
            REFUSED_AFTER_A_STEP
        } else {
            1
        };
        let mixed = tolerated * suspicion.later_accepted >= suspicion.later_refused;
        let spoken_against = suspicion.later_refused >= 2 && !mixed;
        let spoken_for = suspicion.later_accepted > 0 && mixed;
        let seen = f64::from(suspicion.in_flight);
        let is_likely = spoken_for || (suspicion.window_binds && seen >= LEAST_CAP);
        if spoken_against || !is_likely {
            self.cap = None;
            return Verdict::Quota;
        }
        let cap = self.cap.map_or(seen, |cap| cap.min(seen));
        self.cap = Some(cap);
        Verdict::Cap {
            cap,
            target: (KEPT_AT_FIRST * cap).max(1.0),
        }
    }
}
