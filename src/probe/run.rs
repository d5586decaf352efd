//! The entry: what to ask whom goes in, a verdict comes out.

use std::rc::Rc;

use tokio::sync::watch;

use crate::connector::Bound;
use crate::error::{FatalError, FatalKind};
use crate::transport::{TransportSettings, lanes};

use super::bench::{Bench, OnProgress};
use super::bounds::{Bounds, Stop};
use super::http::{HttpTarget, Questions};
use super::protocol::Protocol;
use super::signals::listen_for_signals;
use super::tokens::{TokenSource, Tokens};
use super::verdict::Verdict;

/// Everything that a probe needs.
pub struct Plan {
    /// The tenant and how it words its limits.
    pub bound: Bound,
    /// What is asked.
    pub questions: Questions,
    /// How tokens are had.
    pub tokens: TokenSource,
    /// What it may cost.
    pub bounds: Bounds,
    /// Told of each step.
    pub on_progress: OnProgress,
}

/// What a probe found, and why it ended early where it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was found out.
    pub verdict: Verdict,
    /// Why it ended early.
    pub stop: Option<Stop>,
}

/// Probes, on this thread, until all is tried, the bounds are met, the tenant
/// shows distress or the user interrupts it.
///
/// # Errors
/// Fails where nothing could be asked at all: no way, no token, no such read.
pub fn run(plan: Plan) -> Result<Finding, FatalError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| {
            FatalError::new(
                FatalKind::Internal,
                format!("can't start a runtime: {cause}"),
            )
        })?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let (interrupt, interrupted) = watch::channel(false);
        listen_for_signals(interrupt);
        let base_url = plan.bound.base_url.to_string();
        let way = lanes(&base_url, &TransportSettings::default())
            .map_err(|error| FatalError::new(FatalKind::Tenant, error.to_string()))?;
        let other_tokens = Tokens::new(plan.tokens.clone());
        let tokens = Rc::new(Tokens::new(plan.tokens));
        // A wrong secret is told before anything else is said.
        tokens.newer_than(None).await?;
        let target = HttpTarget::new(way, plan.questions, &plan.bound, tokens, other_tokens);
        let bench = Bench::new(target, plan.bounds, interrupted, plan.on_progress);
        let mut protocol = Protocol::new(bench);
        let stop = protocol.run().await.err();
        if let Some(Stop::Impossible(error)) = &stop
            && protocol
                .bench
                .records
                .iter()
                .all(|record| !record.is_admitted())
        {
            return Err(error.clone());
        }
        Ok(Finding {
            verdict: protocol.verdict(),
            stop,
        })
    })
}
