//! An operation as a lane sends it: what is the same for all its requests is
//! made once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::auth::Token;
use crate::connector::{Bound, BucketScope, LimitFacts, Operation, idempotency_key};
use crate::limit::{Hint, rate_limit_hint, retry_after};
use crate::transport::{Reply, Request, SharedHeaders};

use super::attempt::Pending;
use super::call::Call;

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
    marking: Option<Marking>,
}

/// How requests are marked, so that the platform knows a repeat.
#[derive(Clone, Debug)]
struct Marking {
    header: HeaderName,
    /// Where the rows come from.
    source: Arc<str>,
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
            marking: operation
                .idempotency_header()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok())
                .map(|header| Marking {
                    header,
                    source: "".into(),
                }),
            operation,
        }
    }

    /// The same for rows of that source, whose name is part of every
    /// idempotency key.
    #[must_use]
    pub fn for_source(mut self, source: &str) -> Self {
        if let Some(marking) = &mut self.marking {
            marking.source = source.into();
        }
        self
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

    /// The request for the rows of a call.
    pub(super) fn request(&self, call: &Call, token: &Token, request_id: String) -> Request {
        let lead = &call.lead;
        let request_id = self.request_id_header.as_ref().and_then(|name| {
            let value = HeaderValue::from_maybe_shared(Bytes::from(request_id)).ok()?;
            Some((name.clone(), value))
        });
        let write = Request {
            method: self.method.clone(),
            path: lead.item.path.clone(),
            headers: Arc::clone(&self.headers),
            authorization: token.authorization.clone(),
            request_id,
            body: lead.item.body.clone(),
            timeout: self.timeout,
        };
        if call.is_look_up() {
            return self.look_up(lead, write);
        }
        if self.operation.is_batched() {
            return Request {
                body: self.batch_body(call),
                ..write
            };
        }
        match &self.marking {
            Some(marking) => Request {
                headers: self.marked(marking, lead),
                ..write
            },
            None => write,
        }
    }

    /// The request that looks a row's record up, in place of the one that
    /// writes it.
    fn look_up(&self, pending: &Pending, write: Request) -> Request {
        let look_up = self
            .operation
            .look_up(key_of(pending))
            .expect("rows are looked up only where the connector says how");
        Request {
            method: Method::from_bytes(look_up.method.name().as_bytes())
                .expect("every method of a connector is one of HTTP"),
            path: Bytes::from(look_up.path),
            body: Bytes::from(look_up.body),
            timeout: look_up.timeout,
            ..write
        }
    }

    fn batch_body(&self, call: &Call) -> Bytes {
        /// Room for the list's own text, and for each record's comma and number.
        const AROUND: usize = 64;
        let length: usize = call
            .rows()
            .map(|pending| pending.item.body.len() + AROUND)
            .sum();
        let mut body = Vec::with_capacity(length + AROUND);
        let records = call
            .rows()
            .map(|pending| (pending.item.body.as_ref(), pending.item.row.0));
        self.operation.write_batch_body(records, &mut body);
        Bytes::from(body)
    }

    fn marked(&self, marking: &Marking, pending: &Pending) -> SharedHeaders {
        let entity = &self.operation.name;
        let key = idempotency_key(&marking.source, entity, key_of(pending));
        let value = HeaderValue::from_maybe_shared(Bytes::from(key))
            .expect("hexadecimal digits are a header's value");
        let mark = (marking.header.clone(), value);
        self.headers.iter().cloned().chain([mark]).collect()
    }
}

/// The row's key, which the mapper read as text.
pub(super) fn key_of(pending: &Pending) -> &str {
    std::str::from_utf8(&pending.item.key).unwrap_or_default()
}
