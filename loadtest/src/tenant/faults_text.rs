//! Reads a fault from a scenario file; like a limit, it is written flat.

use std::time::Duration;

use serde::Deserialize;

use super::faults::{Fault, FaultKind, FaultTarget};
use super::units::{self, Span};

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum KindText {
    ServerError,
    CloseBefore,
    CloseAfter,
    NeverAnswer,
    TruncatedBody,
    OversizedBody,
    NotJson,
    Redirect,
}

/// A fault as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultText {
    kind: KindText,
    #[serde(deserialize_with = "units::ratio")]
    ratio: f64,
    from: Option<Span>,
    until: Option<Span>,
    every: Option<Span>,
    #[serde(default)]
    on: FaultTarget,
    applied: Option<bool>,
    burst: Option<u32>,
    status: Option<u16>,
    retry_after: Option<Span>,
    hold: Option<Span>,
    bytes: Option<u64>,
    to: Option<String>,
}

impl FaultText {
    /// A field that is set but means nothing to the kind.
    fn stray(&self) -> Option<&'static str> {
        use KindText::{
            CloseAfter, CloseBefore, NeverAnswer, NotJson, OversizedBody, Redirect, ServerError,
        };
        let closes = matches!(self.kind, CloseBefore | CloseAfter);
        let has_status = matches!(self.kind, ServerError | NotJson | Redirect | OversizedBody);
        [
            ("applied", self.applied.is_some() && closes),
            ("status", self.status.is_some() && !has_status),
            (
                "retry_after",
                self.retry_after.is_some() && self.kind != ServerError,
            ),
            ("hold", self.hold.is_some() && self.kind != NeverAnswer),
            ("bytes", self.bytes.is_some() && self.kind != OversizedBody),
            ("to", self.to.is_some() && self.kind != Redirect),
        ]
        .into_iter()
        .find_map(|(name, stray)| stray.then_some(name))
    }

    fn status(&self, default: u16, allowed: std::ops::RangeInclusive<u16>) -> Result<u16, String> {
        let status = self.status.unwrap_or(default);
        if allowed.contains(&status) {
            Ok(status)
        } else {
            let (low, high) = (allowed.start(), allowed.end());
            Err(format!(
                "status {status} of fault {:?} is not within {low} to {high}",
                self.kind
            ))
        }
    }
}

impl TryFrom<FaultText> for Fault {
    type Error = String;

    fn try_from(text: FaultText) -> Result<Self, String> {
        if let Some(field) = text.stray() {
            return Err(format!(
                "`{field}` has no meaning for a fault of kind {:?}",
                text.kind
            ));
        }
        let kind = match text.kind {
            KindText::ServerError => FaultKind::ServerError {
                status: text.status(500, 500..=599)?,
                retry_after: text.retry_after.map(Duration::from),
            },
            KindText::CloseBefore => FaultKind::CloseBefore,
            KindText::CloseAfter => FaultKind::CloseAfter,
            KindText::NeverAnswer => FaultKind::NeverAnswer {
                hold: text.hold.map_or(Duration::from_secs(60), Duration::from),
            },
            KindText::TruncatedBody => FaultKind::TruncatedBody,
            KindText::OversizedBody => FaultKind::OversizedBody {
                bytes: text.bytes.unwrap_or(200_000_000),
                status: text.status(200, 200..=599)?,
            },
            KindText::NotJson => FaultKind::NotJson {
                status: text.status(502, 200..=599)?,
            },
            KindText::Redirect => FaultKind::Redirect {
                status: text.status(307, 300..=399)?,
                to: text.to.ok_or("a fault of kind Redirect needs `to`")?,
            },
        };
        Ok(Fault {
            applied: text.applied.unwrap_or(kind.applied_by_default()),
            ratio: text.ratio,
            from: text.from.map_or(Duration::ZERO, Duration::from),
            until: text.until.map(Duration::from),
            every: text.every.map(Duration::from),
            on: text.on,
            burst: text.burst.unwrap_or(1).max(1),
            kind,
        })
    }
}
