//! Reads a limit from a scenario file.
//!
//! A limit is written flat, so that a file stays short; this sorts out which field belongs to which model.

use std::time::Duration;

use serde::Deserialize;

use super::{Anchor, Limit, LimitKind, LimitScope, Phase, Refill};
use crate::tenant::endpoint::Endpoint;
use crate::tenant::units::{Rate, Span};

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindText {
    FixedWindow,
    TokenBucket,
    SlidingLog,
    Concurrency,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefillText {
    Continuous,
    Every(Span),
}

/// A limit as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitText {
    kind: KindText,
    requests: Option<u64>,
    window: Option<Span>,
    anchor: Option<Anchor>,
    rate: Option<Rate>,
    burst: Option<f64>,
    refill: Option<RefillText>,
    count_rejected: Option<bool>,
    cap: Option<u64>,
    #[serde(default)]
    scope: LimitScope,
    routes: Option<Vec<Endpoint>>,
    key: Option<String>,
    #[serde(default)]
    phases: Vec<Phase>,
    other_traffic: Option<OtherTrafficText>,
    #[serde(default)]
    hidden: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherTrafficText {
    rate: Rate,
}

/// Takes a field that the model needs.
fn needed<T>(field: Option<T>, name: &str, kind: KindText) -> Result<T, String> {
    field.ok_or_else(|| format!("a limit of kind {kind:?} needs `{name}`"))
}

fn positive<T: PartialOrd + From<u8>>(value: T, name: &str) -> Result<T, String> {
    if value >= T::from(1) {
        Ok(value)
    } else {
        Err(format!("`{name}` of a limit must be at least 1"))
    }
}

fn above_zero(span: Span, name: &str) -> Result<Duration, String> {
    let span = Duration::from(span);
    if span.is_zero() {
        return Err(format!("`{name}` of a limit must be above zero"));
    }
    Ok(span)
}

fn window(text: &LimitText) -> Result<Duration, String> {
    above_zero(needed(text.window, "window", text.kind)?, "window")
}

impl LimitText {
    /// The fields that are set but mean nothing to the model.
    fn stray(&self) -> Option<&'static str> {
        use KindText::{Concurrency, FixedWindow, SlidingLog, TokenBucket};
        let windowed = matches!(self.kind, FixedWindow | SlidingLog);
        let bucket = matches!(self.kind, TokenBucket);
        [
            ("requests", self.requests.is_some() && !windowed),
            ("window", self.window.is_some() && !windowed),
            (
                "anchor",
                self.anchor.is_some() && !matches!(self.kind, FixedWindow),
            ),
            ("rate", self.rate.is_some() && !bucket),
            ("burst", self.burst.is_some() && !bucket),
            ("refill", self.refill.is_some() && !bucket),
            (
                "count_rejected",
                self.count_rejected.is_some() && !matches!(self.kind, SlidingLog),
            ),
            (
                "cap",
                self.cap.is_some() && !matches!(self.kind, Concurrency),
            ),
        ]
        .into_iter()
        .find_map(|(name, stray)| stray.then_some(name))
    }

    fn limit_kind(&self) -> Result<LimitKind, String> {
        Ok(match self.kind {
            KindText::FixedWindow => LimitKind::FixedWindow {
                requests: positive(needed(self.requests, "requests", self.kind)?, "requests")?,
                window: window(self)?,
                anchor: self.anchor.unwrap_or_default(),
            },
            KindText::TokenBucket => LimitKind::TokenBucket {
                rate: needed(self.rate, "rate", self.kind)?.0,
                burst: positive(needed(self.burst, "burst", self.kind)?, "burst")?,
                refill: match self.refill {
                    None | Some(RefillText::Continuous) => Refill::Continuous,
                    Some(RefillText::Every(period)) => Refill::Every(above_zero(period, "refill")?),
                },
            },
            KindText::SlidingLog => LimitKind::SlidingLog {
                requests: positive(needed(self.requests, "requests", self.kind)?, "requests")?,
                window: window(self)?,
                count_rejected: self.count_rejected.unwrap_or(false),
            },
            KindText::Concurrency => LimitKind::Concurrency {
                cap: positive(needed(self.cap, "cap", self.kind)?, "cap")?,
            },
        })
    }
}

impl TryFrom<LimitText> for Limit {
    type Error = String;

    fn try_from(text: LimitText) -> Result<Self, String> {
        if let Some(field) = text.stray() {
            return Err(format!(
                "`{field}` has no meaning for a limit of kind {:?}",
                text.kind
            ));
        }
        if text
            .phases
            .iter()
            .any(|phase| phase.factor.is_nan() || phase.factor <= 0.0)
        {
            return Err("the `factor` of a phase must be above zero".to_owned());
        }
        if !text.phases.is_sorted_by_key(|phase| phase.at) {
            return Err("`phases` must be sorted by `at`".to_owned());
        }
        let kind = text.limit_kind()?;
        let shared = matches!(
            text.scope,
            LimitScope::Tenant | LimitScope::Client | LimitScope::Endpoint
        );
        let counts = !matches!(kind, LimitKind::Concurrency { .. });
        if text.other_traffic.is_some() && !(shared && counts) {
            return Err("`other_traffic` needs a quota that others share (scope tenant, client or endpoint)".to_owned());
        }
        Ok(Limit {
            kind,
            scope: text.scope,
            routes: text.routes,
            key: text.key,
            phases: text.phases,
            other_traffic: text.other_traffic.map_or(0.0, |other| other.rate.0),
            hidden: text.hidden,
        })
    }
}
