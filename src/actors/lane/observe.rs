//! What an exchange says: to the limiter, and to people.

use std::time::Duration;

use crate::connector::{Classified, Operation, ReplyClass};
use crate::error::{FatalError, FatalKind};
use crate::limit::{Observation, retry_after_in_body};
use crate::record::{OutcomeKind, Refusal};
use crate::transport::{Cause, Reply, SendError, Stage};

use super::endpoint::LimitWords;

/// The answer as the limiter sees it.
pub(super) fn observe(
    class: ReplyClass,
    result: &Result<Reply, SendError>,
    words: LimitWords,
    failures: u32,
) -> Observation {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) if never_left(error) || error.cause == Cause::Reset => {
            return Observation::Unreached { failures };
        }
        Err(_) => return Observation::Transient { failures },
    };
    let LimitWords { retry_after, hint } = words;
    match class {
        ReplyClass::Done | ReplyClass::Unchanged => Observation::Accepted { hint },
        ReplyClass::Throttled => Observation::Throttled {
            retry_after: asked_wait(result, words),
            hint,
        },
        ReplyClass::Retry | ReplyClass::Unknown => match reply.status {
            503 => Observation::Unavailable {
                retry_after,
                failures,
            },
            _ => Observation::Transient { failures },
        },
        ReplyClass::Rejected
        | ReplyClass::Missing
        | ReplyClass::Conflict
        | ReplyClass::RefreshToken
        | ReplyClass::Fatal => Observation::Neutral { hint },
    }
}

/// The wait that a refusal asks for, in a header or in its body.
pub(super) fn asked_wait(result: &Result<Reply, SendError>, words: LimitWords) -> Option<Duration> {
    let body = |reply: &Reply| retry_after_in_body(&String::from_utf8_lossy(&reply.body));
    words.retry_after.or_else(|| body(result.as_ref().ok()?))
}

pub(super) fn forbidden(why: &Refusal) -> FatalError {
    let status = why
        .status
        .map_or_else(String::new, |status| format!(" with {status}"));
    let message = if why.message.is_empty() {
        String::new()
    } else {
        format!(": {}", why.message)
    };
    FatalError::new(
        FatalKind::Credentials,
        format!("the tenant forbids the operation{status}{message}"),
    )
    .with_hint(
        "Check the client's scopes, roles and divisions, then resume the run; rows that were \
         refused before stand in rejected.csv, and `sluice retry` sends them again.",
    )
}

pub(super) fn cause_of(result: &Result<Reply, SendError>) -> String {
    match result {
        Ok(reply) => format!("the tenant answered {}", reply.status),
        Err(error) => error.to_string(),
    }
}

pub(super) fn never_left(error: &SendError) -> bool {
    error.stage == Stage::NotSent
}

/// An exchange without a reply: there is nothing to read a reason from.
pub(super) fn no_reply() -> Classified {
    Classified {
        class: ReplyClass::Retry,
        error: String::new(),
        field: String::new(),
        message: String::new(),
        request_id: None,
    }
}

/// How a row ends whose reply has this class, for the classes that end one.
pub(super) fn ended_as(
    operation: &Operation,
    class: ReplyClass,
    result: &Result<Reply, SendError>,
) -> OutcomeKind {
    let status = result.as_ref().map_or(0, |reply| reply.status);
    let outcome = operation.outcome(class, status);
    outcome.expect("it is asked only for classes that end a row")
}
