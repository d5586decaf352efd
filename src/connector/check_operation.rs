//! What is wrong with an operation of a connector file.

use crate::config::Located;

use super::check::{Findings, add_hidden, check_header_name, check_names, check_pointer};
use super::class::ReplyClass;
use super::file::ConnectorFile;
use super::operation_file::OperationSection;
use super::template::{Part, Template};

/// Headers that the loader writes itself.
const OWN_HEADERS: [&str; 7] = [
    "authorization",
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "cookie",
];

/// Adds the mistakes of one operation.
pub(super) fn examine(
    findings: &mut Findings,
    file: &ConnectorFile,
    name: &str,
    operation: &Located<OperationSection>,
) {
    let section = &operation.value;
    examine_path(findings, file, section);
    examine_headers(findings, file, section);
    examine_fields(findings, name, operation);
    if let Some(batch) = section.batch.as_ref().filter(|batch| batch.value != 1) {
        findings.add(
            batch,
            format!(
                "`batch` is {}, and one record a request is all that is supported yet",
                batch.value
            ),
            "Write 1, or leave it out.",
        );
    }
    if let Some(envelope) = &section.body.envelope {
        check_pointer(findings, envelope);
    }
    examine_replies(findings, section);
    for pointer in
        (section.errors.fields.iter().flatten()).chain(section.errors.messages.iter().flatten())
    {
        check_pointer(findings, pointer);
    }
}

fn examine_path(findings: &mut Findings, file: &ConnectorFile, section: &OperationSection) {
    let key = section.key.value.as_str();
    check_names(findings, file, &section.path, Some(key));
    let starts_right = matches!(
        section.path.value.parts().first(),
        Some(Part::Text(text)) if text.starts_with('/') && !text.starts_with("//")
    );
    if !starts_right || !is_plain(&section.path.value) {
        findings.add(
            &section.path,
            "the path doesn't begin with one `/`, or holds a query's, a fragment's or another character that a path can't have",
            "Write it as /api/v2/things/{thingId}, percent-encoded where it has to be.",
        );
    }
    let in_path = section.path.value.names().any(|name| name == key);
    if !in_path && !section.body.includes_key {
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

fn is_plain(path: &Template) -> bool {
    path.parts().iter().all(|part| match part {
        Part::Name(_) => true,
        Part::Text(text) => {
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\' | b'"'))
                && !text.split('/').any(|step| matches!(step, "." | ".."))
        }
    })
}

fn examine_headers(findings: &mut Findings, file: &ConnectorFile, section: &OperationSection) {
    for entry in &section.headers.entries {
        if !check_header_name(findings, &entry.name) {
            continue;
        }
        let lower = entry.name.value.to_ascii_lowercase();
        if OWN_HEADERS.contains(&lower.as_str()) {
            findings.add(
                &entry.name,
                format!(
                    "the header `{}` is written by the loader itself",
                    entry.name.value
                ),
                "Leave it out.",
            );
        }
        check_names(findings, file, &entry.value, None);
    }
}

fn examine_fields(findings: &mut Findings, name: &str, operation: &Located<OperationSection>) {
    let section = &operation.value;
    if section.fields.entries.is_empty() {
        findings.add(
            operation,
            format!("the operation `{name}` has no fields, so it could write nothing"),
            "List the record's fields under `fields`.",
        );
    }
    for entry in &section.fields.entries {
        if entry.name.value == section.key.value {
            findings.add(
                &entry.name,
                format!("the key `{}` stands among the fields", entry.name.value),
                "Take it out; `includes_key: true` under `body` sends it in the body too.",
            );
        }
        if entry.value.value.max_length == Some(0) {
            findings.add(
                &entry.value,
                format!(
                    "`max_length` of `{}` is 0, which no value fits",
                    entry.name.value
                ),
                "Leave it out where there is no bound.",
            );
        }
    }
}

fn examine_replies(findings: &mut Findings, section: &OperationSection) {
    for (index, reply) in section.replies.iter().enumerate() {
        let rule = &reply.value;
        if let Some(condition) = &rule.body_at {
            check_pointer(findings, &condition.pointer);
        }
        let hidden = section.replies[..index].iter().any(|earlier| {
            earlier.value.body_contains.is_none()
                && earlier.value.body_at.is_none()
                && earlier.value.status.covers(&rule.status)
        });
        if hidden {
            add_hidden(findings, reply);
        }
        // A refusal counted as done would be a lie in the books.
        if rule.class == ReplyClass::Done
            && [409, 429, 500, 503]
                .iter()
                .any(|&status| rule.status.contains(status))
        {
            findings.add(
                reply,
                "a failure's status is classed as done",
                "Class 409 as conflict, 429 as throttled, 5xx as retry; `unchanged` is for a record that already was so.",
            );
        }
    }
}
