//! What is true of a tenant, from its own settings, and what a verdict makes
//! of it.

use loadtest::tenant::{Anchor, Endpoint, Limit, LimitKind, LimitScope, Refill, Scenario};

use super::tenant::Probed;
use crate::limit::{Confidence, WindowStart};
use crate::probe::verdict::{Figure, Kind};

/// How far a figure may be off.
const RATE_OFF: f64 = 0.05;
const FIGURES_OFF: f64 = 0.10;

/// What a verdict is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    Right,
    Unsure,
    Wrong,
}

/// What is true of a tenant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Truth {
    kind: Kind,
    /// From, to: where others take a part, what is left may be meant.
    rate_per_s: (f64, f64),
    burst: (f64, f64),
    window_s: Option<f64>,
    starts: Option<WindowStart>,
    cap: Option<u64>,
}

impl Truth {
    /// The limit that counts in the long run.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let met = scenario.limits.iter().filter(|limit| {
            let routes = limit.routes.as_deref();
            limit.scope != LimitScope::Record
                && routes.is_none_or(|routes| routes.contains(&Endpoint::PatchContact))
        });
        let quotas = met.map(of_limit);
        quotas
            .min_by(|one, other| one.rate_per_s.1.total_cmp(&other.rate_per_s.1))
            .unwrap_or(Self {
                kind: Kind::None,
                rate_per_s: (0.0, f64::INFINITY),
                burst: (0.0, f64::INFINITY),
                window_s: None,
                starts: None,
                cap: None,
            })
    }

    pub(super) fn judge(&self, probed: &Probed) -> Worth {
        let limit = &probed.verdict.limit;
        // What wasn't met within the bounds isn't named, and isn't denied.
        let is_unmet = limit.kind == Kind::None
            && self.kind != Kind::None
            && probed.verdict.throttled == 0
            && limit.confidence() == Confidence::Low;
        if limit.kind == Kind::NotSure || is_unmet {
            return Worth::Unsure;
        }
        let within = |figure: Option<Figure>, (low, high): (f64, f64), off: f64| {
            figure.is_some_and(|figure| {
                (low * (1.0 - off)..=high * (1.0 + off)).contains(&figure.value)
            })
        };
        let is_right = limit.kind == self.kind
            && (self.kind == Kind::ConcurrencyCap
                || within(limit.rate_per_s, self.rate_per_s, RATE_OFF))
            && (matches!(self.kind, Kind::None | Kind::ConcurrencyCap)
                || within(limit.burst, self.burst, FIGURES_OFF)
                || (self.burst.1 < 6.0
                    && within(limit.burst, (self.burst.0 - 1.0, self.burst.1 + 1.0), 0.01)))
            && self
                .window_s
                .is_none_or(|truth| within(limit.window_s, (truth, truth), FIGURES_OFF))
            && self
                .starts
                .is_none_or(|starts| limit.window_starts.is_none_or(|found| found == starts))
            && self.cap.is_none_or(|cap| {
                limit
                    .concurrency_cap
                    .is_some_and(|found| (f64::from(found) / cap as f64 - 1.0).abs() <= FIGURES_OFF)
            });
        match is_right {
            true => Worth::Right,
            false => Worth::Wrong,
        }
    }
}

fn of_limit(limit: &Limit) -> Truth {
    let others = limit.other_traffic;
    let quota = |requests: u64, seconds: f64, kind: Kind| {
        let left = requests as f64 - others * seconds;
        Truth {
            kind,
            rate_per_s: (left / seconds, requests as f64 / seconds),
            burst: (left, requests as f64),
            window_s: Some(seconds),
            starts: None,
            cap: None,
        }
    };
    match limit.kind {
        LimitKind::FixedWindow {
            requests,
            window,
            anchor,
        } => Truth {
            starts: Some(match anchor {
                Anchor::FirstRequest => WindowStart::FirstRequest,
                Anchor::Clock => WindowStart::Clock,
            }),
            ..quota(requests, window.as_secs_f64(), Kind::FixedWindow)
        },
        LimitKind::SlidingLog {
            requests, window, ..
        } => quota(requests, window.as_secs_f64(), Kind::SlidingWindow),
        // Portions that can't be saved up are a window's quota.
        LimitKind::TokenBucket {
            rate,
            burst,
            refill: Refill::Every(period),
        } if burst <= rate * period.as_secs_f64() * 1.01 => Truth {
            burst: (burst, burst),
            rate_per_s: (burst / period.as_secs_f64(), burst / period.as_secs_f64()),
            ..quota(1, period.as_secs_f64(), Kind::FixedWindow)
        },
        LimitKind::TokenBucket { rate, burst, .. } => Truth {
            rate_per_s: (rate - others, rate - others),
            burst: (burst, burst),
            window_s: None,
            ..quota(1, 1.0, Kind::TokenBucket)
        },
        LimitKind::Concurrency { cap } => Truth {
            cap: Some(cap),
            rate_per_s: (0.0, f64::INFINITY),
            window_s: None,
            ..quota(cap, 1.0, Kind::ConcurrencyCap)
        },
    }
}
