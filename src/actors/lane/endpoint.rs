//! An operation as a lane sends it: what is the same for all its requests is
//! made once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::auth::Token;
use crate::connector::{Bound, BucketScope, LimitFacts, Operation};
use crate::limit::{Hint, rate_limit_hint, retry_after};
use crate::record::Item;
use crate::transport::{Reply, Request, SharedHeaders};

/// What a reply says about limits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LimitWords {
    /// The wait that it asks for.
    pub(super) retry_after: Option<Duration>,
    /// What it tells of the limit.
    pub(super) hint: Option<Hint>,
}

/// One operation of one tenant.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The operation.
    pub operation: Arc<Operation>,
    method: Method,
    headers: SharedHeaders,
    request_id_header: Option<HeaderName>,
    timeout: Duration,
    limit_headers: LimitFacts,
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
            limit_headers: bound.limits.clone(),
            operation,
        }
    }

    /// The wait that a reply asks for, and what it tells of the limit, under
    /// the names that the connector file gives the headers.
    pub(super) fn limit_words(&self, reply: &Reply) -> LimitWords {
        // Most tenants send none, and looking for every name costs more than
        // looking whether there can be one.
        let may_tell = |name: &HeaderName| {
            let name = name.as_str();
            name.contains("limit") || name.contains("retry")
        };
        let facts = &self.limit_headers;
        let is_named = !(facts.limit.is_empty() && facts.remaining.is_empty());
        if !is_named && !reply.headers.keys().any(may_tell) {
            return LimitWords::default();
        }
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        let named = |names: &[String]| names.iter().find_map(|name| header(name));
        let lookup = |name: &str| {
            let told = match name {
                "retry-after" => named(&facts.retry_after),
                "x-ratelimit-limit" => named(&facts.limit),
                "x-ratelimit-remaining" => named(&facts.remaining),
                "x-ratelimit-reset" => named(&facts.reset),
                _ => None,
            };
            told.or_else(|| header(name))
        };
        LimitWords {
            retry_after: retry_after(&lookup),
            hint: rate_limit_hint(&lookup),
        }
    }

    /// Whose limit a refusal names, where it names one.
    pub(super) fn bucket(&self, refusal: &Reply) -> Option<BucketScope> {
        self.limit_headers.buckets.scope(&refusal.body)
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
