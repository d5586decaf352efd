//! The read that a probe sends: a GET that changes nothing, named by the
//! connector file, since every platform has another one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, NameMap, TimeSpan};

use super::check::{Findings, check_names};
use super::check_operation::examine_headers;
use super::class::ReplyClass;
use super::error::ConnectorError;
use super::file::ConnectorFile;
use super::load::Connector;
use super::message::Pointers;
use super::operation_file::OperationSection;
use super::read_target::{check_read_path, query_text};
use super::reply::{Classified, ReplyRule, ReplyRules};
use super::rule_file::ReplySection;
use super::template::Template;
use super::url::HttpUrl;

/// How long a reply is waited for, where the connector doesn't say.
const TIMEOUT: TimeSpan = TimeSpan::from_seconds(30);

/// What a probe asks again and again to find the rate limit: a GET that
/// changes nothing and whose reply is small.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProbeSection {
    /// The path below the base address. `{name}` stands for a variable.
    pub(crate) path: Located<Template>,
    /// What stands behind the `?`, by name; such as a page's size of 1.
    #[serde(default)]
    pub(crate) query: NameMap<Located<Template>>,
    /// Headers of the request besides the token's.
    #[serde(default)]
    pub(crate) headers: NameMap<Located<Template>>,
    /// How long a reply is waited for. Default: 30s.
    pub(crate) timeout: Option<TimeSpan>,
    /// What a reply means; the first match wins. A reply that nothing matches
    /// is classed by its status.
    #[serde(default)]
    pub(crate) replies: Vec<Located<ReplySection>>,
    /// Another read that changes nothing, at another endpoint: does it have a
    /// limit of its own? Asked only once the limit is known. Default: none.
    pub(crate) other: Option<Box<Located<ProbeSection>>>,
}

/// The read of a bound connector.
#[derive(Clone, Debug)]
pub struct ProbeRead {
    /// Method and path as the connector file has them: the endpoint's name.
    pub endpoint: String,
    /// Path and query, encoded.
    pub target: String,
    /// Headers besides the token's.
    pub headers: Vec<(String, String)>,
    /// How long a reply is waited for.
    pub timeout: Duration,
    /// The read at another endpoint that it is compared with.
    pub other: Option<Box<ProbeRead>>,
    replies: Arc<ReplyRules>,
}

impl ProbeRead {
    /// What a reply means.
    #[must_use]
    pub fn classify<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
    ) -> Classified {
        self.replies.classify(status, header, body)
    }
}

/// Adds the mistakes of the section.
pub(super) fn examine(
    findings: &mut Findings,
    file: &ConnectorFile,
    section: Option<&Located<ProbeSection>>,
) {
    if let Some(section) = section {
        examine_section(findings, file, &section.value);
    }
}

fn examine_section(findings: &mut Findings, file: &ConnectorFile, section: &ProbeSection) {
    if let Some(other) = &section.other {
        examine_section(findings, file, &other.value);
        if let Some(further) = &other.value.other {
            findings.add(
                further,
                "the other read names another one",
                "Name one read under `other`; a probe compares with no more.",
            );
        }
    }
    check_read_path(findings, file, &section.path, "the probe's path");
    for entry in &section.query.entries {
        check_names(findings, file, &entry.value, &[]);
    }
    examine_headers(findings, file, &section.headers);
    for reply in &section.replies {
        if reply.value.class == ReplyClass::Done && reply.value.status.contains(429) {
            findings.add(
                reply,
                "a refusal's status is classed as done",
                "Class 429 as throttled: a probe looks for nothing else.",
            );
        }
    }
}

impl Connector {
    /// The read that a probe of an operation sends, with its variables filled in;
    /// `None` where neither names one that goes to the operation's host.
    pub(super) fn probe_read(
        &self,
        operation: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Option<ProbeRead>, ConnectorError> {
        let shared = self.file.probe.as_ref();
        let shared = shared.filter(|_| operation.host.is_none());
        let section = operation.probe.as_ref().or(shared);
        section
            .map(|section| self.read_of_section(base_url, given, &section.value))
            .transpose()
    }

    fn read_of_section(
        &self,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
        section: &ProbeSection,
    ) -> Result<ProbeRead, ConnectorError> {
        let other = section.other.as_ref();
        let other = other
            .map(|other| {
                self.read_of_section(base_url, given, &other.value)
                    .map(Box::new)
            })
            .transpose()?;
        let target = self.read_target(
            base_url,
            given,
            &section.path.value,
            &section.query,
            &section.headers,
        )?;
        Ok(ProbeRead {
            other,
            target: format!("{}{}", target.path, query_text(&target.query)),
            endpoint: target.endpoint,
            headers: target.headers,
            timeout: section.timeout.unwrap_or(TIMEOUT).duration(),
            replies: Arc::new(ReplyRules {
                rules: section
                    .replies
                    .iter()
                    .map(|reply| ReplyRule::new(&reply.value))
                    .collect(),
                pointers: Pointers::new(None, None, Vec::new()),
                request_id_headers: super::bind::values(&self.file.request_id.read),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::connector::{Connector, check_text, source_text};

    fn with_probe(section: &str) -> String {
        let text = source_text("cxone-contacts").expect("built in");
        let start = text.find("\nprobe:").expect("it names a read");
        let end = start
            + 1
            + text[start + 1..]
                .find("\n\n")
                .expect("a blank line follows");
        format!("{}\n{section}{}", &text[..start], &text[end..])
    }

    #[test]
    fn the_read_is_encoded_and_named_by_its_path() {
        let text =
            with_probe("probe:\n  path: /api/{region}/things\n  query: {page size: \"1&2\"}\n");
        let connector = Connector::parse("a connector", &text).expect("right");
        let variables = [
            ("base_url".to_owned(), "http://127.0.0.1:1/below".to_owned()),
            ("region".to_owned(), "eu1".to_owned()),
        ];
        let bound = connector.bind(&variables.into()).expect("bound");
        let read = bound.probe.expect("it names a read");
        assert_eq!(read.endpoint, "GET /api/{region}/things");
        assert_eq!(read.target, "/below/api/eu1/things?page%20size=1%262");
        let header = |_: &str| None;
        let class = |status| read.classify(status, &header, b"").class.name();
        assert_eq!(
            (class(200), class(429), class(503)),
            ("done", "throttled", "retry")
        );
    }

    #[test]
    fn another_read_stands_beside_it_and_has_words_of_its_own() {
        let text = with_probe(
            "probe:\n  path: /things\n  other: {path: /things/none, replies: [{status: 404, class: done}]}\n",
        );
        let connector = Connector::parse("a connector", &text).expect("right");
        let variables = [("base_url".to_owned(), "http://127.0.0.1:1".to_owned())];
        let bound = connector.bind(&variables.into()).expect("bound");
        let read = bound.probe.expect("it names a read");
        let other = read.other.as_deref().expect("and another one");
        assert_eq!(other.target, "/things/none");
        let class = |read: &super::ProbeRead| read.classify(404, &|_| None, b"").class.name();
        assert_eq!((class(&read), class(other)), ("missing", "done"));
    }

    #[test]
    fn mistakes_of_the_section_are_told_with_their_lines() {
        for (section, told) in [
            ("probe: {path: \"/things?limit=1\"}\n", "the probe's path"),
            ("probe: {path: /things/..}\n", "the probe's path"),
            ("probe: {path: \"/{regin}\"}\n", "regin"),
            (
                "probe: {path: /things, headers: {\"a b\": c}}\n",
                "no name of a header",
            ),
            (
                "probe: {path: /things, replies: [{status: 4xx, class: done}]}\n",
                "classed as done",
            ),
            (
                "probe: {path: /things, other: {path: things}}\n",
                "the probe's path",
            ),
            (
                "probe: {path: /things, other: {path: /others, other: {path: /more}}}\n",
                "names another one",
            ),
        ] {
            let findings = check_text("a connector", &with_probe(section));
            assert_eq!(findings.len(), 1, "{section}: {findings:?}");
            assert!(findings[0].message.contains(told), "{findings:?}");
            assert!(findings[0].line.is_some());
        }
    }
}
