//! What is wrong with how a connector looks several records up at once.

use serde_json::Value;

use crate::config::Located;

use super::batch_file::FailuresSection;
use super::check::{Findings, check_list_pointer, check_names, check_places, check_pointer};
use super::check_operation::{examine_conditions, is_path};
use super::check_results::{examine_failures, examine_too_many};
use super::file::ConnectorFile;
use super::look_up::LookUpMethod;
use super::look_up_batch_file::{LookUpBatchSection, LookUpKeysSection};
use super::look_up_file::LookUpSection;
use super::operation_file::OperationSection;
use super::rule_file::ConditionSection;
use super::template::{Part, Template};

/// The most keys of one request that a connector may ask for. No platform takes
/// more, and a lost reply would have to be asked for again.
const MAX_KEYS: u32 = 1_000;

/// Adds the mistakes of a look-up of several keys.
pub(super) fn examine(
    findings: &mut Findings,
    file: &ConnectorFile,
    operation: &OperationSection,
    single: &LookUpSection,
    batch: &Located<LookUpBatchSection>,
) {
    let section = &batch.value;
    if !(2..=MAX_KEYS).contains(&section.max.value) {
        findings.add(
            &section.max,
            format!(
                "`max` is {}, and has to be from 2 to {MAX_KEYS}",
                section.max.value
            ),
            "Write the most keys that one request may have.",
        );
    }
    if single.record.is_none() || single.id.is_none() {
        findings.add(
            batch,
            "the look-up of a single key doesn't show the record, and what a reply to several leaves open is asked for by it",
            "Add `record` and `id` to the look-up itself.",
        );
    }
    examine_path(findings, file, section);
    examine_keys(findings, file, operation, section);
    check_list_pointer(findings, &section.records);
    check_names(findings, file, &section.key, &[]);
    let begins_right = matches!(
        section.key.value.parts().first(),
        Some(Part::Text(text)) if text.starts_with('/')
    );
    if !begins_right {
        findings.add(
            &section.key,
            "`key` is the place of the key in a record, and this is no JSON pointer",
            "A pointer begins with `/`, such as /externalId.",
        );
    }
    if let Some(record) = &section.record {
        check_list_pointer(findings, record);
    }
    check_places(findings, std::iter::once(&section.id));
    if let Some(version) = &section.version {
        check_pointer(findings, version);
    }
    examine_absence(findings, batch);
    if let Some(too_many) = &section.too_many {
        examine_too_many(findings, too_many);
    }
}

fn examine_path(findings: &mut Findings, file: &ConnectorFile, section: &LookUpBatchSection) {
    let path = &section.path;
    check_names(findings, file, path, &[]);
    if !is_path(&path.value, true) {
        findings.add(
            path,
            "the path doesn't begin with one `/`, or holds a character that a path and a query can't have",
            "Write it as /api/v2/things/batch/read, percent-encoded where it has to be; the keys stand under `keys`.",
        );
    }
}

fn examine_keys(
    findings: &mut Findings,
    file: &ConnectorFile,
    operation: &OperationSection,
    section: &LookUpBatchSection,
) {
    let keys = &section.keys;
    let LookUpKeysSection {
        parameter,
        separator,
        at,
        each,
    } = &keys.value;
    match (parameter, at) {
        (Some(_), None) | (None, Some(_)) => {}
        _ => findings.add(
            keys,
            "the keys stand in the query or in the body, and this doesn't say in which",
            "Write `parameter`, the name that they have in the query; or `at`, the place of their list in the body.",
        ),
    }
    if let Some(parameter) = parameter
        && parameter.value.is_empty()
    {
        findings.add(parameter, "a parameter without a name", "Name it.");
    }
    if let Some(at) = at {
        check_list_pointer(findings, at);
    }
    let may_stand = |byte: u8| b",;:.!*~_-".contains(&byte);
    if let Some(separator) = separator
        && (parameter.is_none()
            || separator.value.len() != 1
            || !separator.value.bytes().all(may_stand))
    {
        findings.add(
            separator,
            "`separator` is one character that stands between keys in the query",
            "Write `separator: \",\"` beside `parameter`, or leave it out: the parameter is then repeated for each key.",
        );
    }
    let key = operation.key.value.as_str();
    if let Some(each) = each
        && (at.is_none() || !names_key(findings, file, each, key))
    {
        findings.add(
            each,
            format!(
                "`each` is what stands in a body's list for one key, and has to hold {{{key}}}"
            ),
            format!("Write it as `each: {{id: \"{{{key}}}\"}}`, beside `at`."),
        );
    }
    if section.method == LookUpMethod::Get
        && let Some(line) = at
            .as_ref()
            .map(|at| at.line)
            .or(section.body.as_ref().map(|body| body.line))
    {
        let here = Located {
            value: (),
            line,
            column: 0,
        };
        findings.add(
            &here,
            "a look-up by GET has no body",
            "Write `method: POST`, or put the keys in the query: `keys: {parameter: externalId}`.",
        );
    }
    if let Some(body) = &section.body {
        if names_key(findings, file, body, key) {
            findings.add(
                body,
                format!("{{{key}}} is one key, and the request has several"),
                "Say under `keys` where they stand.",
            );
        }
        if at.as_ref().is_some_and(|at| at.value.is_empty()) {
            findings.add(
                body,
                "the body is the list of keys, and has nothing beside it",
                "Leave `body` out, or say where in it the list stands: `at: /inputs`.",
            );
        }
    }
}

/// Whether the key is named in a text of what stands there. Unknown names are
/// noted.
fn names_key(
    findings: &mut Findings,
    file: &ConnectorFile,
    located: &Located<Value>,
    key: &str,
) -> bool {
    let mut templates = Vec::new();
    gather_templates(&located.value, &mut templates);
    let mut is_named = false;
    for template in templates {
        is_named |= template.names().any(|name| name == key);
        let template = Located {
            value: template,
            line: located.line,
            column: located.column,
        };
        check_names(findings, file, &template, &[key]);
    }
    is_named
}

fn gather_templates(tree: &Value, templates: &mut Vec<Template>) {
    match tree {
        Value::String(text) => templates.extend(Template::parse(text)),
        Value::Array(items) => items
            .iter()
            .for_each(|item| gather_templates(item, templates)),
        Value::Object(members) => members
            .values()
            .for_each(|member| gather_templates(member, templates)),
        _ => {}
    }
}

/// A key that is taken as absent wrongly makes a second record.
fn examine_absence(findings: &mut Findings, batch: &Located<LookUpBatchSection>) {
    let section = &batch.value;
    if section.complete.is_empty() && section.failures.is_none() {
        findings.add(
            batch,
            "nothing says which keys have no record, so each of them would be asked for again",
            "Say what a reply looks like that lists all there are, such as `complete: [{status: 200, body_lacks: /nextPage}]`; or add `failures`, the list that names the others.",
        );
    }
    examine_conditions(findings, &section.complete, ConditionSection::conditions);
    for rule in &section.complete {
        let status = &rule.value.status;
        if (100..200).chain(300..600).any(|code| status.contains(code)) {
            findings.add(
                rule,
                "a status that isn't a success can't show that a reply is whole",
                "Write a status of 200 to 299.",
            );
        }
    }
    if let Some(failures) = &section.failures {
        examine_named(findings, failures);
    }
}

fn examine_named(findings: &mut Findings, failures: &Located<FailuresSection>) {
    examine_failures(findings, &failures.value);
    if failures.value.tracker.is_some() || failures.value.index.is_some() {
        findings.add(
            failures,
            "what wasn't found is matched by its key, and neither a tracker nor an index is sent",
            "Write `key`: the place in a failure where the key stands, or a list of keys.",
        );
    }
}
