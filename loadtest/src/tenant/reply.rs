//! Replies, sound and broken.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

/// The connection is closed without a reply.
#[derive(Debug, thiserror::Error)]
#[error("the tenant hangs up")]
pub(crate) struct HangUp;

/// A reply, or none at all.
pub(crate) type Answer = Result<Response<ReplyBody>, HangUp>;

/// Bytes that an endless body sends at once.
static FILLER: [u8; 16_384] = [b' '; 16_384];

/// The body of a reply.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// All of it, or nothing any more.
    Whole(Option<Bytes>),
    /// A start, then silence until it is flushed, then the end of the connection.
    CutOff { start: Option<Bytes>, flushed: bool },
    /// So many blanks.
    Blanks { left: u64 },
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
        match self.get_mut() {
            ReplyBody::Whole(bytes) => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            ReplyBody::CutOff { start, flushed } => match start.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None if *flushed => Poll::Ready(Some(Err(HangUp))),
                None => {
                    // hyper drops what it has buffered when a body fails; one pending poll makes it flush first.
                    *flushed = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            },
            ReplyBody::Blanks { left: 0 } => Poll::Ready(None),
            ReplyBody::Blanks { left } => {
                let now = (*left).min(FILLER.len() as u64);
                *left -= now;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(
                    &FILLER[..now as usize],
                )))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, ReplyBody::Whole(None) | ReplyBody::Blanks { left: 0 })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            ReplyBody::CutOff { .. } => SizeHint::default(),
            ReplyBody::Blanks { left } => SizeHint::with_exact(*left),
        }
    }
}

fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: ReplyBody,
) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A reply without a body.
pub(crate) fn empty(status: StatusCode) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Whole(None));
    *response.status_mut() = status;
    response
}

/// A JSON reply.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response<ReplyBody> {
    let bytes = Bytes::from(value.to_string());
    with_body(status, "application/json", ReplyBody::Whole(Some(bytes)))
}

/// A reply of the API's error form.
pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response<ReplyBody> {
    let body = serde_json::json!({ "error": code, "message": message, "status": status.as_u16() });
    json(status, &body)
}

/// A page of some proxy.
pub(crate) fn html(status: StatusCode) -> Response<ReplyBody> {
    let title = status.canonical_reason().unwrap_or("Error");
    let page = format!(
        "<html><head><title>{code} {title}</title></head><body><center><h1>{code} {title}</h1></center></body></html>\r\n",
        code = status.as_u16()
    );
    with_body(status, "text/html", ReplyBody::Whole(Some(page.into())))
}

/// A reply that ends before its `Content-Length`.
pub(crate) fn cut_off(start: &'static str, promised_bytes: u64) -> Response<ReplyBody> {
    let body = ReplyBody::CutOff {
        start: Some(Bytes::from_static(start.as_bytes())),
        flushed: false,
    };
    let mut response = with_body(StatusCode::OK, "application/json", body);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(promised_bytes));
    response
}

/// A reply of so many blanks.
pub(crate) fn blanks(status: StatusCode, bytes: u64) -> Response<ReplyBody> {
    with_body(
        status,
        "application/json",
        ReplyBody::Blanks { left: bytes },
    )
}

/// Adds a header; a value that no header may hold is left out.
pub(crate) fn add_header(response: &mut Response<ReplyBody>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
