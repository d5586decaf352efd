//! What a reply says about the limit: let in, refused, or trouble; and the wait
//! and the headers that come with it.

use crate::connector::{Classified, LimitFacts, ReplyClass};
use crate::error::{FatalError, FatalKind};
use crate::limit::{rate_limit_hint, retry_after, retry_after_in_body};
use crate::transport::{Cause, Reply, SendError};

use super::http::Questions;
use super::record::{Answer, Asked, WaitForm};

/// Reads replies to a probe's questions, by the connector's rules.
pub(crate) struct ReplyReader {
    questions: Questions,
    limits: LimitFacts,
}

impl ReplyReader {
    pub(crate) fn new(questions: Questions, limits: LimitFacts) -> Self {
        Self { questions, limits }
    }

    pub(super) fn questions(&self) -> &Questions {
        &self.questions
    }

    /// The tenant's words where it refuses the token; `None` where it doesn't.
    pub(super) fn token_refusal(&self, reply: &Reply) -> Option<String> {
        let told = self.questions.classify(reply);
        (told.class == ReplyClass::RefreshToken)
            .then(|| format!("status {}, {}", reply.status, told.message))
    }

    /// What came back, or that nothing did.
    pub(crate) fn read(&self, replied: &Result<Reply, SendError>) -> Asked {
        match replied {
            Ok(reply) => self.read_reply(reply),
            Err(error) if error.is_permanent() => {
                let hint = error.hint().unwrap_or_default();
                Asked::Impossible(
                    FatalError::new(FatalKind::Tenant, error.to_string()).with_hint(hint),
                )
            }
            Err(error) => Asked::Answered {
                answer: match error.cause {
                    Cause::Reset => Answer::Doubtful { wait_s: None },
                    _ => Answer::Failed,
                },
                wait_s: None,
                form: WaitForm::None,
                hint: None,
                what: error.to_string(),
            },
        }
    }

    fn read_reply(&self, reply: &Reply) -> Asked {
        let classified = self.questions.classify(reply);
        let (told, form) = self.told(reply, classified.class);
        let (answer, wait_s) = match classified.class {
            ReplyClass::Throttled => (Answer::Refused { wait_s: told }, told),
            ReplyClass::Done | ReplyClass::Unchanged | ReplyClass::Unknown => {
                (Answer::Admitted, None)
            }
            ReplyClass::Retry if reply.status == 503 => (Answer::Doubtful { wait_s: told }, told),
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
