//! The window: how many requests may be in flight.
//!
//! Slow start finds the size by doubling; then it climbs in steps while
//! goodput climbs with it, and goes back where it doesn't (a latency knee).
//! A cap on requests at once shows as refusals amid successes. There the
//! window gives up one place per refusal and creeps up again: at a cap, one
//! place too many is refused again and again within a round trip, so waiting
//! for the end of a step would refuse thousands.

use super::cap::LEAST_CAP;
use super::connections::Connections;
use super::creep::Growth;
use super::settings::Concurrency;
use super::step::Step;

/// First size: a token endpoint or a small tenant must survive the start.
const FIRST: f64 = 4.0;
/// Slow start ends here: past it, doubling overshoots by more than a step.
const SLOW_START_END: f64 = 32.0;
/// Growth per good step (before and after a limit was met).
const GROWTH: f64 = 0.2;
const SETTLED_GROWTH: f64 = 0.05;
/// A step was worth its places if goodput grew by this much of what the window
/// did. More stops below a knee for a minute now and then, less climbs past it.
const GAIN: f64 = 0.4;
/// The size is held this long after a bad step, or one without gain.
const HOLD_BAD_S: f64 = 10.0;
const HOLD_NO_GAIN_S: f64 = 30.0;
const HOLD_DOUBT_S: f64 = 1.0;
/// A window has just grown for this many windows' worth of admitted requests.
const JUST_GROWN_WINDOWS: f64 = 2.0;
/// The same for a step, which a cap refuses within a round trip.
const JUST_STEPPED_WINDOWS: f64 = 1.0;

/// What the end of a step asks of others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum StepEnd {
    Nothing,
    /// This share was refused while the pace held requests back.
    PaceTooFast(f64),
    /// The window was cut from this size.
    Cut(f64),
    /// So few at once are no cap: it was a rate, of about this many a second.
    RateMet(f64),
}

/// What a request that is admitted touches comes first.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Window {
    size: f64,
    round_trip_s: f64,
    step: Step,
    slow_start_end: Option<f64>,
    /// The size to go back to if these refusals turn out to be no cap's.
    size_before_refusals: Option<f64>,
    accepted_since_change: u32,
    fixed: bool,
    settled: bool,
    closed_in_slow_start: bool,
    window_bound_before: bool,
    pace_bound_before: bool,
    connections: Connections,
    growth: Growth,
    changed_at_s: f64,
    refused_at_s: f64,
    most: f64,
    /// Size and goodput before the last growth.
    before_growth: Option<(f64, f64)>,
    steps_without_gain: u32,
    /// Steps since the size has changed, and the sum of their goodputs.
    unchanged_steps: u32,
    goodputs_per_s: f64,
    hold_until_s: f64,
    /// Of the latest step.
    goodput_per_s: f64,
}

impl Window {
    /// `cap` is one on requests at once that is known already.
    pub(super) fn starting_at(
        now_s: f64,
        concurrency: Concurrency,
        most: u32,
        cap: Option<u32>,
    ) -> Self {
        let mut window = Self::new(now_s, concurrency, most);
        if let Some(cap) = cap
            && !window.fixed
        {
            window.slow_start_end = None;
            window.settled = true;
            window.growth = Growth::KNOWN_CAP;
            window.resize(now_s, f64::from(cap));
        }
        window
    }

    fn new(now_s: f64, concurrency: Concurrency, most: u32) -> Self {
        let most = f64::from(most.max(1));
        let (fixed, size) = match concurrency {
            Concurrency::Auto => (false, FIRST.min(most)),
            Concurrency::Fixed(size) => (true, f64::from(size.get())),
        };
        Self {
            fixed,
            size,
            most,
            slow_start_end: (!fixed).then(|| SLOW_START_END.min(most)),
            closed_in_slow_start: false,
            settled: false,
            growth: Growth::Climb,
            accepted_since_change: 0,
            size_before_refusals: None,
            changed_at_s: now_s,
            refused_at_s: now_s,
            step: Step::starting_at(now_s),
            window_bound_before: false,
            pace_bound_before: false,
            before_growth: None,
            steps_without_gain: 0,
            unchanged_steps: 0,
            goodputs_per_s: 0.0,
            hold_until_s: now_s,
            connections: Connections::default(),
            round_trip_s: 0.2,
            goodput_per_s: 0.0,
        }
    }

    /// Whole places, at least one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1 to u32::MAX by construction"
    )]
    pub(super) fn places(&self) -> u32 {
        self.size as u32
    }

    pub(super) fn size(&self) -> f64 {
        self.size
    }

    pub(super) fn note_window_bound(&mut self) {
        self.step.window_bound = true;
    }

    pub(super) fn note_pace_bound(&mut self) {
        self.step.pace_bound = true;
    }

    /// Whether the window held requests back lately.
    pub(super) fn is_binding(&self) -> bool {
        self.step.window_bound || self.window_bound_before
    }

    /// Whether the pace held requests back lately.
    pub(super) fn is_pace_binding(&self) -> bool {
        self.step.pace_bound || self.pace_bound_before
    }

    /// Whether the window is larger than what has been tried for long. A cap
    /// refuses at once when the window outgrows it; a quota at any time.
    pub(super) fn has_just_grown(&self) -> bool {
        self.slow_start_end.is_some()
            || f64::from(self.accepted_since_change) <= JUST_GROWN_WINDOWS * self.size
    }

    /// Whether the window has grown by a step, and hardly anything was admitted
    /// since.
    pub(super) fn has_just_stepped(&self) -> bool {
        self.slow_start_end.is_none()
            && self.before_growth.is_some()
            && f64::from(self.accepted_since_change) <= JUST_STEPPED_WINDOWS * self.size
    }

    pub(super) fn round_trip_s(&self) -> f64 {
        self.round_trip_s
    }

    fn resize(&mut self, now_s: f64, size: f64) {
        self.size = size.clamp(1.0, self.most);
        self.accepted_since_change = 0;
        (self.unchanged_steps, self.goodputs_per_s) = (0, 0.0);
        self.changed_at_s = now_s;
    }

    /// A request was admitted and answered while the gate is open.
    pub(super) fn on_accepted(&mut self, now_s: f64, sent_at_s: f64) -> StepEnd {
        self.round_trip_s += 0.1 * (now_s - sent_at_s - self.round_trip_s);
        if self.fixed {
            return self.count(now_s, sent_at_s, true);
        }
        self.accepted_since_change = self.accepted_since_change.saturating_add(1);
        if f64::from(self.accepted_since_change) >= self.size {
            self.size_before_refusals = None; // a whole window got through
        }
        if let Some(end) = self.slow_start_end {
            if self.step.window_bound {
                self.size = (self.size + 1.0).min(self.most);
            }
            if self.size >= end {
                self.slow_start_end = None;
                self.new_step(now_s);
            }
        } else if self.step.window_bound && now_s >= self.connections.hold_until_s {
            self.creep(now_s);
        }
        self.count(now_s, sent_at_s, true)
    }

    fn creep(&mut self, now_s: f64) {
        let due = self
            .growth
            .is_due(self.accepted_since_change, now_s - self.changed_at_s);
        if self.growth.is_over(now_s - self.refused_at_s) {
            self.growth = Growth::Climb;
        }
        if due {
            self.resize(now_s, self.size + 1.0);
        }
    }

    /// A request was refused without a wait, amid others that get through.
    pub(super) fn on_refused(&mut self, now_s: f64, sent_at_s: f64) -> StepEnd {
        if !self.fixed && self.is_binding() && !self.is_pace_binding() {
            let size = match self.slow_start_end {
                Some(_) => self.half(),
                None => self.size,
            };
            let before = self.size_before_refusals.unwrap_or(0.0);
            self.size_before_refusals = Some(before.max(size));
            self.slow_start_end = None;
            self.settled = true;
            self.before_growth = None;
            self.growth = self.growth.refused_at(self.places());
            self.refused_at_s = now_s;
            self.resize(now_s, self.size - 1.0);
            if self.size < LEAST_CAP && self.goodput_per_s > 0.0 {
                self.growth = Growth::Climb;
                self.hold_until_s = now_s + HOLD_BAD_S;
                self.resize(now_s, 2.0 * FIRST);
                self.new_step(now_s);
                return StepEnd::RateMet(self.goodput_per_s);
            }
        }
        self.count(now_s, sent_at_s, false)
    }

    /// A connection broke while others work: one place less, and no growth
    /// until a hold is over.
    pub(super) fn lose_connection(&mut self, now_s: f64) {
        if self.fixed {
            return;
        }
        self.slow_start_end = None;
        self.settled = true;
        self.before_growth = None;
        if self.connections.note_broken(now_s, self.size) {
            self.resize(now_s, self.size - 1.0);
        }
    }

    /// The places were not what was wrong: nothing works.
    pub(super) fn grow_back(&mut self, now_s: f64, size: f64) {
        if !self.fixed && size > self.size {
            self.connections = Connections::default();
            self.resize(now_s, size);
        }
    }

    fn count(&mut self, now_s: f64, sent_at_s: f64, accepted: bool) -> StepEnd {
        let counted = self.step.note(now_s, sent_at_s, accepted);
        if !counted || !self.step.is_over(now_s, self.settled, self.round_trip_s) {
            return StepEnd::Nothing;
        }
        let end = self.judge(now_s);
        self.new_step(now_s);
        end
    }

    fn judge(&mut self, now_s: f64) -> StepEnd {
        let step = self.step;
        self.goodput_per_s = step.admitted_per_s(now_s);
        if let Some(refused_share) = step.bad_share() {
            if step.pace_bound {
                return StepEnd::Nothing; // it has stepped down for each refusal
            }
            if self.fixed {
                return StepEnd::PaceTooFast(refused_share);
            }
            if step.window_bound {
                return StepEnd::Nothing; // each refusal has taken its place already
            }
            let from = self.size;
            self.slow_start_end = None;
            self.settled = true;
            self.before_growth = None;
            self.hold_until_s = now_s + HOLD_BAD_S;
            self.resize(now_s, self.size * (1.0 - refused_share).max(0.7) - 1.0);
            return StepEnd::Cut(from);
        }
        if self.fixed
            || !step.window_bound
            || self.slow_start_end.is_some()
            || self.growth != Growth::Climb
        {
            return StepEnd::Nothing;
        }
        let goodput = step.goodput_per_s();
        if let Some((size, goodput_before)) = self.before_growth
            && goodput < goodput_before * (1.0 + GAIN * (self.size / size - 1.0))
        {
            let from = self.size;
            self.before_growth = None;
            self.steps_without_gain += 1;
            // A large step may have passed the best size, so smaller ones follow
            // at once.
            self.hold_until_s = now_s
                + if self.settled {
                    HOLD_NO_GAIN_S
                } else {
                    HOLD_DOUBT_S
                };
            // Once is chance: a short step's goodput varies by as much as it grew.
            self.settled |= self.steps_without_gain > 1;
            self.resize(now_s, size);
            return StepEnd::Cut(from);
        }
        if self.before_growth.is_some() {
            self.steps_without_gain = 0;
        }
        self.unchanged_steps += 1;
        self.goodputs_per_s += goodput;
        if now_s >= self.hold_until_s.max(self.connections.hold_until_s) {
            // The mean of many steps is what another size is judged by.
            let usual_per_s = self.goodputs_per_s / f64::from(self.unchanged_steps);
            self.before_growth = Some((self.size, usual_per_s));
            let share = if self.settled { SETTLED_GROWTH } else { GROWTH };
            self.resize(now_s, self.size + (self.size * share).max(1.0));
        }
        StepEnd::Nothing
    }

    fn new_step(&mut self, now_s: f64) {
        self.window_bound_before = self.step.window_bound;
        self.pace_bound_before = self.step.pace_bound;
        self.step = Step::starting_at(now_s);
    }

    /// The gate closed on a quota: doubling went too far. And places that were
    /// taken away for refusals just before come back, since no cap refused them.
    pub(super) fn on_quota_close(&mut self, now_s: f64) {
        self.closed_in_slow_start = self.slow_start_end.take().is_some();
        if self.closed_in_slow_start {
            self.resize(now_s, self.half());
        }
        if let Some(size) = self.size_before_refusals.take()
            && size > self.size
        {
            self.growth = Growth::Climb;
            self.resize(now_s, size);
        }
    }

    fn half(&self) -> f64 {
        (self.size / 2.0).max(FIRST.min(self.most))
    }

    pub(super) fn on_reopen(&mut self, now_s: f64) {
        self.before_growth = None;
        self.new_step(now_s);
    }

    /// Come back gently, by slow start to `target` or the old size.
    pub(super) fn restart_slowly(&mut self, now_s: f64, target: Option<f64>) {
        if self.fixed {
            return;
        }
        let target = target.unwrap_or_else(|| self.size.max(self.slow_start_end.unwrap_or(0.0)));
        self.slow_start_end = Some(target.clamp(1.0, self.most));
        self.resize(now_s, self.size.min(FIRST).min(target));
    }

    /// A closing showed a cap. The first time start over towards `target`;
    /// later it was the last place that was one too many.
    pub(super) fn set_cap(&mut self, now_s: f64, target: f64) {
        if self.fixed {
            return;
        }
        let is_first = self.closed_in_slow_start || !matches!(self.growth, Growth::Capped(_));
        let target = if is_first {
            target
        } else {
            (self.size - 1.0).max(1.0)
        };
        self.settled = true;
        self.growth = self.growth.closed(is_first);
        self.refused_at_s = now_s;
        self.restart_slowly(now_s, Some(target));
    }

    /// The cap was none.
    pub(super) fn drop_cap(&mut self) {
        if matches!(self.growth, Growth::Capped(_)) {
            self.growth = Growth::Climb;
        }
    }
}
