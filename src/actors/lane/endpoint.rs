//! An operation as a lane sends it: what is the same for all its requests is
//! made once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::auth::Token;
use crate::connector::{Bound, Operation};
use crate::record::Item;
use crate::transport::{Request, SharedHeaders};

/// One operation of one tenant.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The operation.
    pub operation: Arc<Operation>,
    method: Method,
    headers: SharedHeaders,
    request_id_header: Option<HeaderName>,
    timeout: Duration,
}

impl Endpoint {
    /// The operation of a bound connector. Headers that HTTP doesn't know as
    /// such were refused when the connector was read, so none is lost here.
    #[must_use]
    pub fn new(bound: &Bound) -> Self {
        let operation = Arc::clone(&bound.operation);
        let headers = operation.headers.iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        Self {
            method: Method::from_bytes(operation.method.name().as_bytes())
                .expect("every method of a connector is one of HTTP"),
            headers: headers.collect(),
            request_id_header: bound
                .request_id_header
                .as_ref()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()),
            timeout: operation.timeout,
            operation,
        }
    }

    /// The request for one item.
    pub(super) fn request(&self, item: &Item, token: &Token, request_id: String) -> Request {
        let request_id = self.request_id_header.as_ref().and_then(|name| {
            let value = HeaderValue::from_maybe_shared(Bytes::from(request_id)).ok()?;
            Some((name.clone(), value))
        });
        Request {
            method: self.method.clone(),
            path: item.path.clone(),
            headers: Arc::clone(&self.headers),
            authorization: token.authorization.clone(),
            request_id,
            body: item.body.clone(),
            timeout: self.timeout,
        }
    }
}
