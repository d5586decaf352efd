//! Path, query and headers of a read, as probes and streams send it.

use std::collections::BTreeMap;

use crate::config::{Located, NameMap};

use super::check::{Findings, check_names};
use super::check_operation::is_path;
use super::error::ConnectorError;
use super::file::ConnectorFile;
use super::load::Connector;
use super::operation::write_segment;
use super::template::{Part, Template};
use super::url::HttpUrl;

/// Where a read goes.
pub(super) struct ReadTarget {
    /// Method and path as the connector file has them: the endpoint's name.
    pub(super) endpoint: String,
    /// The path, encoded.
    pub(super) path: String,
    /// Name and value of each parameter, encoded.
    pub(super) query: Vec<(String, String)>,
    /// Headers besides the token's.
    pub(super) headers: Vec<(String, String)>,
}

/// Adds the mistakes of a path that is read.
pub(super) fn check_read_path(
    findings: &mut Findings,
    file: &ConnectorFile,
    path: &Located<Template>,
    what: &str,
) {
    check_names(findings, file, path, &[]);
    if !is_path(&path.value, false) {
        findings.add(
            path,
            format!("{what} doesn't begin with one `/`, or holds a query's or another character that a path can't have"),
            "Write it as /api/v2/things; what stands behind the `?` goes under `query`.",
        );
    }
}

/// A text as it stands in a path's segment or a query.
pub(super) fn encoded(text: &str) -> String {
    let mut out = Vec::new();
    write_segment(text, &mut out);
    String::from_utf8(out).expect("encoded text is ASCII")
}

/// A query's parameters behind their `?`; nothing where there are none.
pub(super) fn query_text(parameters: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

impl Connector {
    /// The read with its variables filled in.
    pub(super) fn read_target(
        &self,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
        path: &Template,
        query: &NameMap<Located<Template>>,
        headers: &NameMap<Located<Template>>,
    ) -> Result<ReadTarget, ConnectorError> {
        let mut target = ReadTarget {
            endpoint: String::from("GET "),
            path: base_url.path.clone(),
            query: Vec::new(),
            headers: Vec::new(),
        };
        for part in path.parts() {
            match part {
                Part::Text(text) => {
                    target.path.push_str(text);
                    target.endpoint.push_str(text);
                }
                Part::Name(name, escape) => {
                    let value = given.get(name).ok_or_else(|| self.missing(name.clone()))?;
                    target.path.push_str(&encoded(&escape.of(value)));
                    target.endpoint.push_str(&format!("{{{name}}}"));
                }
            }
        }
        for entry in &query.entries {
            let value = self.fill(&entry.value.value, given)?;
            let name = encoded(&entry.name.value);
            target.query.push((name, encoded(&value)));
        }
        target.headers = self.filled_headers(headers, given)?;
        Ok(target)
    }

    /// Headers with their variables filled in.
    pub(super) fn filled_headers(
        &self,
        headers: &NameMap<Located<Template>>,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<(String, String)>, ConnectorError> {
        let mut filled = Vec::with_capacity(headers.entries.len());
        for entry in &headers.entries {
            let value = self.fill(&entry.value.value, given)?;
            if value.bytes().any(|byte| byte < b' ' || byte == 0x7F) {
                return Err(ConnectorError::BadHeader {
                    header: entry.name.value.clone(),
                });
            }
            filled.push((entry.name.value.clone(), value));
        }
        Ok(filled)
    }
}
