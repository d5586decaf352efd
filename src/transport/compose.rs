//! The parts of a request that both transports make the same way.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Uri};

use super::{Cause, Request, SendError, Stage, USER_AGENT};

/// The headers that every request has, unless the operation says otherwise, then
/// its own and those that carry its id and its credentials.
pub(crate) fn fill_headers(headers: &mut HeaderMap, request: &Request) {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    headers.insert(
        http::header::USER_AGENT,
        HeaderValue::from_static(USER_AGENT),
    );
    headers.insert(ACCEPT, JSON);
    if !request.body.is_empty() {
        headers.insert(CONTENT_TYPE, JSON);
    }
    let own = request.headers.iter().chain(&request.request_id);
    for (name, value) in own.chain(request.credentials.iter()) {
        headers.insert(name.clone(), value.clone());
    }
}

/// Path and query as a URI without scheme and host; nothing else gets through,
/// so that no row's data can turn a request to another host.
pub(crate) fn origin_form(path: Bytes) -> Result<Uri, SendError> {
    let refused = |what: &str| {
        SendError::new(
            Stage::NotSent,
            Cause::Other(format!("request path {what}; it has to be percent-encoded")),
        )
    };
    if path.first() != Some(&b'/') {
        return Err(refused("doesn't begin with a slash"));
    }
    if holds_dot_segment(&path) {
        return Err(refused(
            "holds a segment of dots, which servers take for another path",
        ));
    }
    let length = path.len();
    let uri = Uri::from_maybe_shared(path)
        .map_err(|_invalid| refused("holds a character that no URL may hold"))?;
    // The parser drops a fragment without a word: the request would go to
    // another record's path.
    if uri.path_and_query().map(|kept| kept.as_str().len()) != Some(length) {
        return Err(refused("holds a '#'"));
    }
    debug_assert!(
        uri.authority().is_none(),
        "a URI that begins with a slash has no host"
    );
    Ok(uri)
}

/// Whether a segment is `.` or `..`, encoded or not: servers and client
/// libraries resolve both (RFC 3986, section 6.2.2.3), so the request would end
/// at another record's path than the one it was made for.
fn holds_dot_segment(path_and_query: &[u8]) -> bool {
    const DOTS: [&[u8]; 6] = [b".", b"..", b"%2e", b".%2e", b"%2e.", b"%2e%2e"];
    path_and_query
        .split(|&byte| byte == b'?')
        .next()
        .unwrap_or_default()
        .split(|&byte| byte == b'/')
        .any(|segment| {
            segment.len() <= 6 && DOTS.iter().any(|dots| dots.eq_ignore_ascii_case(segment))
        })
}
