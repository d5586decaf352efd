//! A request, its reply, and the trait between them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::SendError;

/// How this program names itself to a tenant's operators.
pub const USER_AGENT: &str = concat!("sluice/", env!("CARGO_PKG_VERSION"));

/// Headers that are the same for every request of an operation, shared by all of them.
pub type SharedHeaders = Arc<[(HeaderName, HeaderValue)]>;

/// Headers as a connector writes them, in a form that requests share. What HTTP
/// doesn't know as a header was refused when the connector was read, so none is
/// lost here.
#[must_use]
pub fn shared_headers(headers: &[(String, String)]) -> SharedHeaders {
    let each = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    });
    each.collect()
}

/// Sends one request and answers with one reply.
///
/// Not bound to `Send`: a lane and everything it owns stay on one thread.
pub trait Transport: 'static {
    /// Sends the request, once, and reads the whole reply.
    ///
    /// Dropping the future gives the request up: its connection is closed, and
    /// the tenant may or may not have acted on it.
    ///
    /// # Errors
    /// [`SendError`] where no status came back; its stage says whether the
    /// request may have reached the tenant. Any status, also 500, is a reply.
    fn send(&self, request: Request) -> impl Future<Output = Result<Reply, SendError>>;
}

impl<Shared: Transport> Transport for std::rc::Rc<Shared> {
    fn send(&self, request: Request) -> impl Future<Output = Result<Reply, SendError>> {
        Shared::send(self, request)
    }
}

/// One request to the origin that the transport is bound to. Its `Debug` shows
/// neither token nor body.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query in origin form, percent-encoded already: begins with `/`
    /// and holds no `#`.
    pub path: Bytes,
    /// The operation's own headers. `Content-Type` defaults to
    /// `application/json` where there is a body, `Accept` to the same.
    pub headers: SharedHeaders,
    /// The headers that carry the credentials, marked sensitive; empty where
    /// none are sent. No other header takes their place.
    pub credentials: SharedHeaders,
    /// The header that names this request in the tenant's logs, and its value.
    pub request_id: Option<(HeaderName, HeaderValue)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// Time for the connection, the request and its whole reply.
    pub timeout: Duration,
}

/// What is wrong with a reply's body; the status counts all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFlaw {
    /// It was longer than the bound; what stands in the reply is its beginning.
    TooLarge,
    /// The connection ended, or the time was over, before the body did.
    Truncated,
}

/// What the tenant answered. Its `Debug` doesn't show the body.
#[derive(Clone)]
pub struct Reply {
    /// The status code, 200 to 999 (1xx are never final).
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole unless `body_flaw` says otherwise.
    pub body: Bytes,
    /// What is wrong with the body, if anything is.
    pub body_flaw: Option<BodyFlaw>,
}

impl Reply {
    /// A reply with a status and a body and nothing else, for tests.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: body.into(),
            body_flaw: None,
        }
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("request_id", &self.request_id)
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reply")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("body_flaw", &self.body_flaw)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_token_nor_body_can_be_printed() {
        let request = Request {
            method: Method::PATCH,
            path: Bytes::from_static(b"/x"),
            headers: Arc::new([(http::header::COOKIE, HeaderValue::from_static("hunter2"))]),
            credentials: Arc::new([(
                http::header::AUTHORIZATION,
                HeaderValue::from_static("Bearer hunter2"),
            )]),
            request_id: None,
            body: Bytes::from_static(b"hunter2"),
            timeout: Duration::ZERO,
        };
        let text = format!("{request:?} {:?}", Reply::new(200, "hunter2"));
        assert!(!text.contains("hunter2") && text.contains("/x"), "{text}");
    }
}
