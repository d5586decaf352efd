//! One operation, compiled: what a request for a record looks like, and what
//! its reply means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mapping::Contract;
use crate::record::OutcomeKind;

use super::batch::BatchForm;
use super::change::ChangeForm;
use super::class::{Effect, ReplyClass};
use super::escape::Escape;
use super::job::Job;
use super::look_up::LookUp;
use super::reply::{Classified, ReplyRules};

/// Everything but the unreserved characters of RFC 3986, section 2.3. A key so
/// encoded is one path segment whatever it holds.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The HTTP methods that write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// The method as it stands in a request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether HTTP itself lets the method be repeated. PATCH doesn't promise
    /// it in general (RFC 5789), but a patch that sets fields does.
    pub(super) fn is_repeatable_by_default(self) -> bool {
        !matches!(self, Self::Post)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One operation of a bound connector.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The operation's name in the connector file.
    pub name: Arc<str>,
    /// The HTTP method.
    pub method: Method,
    /// What it does to the record.
    pub effect: Effect,
    /// Whether sending the same request twice does no harm.
    pub repeatable: bool,
    /// How long a reply is waited for.
    pub timeout: Duration,
    /// Records per request, at least 1; 1 where they don't travel in lists.
    pub batch_cap: usize,
    /// Headers of the request, besides the token's and the body's own.
    pub headers: Vec<(String, String)>,
    /// Headers of its look-ups, besides the token's and the body's own.
    pub look_up_headers: Vec<(String, String)>,
    /// The fields that it takes.
    pub contract: Contract,
    pub(super) path: Vec<PathPart>,
    pub(super) body_open: Vec<u8>,
    pub(super) body_close: Vec<u8>,
    pub(super) replies: ReplyRules,
    pub(super) batch: Option<BatchForm>,
    pub(super) job: Option<Job>,
    pub(super) look_up: Option<LookUp>,
    pub(super) idempotency_header: Option<String>,
    /// Where the record stands in its envelope.
    pub(super) envelope_pointer: String,
    /// Places of the record that are only sent when it is made.
    pub(super) set_once: Vec<String>,
    /// Where the platform's own id of the record stands in a reply.
    pub(super) id_pointer: Option<String>,
    /// How a found record is changed.
    pub(super) change: ChangeForm,
}

/// One piece of a request's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathPart {
    /// Bytes that are the same for all records, encoded.
    Fixed(Vec<u8>),
    /// The key.
    Key(Escape),
    /// The id of the record that was found, or of a job.
    Id,
}

impl Operation {
    /// The platform's own id of a call, which its support knows; `None` where the
    /// reply tells none, or the connector doesn't say where it stands. `header`
    /// gives a header's value by its name.
    #[must_use]
    pub fn told_request_id<'reply>(
        &self,
        header: &dyn Fn(&str) -> Option<&'reply str>,
    ) -> Option<String> {
        self.replies.request_id(header)
    }

    /// Appends the request's target for the record of that key: the base
    /// address's path, then the operation's. The key is percent-encoded into
    /// one segment. A key of `.` or `..` must not come here: dots can't be
    /// encoded away, and [`crate::mapping`] refuses such rows.
    pub fn write_path(&self, key: &str, out: &mut Vec<u8>) {
        for part in &self.path {
            match part {
                PathPart::Fixed(bytes) => out.extend_from_slice(bytes),
                PathPart::Key(escape) => write_segment(&escape.of(key), out),
                PathPart::Id => unreachable!("only a change has it, and goes by `change`"),
            }
        }
    }

    /// Appends the body: what `write_record` appends, in the operation's
    /// envelope.
    ///
    /// # Errors
    /// Those of `write_record`; `out` is then as it was.
    pub fn wrap_body<Failure>(
        &self,
        out: &mut Vec<u8>,
        write_record: impl FnOnce(&mut Vec<u8>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let start = out.len();
        out.extend_from_slice(&self.body_open);
        match write_record(out) {
            Ok(()) => {
                out.extend_from_slice(&self.body_close);
                Ok(())
            }
            Err(failure) => {
                out.truncate(start);
                Err(failure)
            }
        }
    }

    /// What a reply means. `header` gives a header's value by its name, in
    /// whatever letter case. A reply that is done costs no look at the body
    /// and no memory, unless a rule of the connector asks for the body.
    #[must_use]
    pub fn classify<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
    ) -> Classified {
        self.replies.classify_write(status, header, body)
    }

    /// How a row ends whose reply was classed so; `None` for the classes after
    /// which the row is sent again or the run ends.
    #[must_use]
    pub fn outcome(&self, class: ReplyClass, status: u16) -> Option<OutcomeKind> {
        match class {
            ReplyClass::Done => Some(self.effect.outcome(status)),
            ReplyClass::Unchanged => Some(OutcomeKind::Unchanged),
            // A conflict is never counted as done.
            ReplyClass::Rejected | ReplyClass::Conflict => Some(OutcomeKind::Rejected),
            ReplyClass::Missing => Some(OutcomeKind::Missing),
            ReplyClass::Unknown => Some(OutcomeKind::Unknown),
            ReplyClass::Throttled
            | ReplyClass::Retry
            | ReplyClass::RefreshToken
            | ReplyClass::Fatal => None,
        }
    }
}

/// Appends a text as one path segment.
pub(super) fn write_segment(text: &str, out: &mut Vec<u8>) {
    for part in percent_encode(text.as_bytes(), SEGMENT) {
        out.extend_from_slice(part.as_bytes());
    }
}
