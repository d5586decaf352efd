//! What is wrong with an operation of a connector file.

use crate::config::{Located, NameMap};

use super::check::{Findings, add_hidden, check_header_name, check_names, check_pointer};
use super::check_fields::examine_fields;
use super::check_upsert::{FOUND_ID, names_id};
use super::class::ReplyClass;
use super::file::ConnectorFile;
use super::operation_file::OperationSection;
use super::rule_file::{Conditions, ErrorsSection, ReplySection};
use super::status::StatusSet;
use super::template::{Part, Template};
use super::{check_batch, check_job, check_repeat, host, probe_read};

/// The header that carries a token, where the file doesn't say another.
const AUTHORIZATION: &str = "authorization";

/// Headers that the loader, or the connection, writes itself.
const OWN_HEADERS: [&str; 11] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "cookie",
    "expect",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
];

/// Adds the mistakes of one operation.
pub(super) fn examine(
    findings: &mut Findings,
    file: &ConnectorFile,
    name: &str,
    operation: &Located<OperationSection>,
) {
    let section = &operation.value;
    host::examine_name(findings, file, section.host.as_ref());
    probe_read::examine(findings, file, section.probe.as_ref());
    examine_path(findings, file, section);
    examine_headers(findings, file, &section.headers);
    examine_fields(findings, file, name, operation);
    let body = &section.body;
    for place in (body.envelope.iter())
        .chain(&body.drop)
        .chain(&body.set_once)
        .chain(&body.key_at)
        .chain(&body.version)
    {
        check_pointer(findings, place);
    }
    examine_replies(findings, section);
    examine_errors(findings, &section.errors);
    if let Some(id) = &section.id {
        check_pointer(findings, id);
    }
    check_batch::examine(findings, file, operation);
    check_repeat::examine(findings, file, section);
    check_job::examine(findings, file, section);
}

/// Pointers to an error's reason.
pub(super) fn examine_errors(findings: &mut Findings, errors: &ErrorsSection) {
    let fields = errors.fields.iter().flatten().chain(&errors.fields_of);
    for pointer in fields.chain(errors.messages.iter().flatten()) {
        check_pointer(findings, pointer);
    }
}

fn examine_path(findings: &mut Findings, file: &ConnectorFile, section: &OperationSection) {
    let key = section.key.value.as_str();
    check_names(findings, file, &section.path, &[key, FOUND_ID]);
    check_quotes(findings, &section.path, key);
    if !is_path(&section.path.value, false) {
        findings.add(
            &section.path,
            "the path doesn't begin with one `/`, or holds a query's, a fragment's or another character that a path can't have",
            "Write it as /api/v2/things/{thingId}, percent-encoded where it has to be; what stands behind the `?` goes under `query`.",
        );
    }
    for entry in &section.query.entries {
        check_names(findings, file, &entry.value, &[]);
    }
    let in_path = section.path.value.names().any(|name| name == key);
    let in_body = section.body.includes_key || !section.body.key_at.is_empty();
    if !in_path && !in_body && !names_id(file, section) {
        findings.add(
            &section.key,
            format!(
                "the key `{key}` stands neither in the path nor in the body, so no record is named"
            ),
            format!("Put {{{key}}} in the path, or set `includes_key: true` under `body`."),
        );
    }
    if file.variables.get(key).is_some() {
        findings.add(
            &section.key,
            format!("the key `{key}` has the name of a variable"),
            "Rename the variable: the path couldn't tell them apart.",
        );
    }
}

/// A key inside a quoted string may hold a quote, and go on as a query.
pub(super) fn check_quotes(findings: &mut Findings, template: &Located<Template>, key: &str) {
    if template.value.is_open_to_quotes(key) {
        findings.add(
            template,
            format!("a key with a quote in it would end the quoted string around {{{key}}}"),
            format!("Write {{{key}|doubled}} where the platform wants such a quote twice, {{{key}|backslashed}} where it wants a backslash before it; {{{key}|plain}} if no key has one."),
        );
    }
}

/// Whether it begins with one `/`, and its text is fit for a request;
/// `may_ask`: whether a query may follow.
pub(super) fn is_path(path: &Template, may_ask: bool) -> bool {
    let starts_right = matches!(
        path.parts().first(),
        Some(Part::Text(text)) if text.starts_with('/') && !text.starts_with("//")
    );
    let is_plain = path.parts().iter().all(|part| match part {
        Part::Name(..) => true,
        Part::Text(text) => {
            text.bytes().all(|byte| {
                byte.is_ascii_graphic()
                    && !matches!(byte, b'#' | b'\\' | b'"')
                    && (may_ask || byte != b'?')
            }) && !text
                .split(['/', '?'])
                .any(|step| matches!(step, "." | ".."))
        }
    });
    starts_right && is_plain
}

pub(super) fn examine_headers(
    findings: &mut Findings,
    file: &ConnectorFile,
    headers: &NameMap<Located<Template>>,
) {
    for entry in &headers.entries {
        if !check_header_name(findings, &entry.name) {
            continue;
        }
        check_not_own(findings, file, &entry.name);
        check_names(findings, file, &entry.value, &[]);
    }
}

/// Whether two names are of the same header.
pub(super) fn is_same_header(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A header that the loader writes itself can't be the connector's, nor one that
/// carries the token.
pub(super) fn check_not_own(findings: &mut Findings, file: &ConnectorFile, name: &Located<String>) {
    let mut carriers = file.auth.headers.names().chain([AUTHORIZATION]);
    match carriers.any(|carrier| is_same_header(carrier, &name.value)) {
        true => add_own(
            findings,
            name,
            "Leave it out: `auth` says how a token is sent.",
        ),
        false => check_never_own(findings, name),
    }
}

/// A header that the loader writes itself can't carry anything else.
pub(super) fn check_never_own(findings: &mut Findings, name: &Located<String>) {
    if OWN_HEADERS
        .iter()
        .any(|own| is_same_header(own, &name.value))
    {
        add_own(findings, name, "Leave it out.");
    }
}

fn add_own(findings: &mut Findings, name: &Located<String>, hint: &str) {
    findings.add(
        name,
        format!(
            "the header `{}` is written by the loader itself",
            name.value
        ),
        hint,
    );
}

fn examine_replies(findings: &mut Findings, section: &OperationSection) {
    examine_conditions(findings, &section.replies, ReplySection::conditions);
    for reply in &section.replies {
        let rule = &reply.value;
        examine_class(findings, reply, rule.class, Some(&rule.status));
    }
}

/// Rules whose pointers aren't any, and rules that can never match.
pub(super) fn examine_conditions<Section>(
    findings: &mut Findings,
    rules: &[Located<Section>],
    conditions: fn(&Section) -> Conditions<'_>,
) {
    for (index, rule) in rules.iter().enumerate() {
        let own = conditions(&rule.value);
        for pointer in own.pointers() {
            check_pointer(findings, pointer);
        }
        let is_hidden = rules[..index]
            .iter()
            .any(|earlier| conditions(&earlier.value).cover(&own));
        if is_hidden {
            add_hidden(findings, rule);
        }
    }
}

/// A refusal counted as done would be a lie in the books.
pub(super) fn examine_class<Section>(
    findings: &mut Findings,
    rule: &Located<Section>,
    class: ReplyClass,
    status: Option<&StatusSet>,
) {
    let is_failure = |status_set: &StatusSet| {
        [409, 429, 500, 503]
            .iter()
            .any(|&status| status_set.contains(status))
    };
    if class == ReplyClass::Done && status.is_some_and(is_failure) {
        findings.add(
            rule,
            "a failure's status is classed as done",
            "Class 409 as conflict, 429 as throttled, 5xx as retry; `unchanged` is for a record that already was so.",
        );
    }
}
