//! A tenant over HTTP: the read that the connector names, or the job's own
//! writes in turn.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::auth::Token;
use crate::connector::{Bound, Classified, Operation, ProbeRead};
use crate::error::{FatalError, FatalKind};
use crate::transport::{Reply, Request, SharedHeaders, Transport, shared_headers};

use super::record::Asked;
use super::replies::ReplyReader;
use super::target::{Other, Target};
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
    /// Tokens beside the usual ones, of the same client.
    other_tokens: Tokens,
    /// Another read, and what its replies mean.
    other_read: Option<(Bytes, ReplyReader)>,
    asked: Cell<u64>,
    /// Whether a token was refused since the other one was had.
    is_token_refused: Cell<bool>,
}

impl<Way: Transport> HttpTarget<Way> {
    pub(crate) fn new(
        way: Way,
        questions: Questions,
        bound: &Bound,
        tokens: Rc<Tokens>,
        other_tokens: Tokens,
    ) -> Self {
        let (method, headers, timeout) = match &questions {
            Questions::Read(read) => (Method::GET, &read.headers, read.timeout),
            Questions::Writes { operation, .. } => (
                Method::from_bytes(operation.method.name().as_bytes())
                    .expect("every method of a connector is one of HTTP"),
                &operation.headers,
                operation.timeout,
            ),
        };
        let other_read = match &questions {
            Questions::Read(read) => read.other.as_deref().cloned(),
            Questions::Writes { .. } => None,
        };
        Self {
            way,
            method,
            headers: shared_headers(headers),
            timeout,
            request_id_header: bound
                .request_id_header
                .as_ref()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()),
            reader: ReplyReader::new(questions, bound.limits.clone()),
            tokens,
            other_tokens,
            other_read: other_read.map(|read| {
                let path = Bytes::from(read.target.clone());
                let reader = ReplyReader::new(Questions::Read(read), bound.limits.clone());
                (path, reader)
            }),
            asked: Cell::new(0),
            is_token_refused: Cell::new(false),
        }
    }

    fn request(&self, number: u64, token: &Token, other: Option<Other>) -> Request {
        let (path, body) = match self.reader.questions() {
            Questions::Read(read) => match (other, &self.other_read) {
                (Some(Other::Read), Some((path, _))) => (path.clone(), Bytes::new()),
                _ => (Bytes::from(read.target.clone()), Bytes::new()),
            },
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
            credentials: Arc::clone(&token.headers),
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
    async fn can_ask(&self, other: Other) -> bool {
        self.is_token_refused.set(false);
        if other == Other::Read {
            return self.other_read.is_some();
        }
        let had = (
            self.tokens.newer_than(None).await,
            self.other_tokens.newer_than(None).await,
        );
        // Some tenants give the same token again until it ends.
        matches!(had, (Ok(one), Ok(other)) if one.headers != other.headers)
    }

    fn is_steady(&self) -> bool {
        !self.is_token_refused.get()
    }

    async fn ask(&self, other: Option<Other>) -> Asked {
        let number = self.asked.get();
        self.asked.set(number + 1);
        let tokens = match other {
            Some(Other::Token) => &self.other_tokens,
            _ => &*self.tokens,
        };
        let reader = match (other, &self.other_read) {
            (Some(Other::Read), Some((_, reader))) => reader,
            _ => &self.reader,
        };
        let mut refused_token = None;
        loop {
            let token = match tokens.newer_than(refused_token).await {
                Ok(token) => token,
                Err(error) => return Asked::Impossible(error),
            };
            let request = self.request(number, &token, other);
            let replied = self.way.send(request).await;
            if let Ok(reply) = &replied
                && let Some(why) = reader.token_refusal(reply)
            {
                self.is_token_refused.set(true);
                if refused_token.is_none() {
                    refused_token = Some(token.generation);
                    continue;
                }
                let message =
                    format!("the tenant refuses the credentials, two times in a row: {why}");
                return Asked::Impossible(
                    FatalError::new(FatalKind::Credentials, message).with_hint(
                        "Check the credentials, and that they and the base URL belong to the same tenant and region.",
                    ),
                );
            }
            return reader.read(&replied);
        }
    }
}
