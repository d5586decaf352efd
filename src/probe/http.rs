//! A tenant over HTTP: the read that the connector names, or the job's own
//! writes in turn.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::connector::{Bound, Classified, Operation, ProbeRead};
use crate::error::{FatalError, FatalKind};
use crate::transport::{Reply, Request, SharedHeaders, Transport};

use super::record::Asked;
use super::replies::ReplyReader;
use super::target::Target;
use super::tokens::Tokens;

/// What is asked.
#[derive(Clone, Debug)]
pub enum Questions {
    /// The connector's read, which changes nothing.
    Read(ProbeRead),
    /// Rows' own writes, one after the other and then from the first again:
    /// target and body of each.
    Writes {
        /// The operation.
        operation: Arc<Operation>,
        /// Path and body, at least one.
        rows: Vec<(Bytes, Bytes)>,
    },
}

impl Questions {
    /// The endpoint's name, as the loader calls the limit.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match self {
            Self::Read(read) => read.endpoint.clone(),
            Self::Writes { operation, .. } => operation.name.to_string(),
        }
    }

    pub(super) fn classify(&self, reply: &Reply) -> Classified {
        let header = |name: &str| reply.headers.get(name)?.to_str().ok();
        match self {
            Self::Read(read) => read.classify(reply.status, &header, &reply.body),
            Self::Writes { operation, .. } => {
                operation.classify(reply.status, &header, &reply.body)
            }
        }
    }
}

/// The tenant, and everything that a request to it needs.
pub(crate) struct HttpTarget<Way> {
    way: Way,
    reader: ReplyReader,
    method: Method,
    headers: SharedHeaders,
    timeout: Duration,
    request_id_header: Option<HeaderName>,
    tokens: Rc<Tokens>,
    asked: Cell<u64>,
}

impl<Way: Transport> HttpTarget<Way> {
    pub(crate) fn new(way: Way, questions: Questions, bound: &Bound, tokens: Rc<Tokens>) -> Self {
        let (method, headers, timeout) = match &questions {
            Questions::Read(read) => (Method::GET, &read.headers, read.timeout),
            Questions::Writes { operation, .. } => (
                Method::from_bytes(operation.method.name().as_bytes())
                    .expect("every method of a connector is one of HTTP"),
                &operation.headers,
                operation.timeout,
            ),
        };
        let header = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        Self {
            way,
            method,
            headers: headers.iter().filter_map(header).collect(),
            timeout,
            request_id_header: bound
                .request_id_header
                .as_ref()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()),
            reader: ReplyReader::new(questions, bound.limits.clone()),
            tokens,
            asked: Cell::new(0),
        }
    }

    fn request(&self, number: u64, authorization: HeaderValue) -> Request {
        let (path, body) = match self.reader.questions() {
            Questions::Read(read) => (Bytes::from(read.target.clone()), Bytes::new()),
            Questions::Writes { rows, .. } => {
                let row = &rows[usize::try_from(number).unwrap_or(0) % rows.len()];
                row.clone()
            }
        };
        let id = format!("probe-{}-{number}", std::process::id());
        Request {
            method: self.method.clone(),
            path,
            headers: Arc::clone(&self.headers),
            authorization,
            request_id: self
                .request_id_header
                .clone()
                .zip(HeaderValue::from_str(&id).ok()),
            body,
            timeout: self.timeout,
        }
    }
}

impl<Way: Transport> Target for HttpTarget<Way> {
    async fn ask(&self) -> Asked {
        let number = self.asked.get();
        self.asked.set(number + 1);
        let mut refused_token = None;
        loop {
            let token = match self.tokens.newer_than(refused_token).await {
                Ok(token) => token,
                Err(error) => return Asked::Impossible(error),
            };
            let request = self.request(number, token.authorization.clone());
            let replied = self.way.send(request).await;
            let is_refused = replied
                .as_ref()
                .is_ok_and(|reply| self.reader.is_token_refused(reply));
            if is_refused && refused_token.is_none() {
                refused_token = Some(token.generation);
                continue;
            }
            if is_refused {
                return Asked::Impossible(FatalError::new(
                    FatalKind::Credentials,
                    "the tenant refused two fresh tokens in a row; check that client and base URL belong to the same tenant and region",
                ));
            }
            return self.reader.read(&replied);
        }
    }
}
