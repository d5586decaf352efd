//! What is wrong with a connector file that has the right shape, each mistake
//! with its line and what to do.

use std::path::Path;

use crate::config::{ConfigError, Located, did_you_mean, read_config_text, read_yaml_or_mistakes};
use crate::error::printable;

use super::check_variable::examine_variable;
use super::file::ConnectorFile;
use super::missing_key::at_its_operation;
use super::places::Places;
use super::template::Template;
use super::url::{HttpUrl, UrlError};
use super::{
    check_auth, check_operation, check_set_up, check_stream, check_upsert, host, probe_read,
};

/// One mistake of a connector file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its line, counted from 1, where one line is at fault.
    pub line: Option<u64>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do, as a sentence; may be empty.
    pub hint: String,
}

/// Checks a connector file.
///
/// Each mistake gives a finding. A file that isn't of a connector's shape is told
/// what is wrong with that first, as far as one mistake can be told from the
/// next. An empty list: the file is right.
///
/// # Errors
/// A file that can't be read at all.
pub fn check(path: &Path) -> Result<Vec<Finding>, ConfigError> {
    let text = read_config_text(path)?;
    Ok(check_text(&path.display().to_string(), &text))
}

/// Checks a connector's text; `file` is the name for messages.
#[must_use]
pub fn check_text(file: &str, text: &str) -> Vec<Finding> {
    match read_yaml_or_mistakes::<ConnectorFile>(file, text) {
        Ok(model) => examine(&model),
        Err(mistakes) => mistakes
            .into_iter()
            .map(|mistake| at_its_operation(mistake.into(), text))
            .collect(),
    }
}

impl From<ConfigError> for Finding {
    fn from(error: ConfigError) -> Self {
        Self {
            line: error.place.map(|place| place.line).filter(|&line| line > 0),
            message: error.message,
            hint: error.hint,
        }
    }
}

/// Gathers findings.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add<Value>(
        &mut self,
        at: &Located<Value>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.0.push(Finding {
            line: Some(at.line).filter(|&line| line > 0),
            message: printable(&message.into()).into_owned(),
            hint: printable(&hint.into()).into_owned(),
        });
    }
}

/// Every mistake of a file of the right shape, in the file's order.
pub(super) fn examine(file: &ConnectorFile) -> Vec<Finding> {
    let mut findings = Findings::default();
    let name_is_right = !file.name.value.is_empty()
        && file
            .name
            .value
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !name_is_right {
        findings.add(
            &file.name,
            "the name holds more than lower-case letters, digits and `-`",
            "It is typed on command lines; keep it short and plain.",
        );
    }
    for entry in &file.variables.entries {
        examine_variable(&mut findings, &entry.name, &entry.value.value);
    }
    examine_url(&mut findings, file, &file.base_url, "base_url");
    host::examine(&mut findings, file);
    check_auth::examine(&mut findings, file);
    examine_headers(&mut findings, file);
    examine_buckets(&mut findings, file);
    for entry in &file.operations.entries {
        check_operation::examine(&mut findings, file, &entry.name.value, &entry.value);
    }
    check_upsert::examine(&mut findings, file);
    check_set_up::examine(&mut findings, file);
    examine_default_operation(&mut findings, file);
    check_stream::examine(&mut findings, file);
    probe_read::examine(&mut findings, file, file.probe.as_ref());
    let mut findings = findings.0;
    findings.sort_by_key(|finding| finding.line);
    // One mistake may be met on several ways.
    let mut told: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        if !told.contains(&finding) {
            told.push(finding);
        }
    }
    told
}

pub(super) fn examine_url(
    findings: &mut Findings,
    file: &ConnectorFile,
    template: &Located<Template>,
    what: &str,
) {
    check_names(findings, file, template, &[]);
    // A stand-in for every value shows what the address would be; the
    // variable's own, for it may be a port.
    let sample = template
        .value
        .names()
        .map(|name| {
            let variable = file.variables.get(name).map(|section| &section.value);
            let value = variable
                .and_then(|section| section.example.as_ref().or(section.default.as_ref()))
                .map_or("sample", |value| value.value.as_str());
            let filled = variable.and_then(|section| {
                let table = &section.values;
                let first = || Some(&table.entries.first()?.value);
                table.get(value).or_else(first)
            });
            let value = filled.map_or(value, |filled| filled.value.as_str());
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let Ok(text) = template.value.fill(&sample) else {
        return;
    };
    if let Err(cause) = HttpUrl::parse(&text) {
        let hint = match cause {
            UrlError::PlainHttp => {
                "Write https://; for a test on this machine, set `base_url` when you run it."
            }
            UrlError::Scheme if what == "token_url" => {
                "The token endpoint is an absolute address, such as https://{region}.example.com/oauth/token."
            }
            _ => "Write it as https://host/path.",
        };
        findings.add(template, format!("the {what} can't be used: {cause}"), hint);
    }
}

/// Names in a template that are neither variables nor one of `others`, of which
/// the first is the key.
pub(super) fn check_names(
    findings: &mut Findings,
    file: &ConnectorFile,
    template: &Located<Template>,
    others: &[&str],
) {
    let sets = |name: &str| {
        let mut steps = file.setup.entries.iter();
        steps.any(|step| step.value.value.sets.value == name)
    };
    for name in template.value.names() {
        if file.variables.get(name).is_some() || others.contains(&name) || sets(name) {
            continue;
        }
        let known = file.variables.names().chain(others.iter().copied());
        let message = match others.first() {
            Some(key) => format!(
                "`{{{name}}}` is neither a variable nor the key `{key}`{}",
                did_you_mean(name, known)
            ),
            None => format!("`{{{name}}}` is no variable{}", did_you_mean(name, known)),
        };
        findings.add(
            template,
            message,
            "Declare it under `variables`, or correct the name.",
        );
    }
}

/// A rule that can never match.
pub(super) fn add_hidden<Value>(findings: &mut Findings, rule: &Located<Value>) {
    findings.add(
        rule,
        "an earlier rule takes every reply that this one is about",
        "The first match wins: put the narrower rule first.",
    );
}

fn examine_headers(findings: &mut Findings, file: &ConnectorFile) {
    let limits = &file.limits;
    let names = (limits.retry_after.iter().flatten())
        .chain(&limits.limit)
        .chain(&limits.remaining)
        .chain(&limits.reset)
        .chain(&file.request_id.send)
        .chain(&file.request_id.read);
    for name in names {
        check_header_name(findings, name);
    }
}

fn examine_buckets(findings: &mut Findings, file: &ConnectorFile) {
    let limits = &file.limits;
    for pointer in &limits.bucket_at {
        check_pointer(findings, pointer);
    }
    for pattern in limits.client_buckets.iter().chain(&limits.record_buckets) {
        if pattern.value.is_empty() {
            findings.add(
                pattern,
                "an empty text is no limit's name",
                "Write the name as replies have it; `*` stands for any text.",
            );
        }
        if limits.bucket_at.is_empty() {
            findings.add(
                pattern,
                "limits are named here, but not where a reply names them",
                "Add `bucket_at` under `limits`, such as bucket_at: [/limit/key].",
            );
        }
    }
}

/// A header's name is a token (RFC 9110, section 5.6.2).
pub(super) fn check_header_name(findings: &mut Findings, name: &Located<String>) -> bool {
    let is_token = !name.value.is_empty()
        && name
            .value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_token {
        findings.add(
            name,
            format!("{:?} is no name of a header", name.value),
            "A header's name has letters, digits and `-`.",
        );
    }
    is_token
}

/// A JSON pointer begins with `/` (RFC 6901).
pub(super) fn check_pointer(findings: &mut Findings, pointer: &Located<String>) {
    if !pointer.value.starts_with('/') {
        findings.add(
            pointer,
            format!("{:?} is no JSON pointer", pointer.value),
            "A pointer begins with `/`, such as /errors/0/message.",
        );
    }
}

/// Places of which the first that finds something wins.
pub(super) fn check_places<'file>(
    findings: &mut Findings,
    all: impl Iterator<Item = &'file Located<Places>>,
) {
    for places in all {
        for pointer in &places.value.pointers {
            // The list's own line: its members have none.
            check_pointer(
                findings,
                &Located {
                    value: pointer.clone(),
                    line: places.line,
                    column: places.column,
                },
            );
        }
    }
}

/// The place of a list, which may be the whole body.
pub(super) fn check_list_pointer(findings: &mut Findings, pointer: &Located<String>) {
    if !pointer.value.is_empty() {
        check_pointer(findings, pointer);
    }
}

fn examine_default_operation(findings: &mut Findings, file: &ConnectorFile) {
    match &file.default_operation {
        Some(name)
            if file.operations.get(&name.value).is_none()
                && file.upserts.get(&name.value).is_none() =>
        {
            findings.add(
                name,
                format!(
                    "there is no operation `{}`{}",
                    name.value,
                    file.operations.did_you_mean(&name.value)
                ),
                "Name one of `operations` or of `upserts`.",
            )
        }
        None if file.operations.entries.len() != 1 => findings.add(
            &file.name,
            "the connector doesn't say which operation a load uses",
            "Add `default_operation`, naming one of `operations`.",
        ),
        _ => {}
    }
}
