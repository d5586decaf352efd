//! A tenant over HTTP: the read that the connector names, or the job's own
//! writes in turn.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::connector::{Bound, Classified, LimitFacts, Operation, ProbeRead, ReplyClass};
use crate::error::{FatalError, FatalKind};
use crate::limit::{rate_limit_hint, retry_after, retry_after_in_body};
use crate::transport::{Reply, Request, SharedHeaders, Transport};

use super::record::{Answer, Asked, WaitForm};
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

    fn classify(&self, reply: &Reply) -> Classified {
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
    questions: Questions,
    method: Method,
    headers: SharedHeaders,
    timeout: Duration,
    request_id_header: Option<HeaderName>,
    limits: LimitFacts,
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
            limits: bound.limits.clone(),
            questions,
            tokens,
            asked: Cell::new(0),
        }
    }

    fn request(&self, number: u64, authorization: HeaderValue) -> Request {
        let (path, body) = match &self.questions {
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

    fn read(&self, reply: &Reply) -> Asked {
        let classified = self.questions.classify(reply);
        let (told, form) = self.told(reply, classified.class);
        let (answer, wait_s) = match classified.class {
            ReplyClass::Throttled => (Answer::Refused { wait_s: told }, told),
            ReplyClass::Done | ReplyClass::Unchanged | ReplyClass::Unknown => {
                (Answer::Admitted, None)
            }
            ReplyClass::Retry => (Answer::Failed, told),
            // The limit let a row's write in, whatever became of it.
            ReplyClass::Rejected | ReplyClass::Missing | ReplyClass::Conflict
                if matches!(self.questions, Questions::Writes { .. }) =>
            {
                (Answer::Admitted, None)
            }
            _ => return Asked::Impossible(self.explain(reply.status, &classified)),
        };
        let header = |name: &str| self.header(reply, name);
        Asked::Answered {
            answer,
            wait_s,
            form,
            hint: rate_limit_hint(&header),
            what: format!("status {}", reply.status),
        }
    }

    /// A header, under the names that the connector file gives them.
    fn header<'reply>(&self, reply: &'reply Reply, name: &str) -> Option<&'reply str> {
        let plain = |name: &str| reply.headers.get(name)?.to_str().ok();
        let named = |names: &[String]| names.iter().find_map(|name| plain(name));
        let told = match name {
            "retry-after" => named(&self.limits.retry_after),
            "x-ratelimit-limit" => named(&self.limits.limit),
            "x-ratelimit-remaining" => named(&self.limits.remaining),
            "x-ratelimit-reset" => named(&self.limits.reset),
            _ => None,
        };
        told.or_else(|| plain(name))
    }

    /// The wait that a reply asks for, in seconds, and its form.
    fn told(&self, reply: &Reply, class: ReplyClass) -> (Option<f64>, WaitForm) {
        let header = |name: &str| self.header(reply, name);
        if let Some(wait) = retry_after(&header) {
            let text = header("retry-after").unwrap_or_default();
            let is_number = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            let form = match (is_number, text.contains('.')) {
                (true, true) => WaitForm::Fraction,
                (true, false) => WaitForm::Seconds,
                (false, _) => WaitForm::HttpDate,
            };
            return (Some(wait.as_secs_f64()), form);
        }
        let in_body = (class == ReplyClass::Throttled)
            .then(|| std::str::from_utf8(&reply.body).ok())
            .flatten()
            .and_then(retry_after_in_body);
        match in_body {
            Some(wait) => (Some(wait.as_secs_f64()), WaitForm::Body),
            None => (None, WaitForm::None),
        }
    }

    fn explain(&self, status: u16, classified: &Classified) -> FatalError {
        let said = match classified.message.as_str() {
            "" => String::new(),
            message => format!(" ({message})"),
        };
        let asked = self.questions.endpoint();
        let (kind, hint) = match status {
            401 | 403 => (
                FatalKind::Credentials,
                "Give the client the permission to read this, or name another read under `probe` in a copy of the connector file; `--write` probes with the job's own rows.",
            ),
            404 => (
                FatalKind::Tenant,
                "Name a read that this tenant has under `probe` in a copy of the connector file; `--write` probes with the job's own rows.",
            ),
            _ => (
                FatalKind::Tenant,
                "Check the `probe` section of the connector file.",
            ),
        };
        FatalError::new(
            kind,
            format!("the tenant answers {asked} with status {status}{said}, so there is nothing to measure"),
        )
        .with_hint(hint)
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
            let reply = match self.way.send(request).await {
                Ok(reply) => reply,
                Err(error) if error.is_permanent() => {
                    let hint = error.hint().unwrap_or_default();
                    return Asked::Impossible(
                        FatalError::new(FatalKind::Tenant, error.to_string()).with_hint(hint),
                    );
                }
                Err(error) => {
                    return Asked::Answered {
                        answer: Answer::Failed,
                        wait_s: None,
                        form: WaitForm::None,
                        hint: None,
                        what: error.to_string(),
                    };
                }
            };
            let is_refused = self.questions.classify(&reply).class == ReplyClass::RefreshToken;
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
            return self.read(&reply);
        }
    }
}
