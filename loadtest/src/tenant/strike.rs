//! What a fault that was drawn does to a reply.

use std::time::Duration;

use hyper::{Response, StatusCode};

use super::faults::{Fault, FaultKind};
use super::reply::{self, ReplyBody, add_header};
use super::units::whole_seconds;

/// What is left of a reply.
pub(crate) enum Strike {
    /// Another reply.
    Reply(Box<Response<ReplyBody>>),
    /// None: the connection is closed after a time.
    HangUp { after: Duration },
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What a fault makes of a reply.
pub(crate) fn of(fault: &Fault) -> Strike {
    let response = match &fault.kind {
        FaultKind::CloseBefore | FaultKind::CloseAfter => {
            return Strike::HangUp {
                after: Duration::ZERO,
            };
        }
        FaultKind::NeverAnswer { hold } => return Strike::HangUp { after: *hold },
        FaultKind::ServerError {
            status: code,
            retry_after,
        } => {
            let message = "the tenant has a problem of its own";
            let mut response = reply::error(status(*code), "internal_server_error", message);
            if let Some(wait) = retry_after {
                let seconds = whole_seconds(*wait);
                add_header(&mut response, "retry-after", &seconds.to_string());
            }
            response
        }
        FaultKind::TruncatedBody => reply::cut_off("{\"contactId\":", 1000),
        FaultKind::OversizedBody {
            bytes,
            status: code,
        } => reply::blanks(status(*code), *bytes),
        FaultKind::NotJson { status: code } => reply::html(status(*code)),
        FaultKind::Redirect { to, status: code } => {
            let mut response = reply::empty(status(*code));
            add_header(&mut response, "location", to);
            response
        }
    };
    Strike::Reply(Box::new(response))
}
