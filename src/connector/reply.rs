//! What a reply means.

use serde_json::Value;

use super::class::ReplyClass;
use super::condition::{Condition, Subject};
use super::message::{self, Pointers};
use super::rule_file::ReplySection;

/// Bytes of a body that are looked at. The longest error bodies of the
/// platforms have a few thousand; beyond it lies what isn't an error body.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// What a reply means, and why, in the columns of `rejected.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// What the reply means.
    pub class: ReplyClass,
    /// `http_` and the status; empty for a reply that is done or unchanged.
    pub error: String,
    /// The field that the body names, if it names one.
    pub field: String,
    /// The reason that the body names, or a short word about the body; at most
    /// 500 characters, without control characters. Empty for a reply that is
    /// done or unchanged.
    pub message: String,
    /// The platform's id of the call; `None` for a reply that is done or
    /// unchanged, which nobody asks support about.
    pub request_id: Option<String>,
}

impl Classified {
    /// A reply that nothing more is to be said about.
    fn plain(class: ReplyClass) -> Self {
        Self {
            class,
            error: String::new(),
            field: String::new(),
            message: String::new(),
            request_id: None,
        }
    }
}

/// The rules of one operation.
#[derive(Clone, Debug)]
pub(super) struct ReplyRules {
    pub(super) rules: Vec<ReplyRule>,
    pub(super) pointers: Pointers,
    pub(super) request_id_headers: Vec<String>,
}

/// One rule: what a reply looks like, and what it means.
#[derive(Clone, Debug)]
pub(super) struct ReplyRule {
    pub(super) condition: Condition,
    pub(super) class: ReplyClass,
}

impl ReplyRule {
    pub(super) fn new(section: &ReplySection) -> Self {
        Self {
            condition: Condition::new(&section.conditions()),
            class: section.class,
        }
    }
}

impl ReplyRules {
    pub(super) fn classify<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
    ) -> Classified {
        let mut parsed = Parsed::new(body, MAX_BODY_BYTES);
        let class = self
            .ruled(status, &mut parsed)
            .unwrap_or_else(|| ReplyClass::by_default(status));
        self.explain(class, status, header, &mut parsed)
    }

    /// The same of a reply to a write, which a page for people leaves unknown.
    pub(super) fn classify_write<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
    ) -> Classified {
        let classified = self.classify(status, header, body);
        match classified.class {
            ReplyClass::Done | ReplyClass::Unchanged if is_web_page(body) => {
                let mut parsed = Parsed::new(body, MAX_BODY_BYTES);
                self.explain(ReplyClass::Unknown, status, header, &mut parsed)
            }
            _ => classified,
        }
    }

    /// The class of the first rule that is about the reply.
    pub(super) fn ruled(&self, status: u16, parsed: &mut Parsed<'_>) -> Option<ReplyClass> {
        self.rules
            .iter()
            .find(|rule| rule.condition.holds(Some(status), parsed))
            .map(|rule| rule.class)
    }

    /// A class with its reason.
    pub(super) fn explain<'reply>(
        &self,
        class: ReplyClass,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        parsed: &mut Parsed<'_>,
    ) -> Classified {
        if matches!(class, ReplyClass::Done | ReplyClass::Unchanged) {
            return Classified::plain(class);
        }
        let body = parsed.body;
        let (field, message) =
            message::explain(status, class, header, body, parsed.json(), &self.pointers);
        Classified {
            class,
            error: format!("http_{status}"),
            field,
            message,
            request_id: self.request_id(header),
        }
    }

    /// The platform's own id of a call, where its reply tells it.
    pub(super) fn request_id<'reply>(
        &self,
        header: &dyn Fn(&str) -> Option<&'reply str>,
    ) -> Option<String> {
        let mut told = self
            .request_id_headers
            .iter()
            .filter_map(|name| header(name));
        told.next().map(message::clean).filter(|id| !id.is_empty())
    }
}

/// Whether it is a page for people: a proxy's or a portal's, asking to log in,
/// say. Then it isn't the API that has answered, whatever the status.
fn is_web_page(body: &[u8]) -> bool {
    let text = body.trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"].iter().any(|start| {
        let head = text.get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start))
    })
}

/// Whether the text stands in the body, ASCII letters in whatever case.
pub(super) fn contains_ignoring_case(body: &[u8], text: &[u8]) -> bool {
    let body = &body[..body.len().min(MAX_BODY_BYTES)];
    text.is_empty()
        || body
            .windows(text.len())
            .any(|window| window.eq_ignore_ascii_case(text))
}

/// Why a body is no JSON that can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoJson {
    /// There is no body.
    Empty,
    /// It is too long to be an error body.
    TooLong,
    /// It begins as JSON and breaks off.
    BrokenOff,
    /// It is something else.
    NotJson,
}

/// A body, parsed at most once and only when somebody asks.
pub(super) struct Parsed<'reply> {
    body: &'reply [u8],
    longest: usize,
    json: Option<Result<Value, NoJson>>,
}

impl<'reply> Parsed<'reply> {
    /// A body of which no more than `longest` bytes are worth reading.
    pub(super) fn new(body: &'reply [u8], longest: usize) -> Self {
        Self {
            body,
            longest,
            json: None,
        }
    }

    pub(super) fn json(&mut self) -> Result<&Value, NoJson> {
        let body = self.body;
        self.json
            .get_or_insert_with(|| match body {
                body if body.iter().all(u8::is_ascii_whitespace) => Err(NoJson::Empty),
                body if body.len() > self.longest => Err(NoJson::TooLong),
                body => serde_json::from_slice(body).map_err(|error| match error.is_eof() {
                    true => NoJson::BrokenOff,
                    false => NoJson::NotJson,
                }),
            })
            .as_ref()
            .map_err(|why| *why)
    }
}

impl Subject for Parsed<'_> {
    fn contains(&self, text: &str) -> bool {
        contains_ignoring_case(self.body, text.as_bytes())
    }

    fn tree(&mut self) -> Option<&Value> {
        self.json().ok()
    }
}
