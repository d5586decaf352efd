//! A request, taken apart.

use std::ops::RangeInclusive;

use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Uri};
use serde_json::Value;

use super::error_form::Flaw;
use crate::tenant::contact_api::percent_decode;

/// A request to a platform, its body read.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path's steps, decoded.
    pub(crate) steps: Vec<String>,
    /// The query's pairs, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// None if it is larger than the tenant takes.
    pub(crate) body: Option<Bytes>,
}

impl Call {
    /// None where the path or the query isn't percent-encoded well.
    pub(crate) fn new(
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Option<Self> {
        let steps = uri
            .path()
            .trim_start_matches('/')
            .split('/')
            .map(percent_decode)
            .collect::<Option<_>>()?;
        let query = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let decode = |text: &str| percent_decode(&text.replace('+', " "));
                Some((decode(name)?, decode(value)?))
            })
            .collect::<Option<_>>()?;
        Some(Call {
            method,
            steps,
            query,
            headers,
            body,
        })
    }

    /// The path's steps, to be matched.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.steps.iter().map(String::as_str).collect()
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// A whole number of the query, within bounds.
    pub(crate) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, Flaw> {
        self.number_within(name, default, 0..=most)
    }

    /// The same where a number may be too small as well.
    pub(crate) fn number_within(
        &self,
        name: &str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> Result<usize, Flaw> {
        let Some(text) = self.parameter(name) else {
            return Ok(default);
        };
        let number = text.parse().ok();
        number
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| {
                let (least, most) = (bounds.start(), bounds.end());
                let message = format!("{name} must be a number between {least} and {most}");
                Flaw::of_field("invalid.query.param.value", name, message)
            })
    }

    /// Refuses parameters that the route doesn't have.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Flaw> {
        let stray = self
            .query
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()));
        match stray {
            None => Ok(()),
            Some((name, _)) => Err(Flaw::of_field(
                "invalid.query.param.value",
                name,
                format!("there is no query parameter {name}"),
            )),
        }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Flaw> {
        let kind = self.header(&CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let message = "the content type must be application/json";
            return Err(Flaw::new(415, "unsupported.media.type", message));
        }
        let Some(body) = &self.body else {
            return Err(Flaw::new(
                413,
                "request.entity.too.large",
                "the body is too large",
            ));
        };
        serde_json::from_slice(body).map_err(|error| {
            Flaw::new(400, "bad.request", format!("the body is not JSON: {error}"))
        })
    }

    /// Whether the client takes JSON, and says so.
    pub(crate) fn accepts_json(&self) -> bool {
        self.header(&ACCEPT)
            .is_some_and(|accept| accept.contains("application/json"))
    }

    /// The host that was asked.
    pub(crate) fn host(&self) -> &str {
        self.header(&HOST).unwrap_or("127.0.0.1")
    }

    fn header(&self, name: &hyper::header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
