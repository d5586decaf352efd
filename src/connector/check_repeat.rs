//! What is wrong with how a connector settles requests that were never
//! answered: look-ups and idempotency keys.

use crate::config::Located;

use super::check::{
    Findings, check_header_name, check_list_pointer, check_names, check_places, check_pointer,
};
use super::check_look_up_batch;
use super::check_operation::{
    check_not_own, check_quotes, examine_conditions, examine_headers, is_path,
};
use super::class::Effect;
use super::compile_batch::may_repeat;
use super::file::ConnectorFile;
use super::look_up::LookUpMethod;
use super::look_up_file::{IdempotencyKeySection, LookUpSection};
use super::operation_file::OperationSection;
use super::rule_file::ConditionSection;

/// Adds the mistakes of an operation's look-up and idempotency key.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile, section: &OperationSection) {
    // Where nothing tells a second record from the first, the user pays for two.
    if section.effect == Effect::Created
        && may_repeat(section)
        && let Some(declared) = &section.repeatable
    {
        findings.add(
            declared,
            "the operation makes a new record, so sending it twice would make two",
            "Leave `repeatable` out; or write `effect: upserted`, if the platform knows the record again by its key.",
        );
    }
    if let Some(idempotency) = &section.idempotency_key {
        examine_idempotency(findings, file, section, idempotency);
    }
    if let Some(look_up) = &section.look_up {
        examine_look_up(findings, file, section, look_up);
    }
}

fn examine_idempotency(
    findings: &mut Findings,
    file: &ConnectorFile,
    section: &OperationSection,
    idempotency: &IdempotencyKeySection,
) {
    let header = &idempotency.header;
    if !check_header_name(findings, header) {
        return;
    }
    check_not_own(findings, file, header);
    let is_same = |name: &str| name.eq_ignore_ascii_case(&header.value);
    let request_id = file.request_id.send.as_ref();
    if section.headers.names().any(is_same) || request_id.is_some_and(|name| is_same(&name.value)) {
        findings.add(
            header,
            format!(
                "the header `{}` is sent with something else in it",
                header.value
            ),
            "Give the idempotency key a header of its own.",
        );
    }
}

fn examine_look_up(
    findings: &mut Findings,
    file: &ConnectorFile,
    operation: &OperationSection,
    located: &Located<LookUpSection>,
) {
    let section = &located.value;
    let key = operation.key.value.as_str();
    examine_address(findings, file, key, section);
    for (rules, name) in [(&section.found, "found"), (&section.absent, "absent")] {
        if rules.is_empty() {
            findings.add(
                located,
                format!("`{name}` has no rule, so a look-up could never end so"),
                "Say what a reply looks like that shows the record, and one that shows that there is none.",
            );
        }
        examine_conditions(findings, rules, ConditionSection::conditions);
    }
    for rule in &section.found {
        let status = &rule.value.status;
        if (100..200).chain(300..600).any(|code| status.contains(code)) {
            findings.add(
                rule,
                "a status that isn't a success can't show that a record is there",
                "Write a status of 200 to 299.",
            );
        }
    }
    for rule in &section.absent {
        examine_absent(findings, section, rule);
    }
    for entry in &section.same.entries {
        let field = entry.name.value.as_str();
        check_pointer(findings, &entry.value);
        if field != key && operation.fields.get(field).is_none() {
            findings.add(
                &entry.name,
                format!(
                    "`{field}` is neither the key nor a field{}",
                    operation.fields.did_you_mean(field)
                ),
                "Name what is sent, and where it stands in the look-up's reply.",
            );
        }
    }
    check_places(findings, section.id.iter());
    if let Some(record) = &section.record {
        check_list_pointer(findings, record);
    }
    for entry in &section.sent_at.entries {
        check_pointer(findings, &entry.name);
        check_pointer(findings, &entry.value);
        if section.record.is_none() {
            findings.add(
                &entry.name,
                "`sent_at` is about places in the record, and the look-up doesn't show it",
                "Name the record's place under `record`.",
            );
        }
    }
    for place in section.version.iter().chain(&section.second) {
        check_pointer(findings, place);
    }
    if let Some(batch) = &section.batch {
        check_look_up_batch::examine(findings, file, operation, section, batch);
    }
}

fn examine_address(
    findings: &mut Findings,
    file: &ConnectorFile,
    key: &str,
    section: &LookUpSection,
) {
    let path = &section.path;
    check_names(findings, file, path, &[key]);
    if !is_path(&path.value, true) {
        findings.add(
            path,
            "the path of the look-up doesn't begin with one `/`, or holds a character that a path and a query can't have",
            "Write it as /api/v2/things?externalId={externalId}, percent-encoded where it has to be.",
        );
    }
    check_quotes(findings, path, key);
    for entry in section.body.entries.iter().chain(&section.query.entries) {
        check_names(findings, file, &entry.value, &[key]);
        check_quotes(findings, &entry.value, key);
    }
    if let Some(headers) = &section.headers {
        examine_headers(findings, file, headers);
    }
    if section.method == LookUpMethod::Get
        && let Some(entry) = section.body.entries.first()
    {
        findings.add(
            &entry.name,
            "a look-up by GET has no body",
            "Write `method: POST`, or put it in the path.",
        );
    }
    let names_key = path.value.names().any(|name| name == key)
        || (section.body.entries.iter())
            .chain(&section.query.entries)
            .any(|entry| entry.value.value.names().any(|name| name == key));
    if !names_key {
        findings.add(
            path,
            format!("the look-up doesn't name the record: {{{key}}} stands neither in its path, nor in its query, nor in its body"),
            format!("Put {{{key}}} in the path, such as /api/v2/things?{key}={{{key}}}."),
        );
    }
}

/// A rule that takes a record as absent wrongly makes it twice.
fn examine_absent(
    findings: &mut Findings,
    section: &LookUpSection,
    rule: &Located<ConditionSection>,
) {
    let conditions = rule.value.conditions();
    let status = &rule.value.status;
    let is_failure = [400, 401, 403, 408, 429]
        .into_iter()
        .chain(500..600)
        .any(|code| status.contains(code));
    if is_failure {
        findings.add(
            rule,
            "a failed look-up doesn't show that there is no such record",
            "Write 404, or a success whose body shows it, such as {status: 200, body_lacks: /entities/0}.",
        );
    } else if (200..300).any(|code| status.contains(code)) && !conditions.look_inside() {
        findings.add(
            rule,
            "every successful look-up would mean that there is no such record",
            "Say what the body shows: `body_lacks`, `body_at` or `body_contains`.",
        );
    }
    let is_found = section
        .found
        .iter()
        .any(|found| found.value.conditions().cover(&conditions));
    if is_found {
        findings.add(
            rule,
            "a rule of `found` takes every reply that this one is about",
            "Give the rule of `found` a condition on the body, such as `body_has: /entities/0`.",
        );
    }
}
