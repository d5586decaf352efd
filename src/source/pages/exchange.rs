//! One request for a page, and what its answer says.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::connector::{
    BoundStream, Classified, LimitFacts, Page, PageAt, PageFlaw, ReplyClass, Stream,
};
use crate::error::{FatalError, FatalKind};
use crate::limit::{Observation, rate_limit_hint, retry_after, retry_after_in_body};
use crate::transport::{
    BodyFlaw, Cause, Reply, Request, SendError, SharedHeaders, Stage, shared_headers,
};

use super::tokens::SourceToken;

/// What is the same for every page's request.
pub(super) struct PageRequests {
    headers: SharedHeaders,
    request_id_header: Option<HeaderName>,
    bound: BoundStream,
}

impl PageRequests {
    pub(super) fn new(bound: BoundStream) -> Self {
        Self {
            headers: shared_headers(&bound.stream.headers),
            request_id_header: bound
                .request_id_header
                .as_ref()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()),
            bound,
        }
    }

    pub(super) fn request(&self, target: String, token: &SourceToken, id: &str) -> Request {
        Request {
            method: Method::GET,
            path: Bytes::from(target),
            headers: Arc::clone(&self.headers),
            credentials: Arc::clone(&token.headers),
            request_id: self
                .request_id_header
                .clone()
                .zip(HeaderValue::from_str(id).ok()),
            body: Bytes::new(),
            timeout: self.bound.stream.timeout,
        }
    }

    /// What a reply means. One whose body is too long or broken off has no
    /// body that could be looked at.
    pub(super) fn classify(&self, reply: &Reply) -> Classified {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        let body: &[u8] = match reply.body_flaw {
            None => &reply.body,
            Some(_) => &[],
        };
        self.bound.stream.classify(reply.status, &header, body)
    }

    /// The answer as the limiter sees it; `failures` in a row, this one among
    /// them.
    pub(super) fn observe(
        &self,
        class: ReplyClass,
        result: &Result<Reply, SendError>,
        failures: u32,
    ) -> Observation {
        let reply = match result {
            Ok(reply) => reply,
            Err(error) if error.stage == Stage::NotSent || error.cause == Cause::Reset => {
                return Observation::Unreached { failures };
            }
            Err(_) => return Observation::Transient { failures },
        };
        let limits: &LimitFacts = &self.bound.limits;
        let plain = |name: &str| reply.headers.get(name)?.to_str().ok();
        let header = |name: &str| limits.header(name, &plain);
        let (wait, hint) = (retry_after(&header), rate_limit_hint(&header));
        match class {
            ReplyClass::Throttled => Observation::Throttled {
                retry_after: wait
                    .or_else(|| retry_after_in_body(&String::from_utf8_lossy(&reply.body))),
                hint,
            },
            ReplyClass::Retry if reply.status == 503 => Observation::Unavailable {
                retry_after: wait,
                failures,
            },
            ReplyClass::Retry => Observation::Transient { failures },
            ReplyClass::Done | ReplyClass::Unchanged => Observation::Accepted { hint },
            _ => Observation::Neutral { hint },
        }
    }

    /// The failure that a reply ends the fetching with.
    pub(super) fn refused(&self, status: u16, classified: &Classified) -> FatalError {
        let said = match classified.message.as_str() {
            "" => String::new(),
            message => format!(": {message}"),
        };
        let endpoint = self.bound.stream.called();
        let (kind, hint) = match status {
            401 | 403 => (
                FatalKind::Credentials,
                "Give the source's client the permission to read this, then resume the run.",
            ),
            300..=399 => (
                FatalKind::Tenant,
                "A redirect is never followed, since the token would go with it; check the source's base URL.",
            ),
            404 => (
                FatalKind::Tenant,
                "Check the source's base URL and region, and the stream's path in the connector file.",
            ),
            _ => (
                FatalKind::Tenant,
                "Check the stream in the connector file, then resume the run.",
            ),
        };
        FatalError::new(
            kind,
            format!("the source answers {endpoint} with status {status}{said}"),
        )
        .with_hint(hint)
    }
}

/// Why a reply that was classed as done can't be a page, where it can't.
pub(super) fn flaw_of(reply: &Reply, most_bytes: usize) -> Option<String> {
    match reply.body_flaw? {
        BodyFlaw::TooLarge => Some(format!("a page is larger than {most_bytes} bytes")),
        BodyFlaw::Truncated => Some("a page breaks off".to_owned()),
    }
}

/// The page that a reply brings. One without content is an empty page.
///
/// # Errors
/// See [`PageFlaw`].
pub(super) fn page_of<'reply>(
    stream: &Stream,
    at: &PageAt,
    reply: &'reply Reply,
) -> Result<Page<'reply>, PageFlaw> {
    if reply.status == StatusCode::NO_CONTENT {
        return Ok(Page::empty());
    }
    let links = reply.headers.get_all(http::header::LINK).iter();
    let links: Vec<&[u8]> = links.map(HeaderValue::as_bytes).collect();
    stream.read_page(at, &links, &reply.body)
}
