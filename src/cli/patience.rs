//! Calls before the first row, made again while the tenant is away or throttles.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::error::{FatalError, FatalKind};
use crate::limit::retry_after;
use crate::transport::{ControlError, Reply};

/// Attempts at one thing while the tenant is away or throttles: with the waits
/// between them about a minute, in which a restart of the tenant passes.
pub(super) const ATTEMPTS: u32 = 8;
/// The first wait; each is twice the one before, up to the longest.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A tenant that asks for a longer wait is told to the user instead.
pub(super) const LONGEST_STATED_WAIT: Duration = Duration::from_secs(300);

/// Where such calls are made.
pub(super) fn runtime() -> Result<Runtime, FatalError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| FatalError::new(FatalKind::Internal, cause.to_string()))
}

/// Calls until there is an answer that isn't a passing failure.
pub(super) async fn patiently<Call, Answer>(what: &str, call: Call) -> Result<Reply, FatalError>
where
    Call: Fn() -> Answer,
    Answer: Future<Output = Result<Reply, ControlError>>,
{
    let mut wait = FIRST_WAIT;
    let mut attempt = 1;
    loop {
        let (told, stated) = match call().await {
            Ok(reply) if !is_passing(&reply) => return Ok(reply),
            Ok(reply) => (format!("status {}", reply.status), stated_wait(&reply)),
            Err(failure) if failure.is_permanent() => {
                let error = FatalError::new(FatalKind::Tenant, failure.to_string());
                return Err(match failure.hint() {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                });
            }
            Err(failure) => (failure.to_string(), None),
        };
        let next = stated.unwrap_or(wait);
        if attempt >= ATTEMPTS || next > LONGEST_STATED_WAIT {
            return Err(FatalError::new(
                FatalKind::Tenant,
                format!("the tenant was asked for {what}, and gives no answer: {told}"),
            )
            .with_hint("Nothing was loaded yet; start again when the tenant is back."));
        }
        attempt += 1;
        sleep(next).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

pub(super) fn is_success(reply: &Reply) -> bool {
    (200..300).contains(&reply.status) && reply.body_flaw.is_none()
}

fn is_passing(reply: &Reply) -> bool {
    matches!(reply.status, 408 | 425 | 429 | 500..=599) || reply.body_flaw.is_some()
}

pub(super) fn stated_wait(reply: &Reply) -> Option<Duration> {
    retry_after(&|name| reply.headers.get(name)?.to_str().ok())
}
