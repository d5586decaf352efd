//! Looking a record up by its key: whether a request that was never answered
//! had its effect.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::change::put;
use super::class::ReplyClass;
use super::condition::Condition;
use super::escape::Escape;
use super::found::{FoundPlaces, MAX_RECORD_BYTES};
use super::look_up_batch::LookUpBatch;
use super::message::{id_text, scalar_text};
use super::operation::{Operation, PathPart, write_segment};
use super::reply::{NoJson, Parsed};

/// The HTTP methods that look-ups have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LookUpMethod {
    /// GET
    #[default]
    Get,
    /// POST, for platforms that search so.
    Post,
}

impl LookUpMethod {
    /// The method as it stands in a request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// How a record is looked up, compiled.
#[derive(Clone, Debug)]
pub(super) struct LookUp {
    pub(super) method: LookUpMethod,
    pub(super) path: Vec<PathPart>,
    /// The texts of the body, each with its place in it.
    pub(super) body: Vec<(String, Vec<TextPart>)>,
    pub(super) found: Vec<Condition>,
    pub(super) absent: Vec<Condition>,
    /// Fields, and where they stand in the reply.
    pub(super) same: Vec<(String, String)>,
    pub(super) id: Vec<String>,
    /// Where the record itself is; `None` where the connector doesn't say.
    pub(super) places: Option<FoundPlaces>,
    pub(super) timeout: Duration,
    pub(super) believed_after: Duration,
    /// How several are looked up at once; `None` where they aren't.
    pub(super) batch: Option<LookUpBatch>,
}

/// One piece of a text with the key in it.
#[derive(Clone, Debug)]
pub(super) enum TextPart {
    Fixed(String),
    Key(Escape),
}

impl TextPart {
    /// The text with the key in it.
    pub(super) fn filled(parts: &[Self], key: &str) -> String {
        let texts = parts.iter().map(|part| match part {
            Self::Fixed(fixed) => Cow::from(fixed.as_str()),
            Self::Key(escape) => escape.of(key),
        });
        texts.collect()
    }
}

/// A look-up's request. Its headers are [`Operation::look_up_headers`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUpRequest {
    /// The method.
    pub method: LookUpMethod,
    /// Path and query, percent-encoded, below the base URL's host.
    pub path: Vec<u8>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How long a reply is waited for.
    pub timeout: Duration,
    /// How long after the request that it asks about the look-up has to be sent
    /// for its "isn't there" to be believed: some platforms know a new record
    /// only after a while. "It is there" is believed at any time.
    pub believed_after: Duration,
}

/// What a look-up's reply says of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUpAnswer {
    /// It is there: the request had its effect.
    Found {
        /// The platform's own id of it, where the reply has it.
        id: Option<String>,
    },
    /// It isn't there: the request had no effect, and may be sent again.
    Absent,
    /// Too many requests: wait as told, then ask again.
    Throttled,
    /// A passing failure: ask again a little later.
    Retry,
    /// The token isn't accepted: get a new one, then ask again.
    RefreshToken,
    /// Nobody is let in.
    Fatal,
    /// The reply proves neither; the row stays unknown.
    NotSure {
        /// Why, in words for `unknown.csv`.
        message: String,
    },
}

/// What is done about a row whose request left and was never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubt {
    /// It is sent again: that does no harm.
    Repeat,
    /// The record is looked up, and the row sent again only if it isn't there.
    LookUp,
    /// It stays unknown: nothing can tell.
    Keep,
}

impl Operation {
    /// What is done about a row whose request left and was never answered. A
    /// look-up goes before an idempotency key: what platforms remember of keys
    /// they forget after a day, and a record is there for longer.
    #[must_use]
    pub fn in_doubt(&self) -> InDoubt {
        match (self.repeatable, &self.look_up, &self.idempotency_header) {
            (true, ..) => InDoubt::Repeat,
            (false, Some(_), _) => InDoubt::LookUp,
            (false, None, Some(_)) => InDoubt::Repeat,
            (false, None, None) => InDoubt::Keep,
        }
    }

    /// The header that a row's idempotency key is sent in
    /// ([`idempotency_key`](super::idempotency_key)), if the platform has one.
    #[must_use]
    pub fn idempotency_header(&self) -> Option<&str> {
        self.idempotency_header.as_deref()
    }

    /// The request that looks the record of that key up; `None` where the
    /// connector names no look-up.
    #[must_use]
    pub fn look_up(&self, key: &str) -> Option<LookUpRequest> {
        let look_up = self.look_up.as_ref()?;
        let mut path = Vec::new();
        for part in &look_up.path {
            match part {
                PathPart::Fixed(bytes) => path.extend_from_slice(bytes),
                PathPart::Key(escape) => write_segment(&escape.of(key), &mut path),
                PathPart::Id => unreachable!("a look-up knows no id yet"),
            }
        }
        let mut members = Value::Null;
        for (place, value) in &look_up.body {
            put(&mut members, place, TextPart::filled(value, key).into());
        }
        let body = match members {
            Value::Null => Vec::new(),
            members => members.to_string().into_bytes(),
        };
        Some(LookUpRequest {
            method: look_up.method,
            path,
            body,
            timeout: look_up.timeout,
            believed_after: look_up.believed_after,
        })
    }

    /// What a look-up's reply says of the record of that key. `sent` is the
    /// record as the mapper serialised it, for the fields that must be the same.
    /// `header` gives a header's value by its name, in whatever letter case.
    ///
    /// Anything but a clear yes or no is no answer: a record that is wrongly
    /// taken as absent is made twice.
    #[must_use]
    pub fn classify_look_up<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
        key: &str,
        sent: &[u8],
    ) -> LookUpAnswer {
        let not_sure = |message: String| LookUpAnswer::NotSure { message };
        let Some(look_up) = &self.look_up else {
            return not_sure("the connector names no way to look a record up".to_owned());
        };
        let mut parsed = Parsed::new(body, MAX_RECORD_BYTES);
        let mut holds = |conditions: &[Condition]| {
            conditions
                .iter()
                .any(|condition| condition.holds(Some(status), &mut parsed))
        };
        let (found, absent) = (holds(&look_up.found), holds(&look_up.absent));
        match (found, absent) {
            (true, true) => not_sure(format!(
                "the look-up's reply (status {status}) shows the record and shows that there is none"
            )),
            (false, true) => LookUpAnswer::Absent,
            (true, false) => match self.difference(look_up, &mut parsed, key, sent) {
                Some(message) => not_sure(message),
                None => LookUpAnswer::Found {
                    id: parsed.json().ok().and_then(|reply| {
                        let mut places = look_up.id.iter();
                        places.find_map(|place| id_text(reply.pointer(place)?))
                    }),
                },
            },
            (false, false) => self.unsure_look_up(status, header, &mut parsed),
        }
    }

    /// What a look-up's reply is about that answers the question neither way.
    pub(super) fn unsure_look_up<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        parsed: &mut Parsed<'_>,
    ) -> LookUpAnswer {
        let class = self
            .replies
            .ruled(status, parsed)
            .filter(|class| class.is_about_the_request())
            .unwrap_or_else(|| ReplyClass::by_default(status));
        // What isn't JSON comes from something between here and there.
        let is_garbled = matches!(parsed.json(), Err(NoJson::BrokenOff | NoJson::NotJson));
        match class {
            ReplyClass::Throttled => LookUpAnswer::Throttled,
            ReplyClass::Retry => LookUpAnswer::Retry,
            ReplyClass::RefreshToken => LookUpAnswer::RefreshToken,
            ReplyClass::Fatal => LookUpAnswer::Fatal,
            _ if is_garbled => LookUpAnswer::Retry,
            class => {
                let class = match class {
                    // A success has no reason to be named otherwise.
                    ReplyClass::Done | ReplyClass::Unchanged => ReplyClass::Unknown,
                    class => class,
                };
                let why = self.replies.explain(class, status, header, parsed);
                LookUpAnswer::NotSure {
                    message: format!(
                        "the record was looked up, and the reply shows neither that it is there nor that it isn't: {}",
                        why.message
                    ),
                }
            }
        }
    }

    /// How the record that was found differs from the one that was sent; `None`
    /// where it doesn't. The message names the field and not its value.
    fn difference(
        &self,
        look_up: &LookUp,
        parsed: &mut Parsed<'_>,
        key: &str,
        sent: &[u8],
    ) -> Option<String> {
        if look_up.same.is_empty() {
            return None;
        }
        let unreadable = || Some("the record that was looked up can't be compared".to_owned());
        let Ok(reply) = parsed.json() else {
            return unreadable();
        };
        let sent: Value = match serde_json::from_slice(sent) {
            Ok(sent) => sent,
            Err(_) => return unreadable(),
        };
        let Some(sent) = sent.pointer(&self.envelope_pointer) else {
            return unreadable();
        };
        for (field, pointer) in &look_up.same {
            let wanted = match *field == self.contract.key {
                true => Some(key.to_owned()),
                // What wasn't sent, or was sent empty, has nothing to be equal to.
                false => sent
                    .get(field)
                    .and_then(scalar_text)
                    .filter(|text| !text.is_empty()),
            };
            let is_same = wanted
                .is_none_or(|wanted| reply.pointer(pointer).and_then(scalar_text) == Some(wanted));
            if !is_same {
                return Some(format!(
                    "a record was found, but its {field} isn't the one that was sent"
                ));
            }
        }
        None
    }

    /// The platform's own id of the record, from a reply that is done.
    #[must_use]
    pub fn target_id(&self, body: &[u8]) -> Option<String> {
        let pointer = self.id_pointer.as_ref()?;
        let mut parsed = Parsed::new(body, MAX_RECORD_BYTES);
        id_text(parsed.json().ok()?.pointer(pointer)?)
    }
}
