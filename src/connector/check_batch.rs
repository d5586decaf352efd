//! What is wrong with the batches of a connector's operation.

use crate::config::Located;

use super::batch_file::RecordsForm;
use super::check::{Findings, check_list_pointer, check_names, check_pointer};
use super::check_results;
use super::compile::pointer_names;
use super::contract::{fields, takes_outermost};
use super::field_file::FixedValue;
use super::file::ConnectorFile;
use super::operation_file::OperationSection;

/// The most records of one request that a connector may ask for. No platform
/// takes more, and more would make one lost answer a doubt about too many rows.
const MAX_BATCH: u32 = 10_000;

/// Adds the mistakes of an operation's batches.
pub(super) fn examine(
    findings: &mut Findings,
    file: &ConnectorFile,
    operation: &Located<OperationSection>,
) {
    let section = &operation.value;
    let body = &section.body;
    if let Some(batch) = section
        .batch
        .as_ref()
        .filter(|batch| batch.value == 0 || batch.value > MAX_BATCH)
    {
        findings.add(
            batch,
            format!(
                "`batch` is {}, and has to be from 1 to {MAX_BATCH}",
                batch.value
            ),
            "Write the most records that one request may have.",
        );
    }
    match (&section.batch, &body.records) {
        (Some(batch), None) if batch.value > 1 => findings.add(
            batch,
            "`batch` is there, but not where the records stand in the body",
            "Add `records` under `body`, such as `records: /contacts`; `records: \"\"` where the body is the list.",
        ),
        (None, Some(records)) => findings.add(
            records,
            "`records` is there, but not how many records a request may have",
            "Add `batch`, the most records of one request, beside `body`.",
        ),
        _ => {}
    }
    if let Some(envelope) = &body.envelope {
        check_pointer(findings, envelope);
    }
    match &body.records {
        Some(records) => {
            check_list_pointer(findings, records);
            examine_batched(findings, section, records);
        }
        None => examine_single(findings, section),
    }
    examine_tracker(findings, file, section);
    examine_form(findings, file, section);
    if let Some(results) = &section.results {
        check_results::examine(findings, results);
    }
}

/// What an operation without batches can't have.
fn examine_single(findings: &mut Findings, section: &OperationSection) {
    if let Some(results) = &section.results {
        findings.add(
            results,
            "`results` tells how a batch's reply is split, and the operation has no batches",
            "Add `batch`, and `records` under `body`; or leave `results` out: `replies` says what the reply to one record means.",
        );
    }
}

/// What an operation with batches must have, and can't have.
fn examine_batched(findings: &mut Findings, section: &OperationSection, records: &Located<String>) {
    let key = section.key.value.as_str();
    if section.path.value.names().any(|name| name == key) {
        findings.add(
            &section.path,
            format!("the path names one record by {{{key}}}, and the request has several"),
            "Take the key out of the path, or leave `batch` and `records` out.",
        );
    }
    if let Some(id) = &section.id {
        findings.add(
            id,
            "`id` is the place of one record's id, and a batch's reply has several",
            "Write `id` under `results`: its place in each result.",
        );
    }
    if let Some(idempotency) = &section.idempotency_key {
        findings.add(
            &idempotency.header,
            "a header names one row, and a request of this operation has several",
            "Leave `idempotency_key` out: batches are put together anew after an interruption, so none has a key that stays.",
        );
    }
    match &section.results {
        None => findings.add(
            records,
            "the records travel in batches, but nothing says how their results are told apart",
            "Add `results`: with `at` and one of `key`, `tracker`, `index` and `in_order`; with `error_indexes`; or with `all_or_nothing: true`.",
        ),
        Some(results) => {
            let rules = &results.value;
            let tells = rules.at.is_some()
                || rules.failures.is_some()
                || rules.error_indexes.is_some()
                || rules.all_or_nothing;
            if !tells {
                findings.add(
                    results,
                    "`results` names no list of results, so a taken batch would say nothing of its records",
                    "Add `at`, `failures` or `error_indexes`; or `all_or_nothing: true`, if a batch is applied whole or not at all.",
                );
            }
        }
    }
}

/// Records as a file, and what stands beside them.
fn examine_form(findings: &mut Findings, file: &ConnectorFile, section: &OperationSection) {
    let body = &section.body;
    let steps = |pointer: &str| pointer_names(pointer).count();
    for entry in &body.beside_records.entries {
        check_pointer(findings, &entry.name);
        if let FixedValue::Text(template) = &entry.value.value {
            let located = Located {
                value: template.clone(),
                line: entry.value.line,
                column: entry.value.column,
            };
            check_names(findings, file, &located, &[]);
        }
        let stands_beside = body
            .records
            .as_ref()
            .is_some_and(|records| steps(&records.value) == 1 && records.value != entry.name.value);
        if !stands_beside || steps(&entry.name.value) != 1 {
            findings.add(
                &entry.name,
                "it can't stand beside the records",
                "Write one name with `/` before it, other than that of `records`, which has to be one name too.",
            );
        }
    }
    if body.records_as == RecordsForm::List {
        return;
    }
    let deep = (fields(file, section).entries.iter())
        .filter_map(|entry| entry.value.value.at.as_ref())
        .find(|at| steps(&at.value) > 1)
        .or(body.envelope.as_ref());
    if let Some(deep) = deep {
        findings.add(
            deep,
            "a file's row has no place within a place",
            "Write one name with `/` before it: it is the column.",
        );
    }
    if let Some(tracker) = &body.tracker {
        findings.add(
            tracker,
            "the rows of a file carry no tracker",
            "Match results by `key` or by `index`.",
        );
    }
    if !body.includes_key {
        findings.add(
            &section.key,
            "the file's rows wouldn't name their records",
            "Write `includes_key: true` under `body`.",
        );
    }
}

fn examine_tracker(findings: &mut Findings, file: &ConnectorFile, section: &OperationSection) {
    let read = section.results.as_ref().and_then(|results| {
        let failures = results.value.failures.as_ref();
        let of_failures = failures.and_then(|failures| failures.tracker.as_ref());
        results.value.tracker.as_ref().or(of_failures)
    });
    match (&section.body.tracker, read) {
        (None, Some(read)) => findings.add(
            read,
            "results are matched by a tracker, and none is sent",
            "Add `tracker` under `body`: the member of each record that the number is written into.",
        ),
        (Some(sent), None) => findings.add(
            sent,
            "a tracker is sent, and no result is matched by it",
            "Add `tracker` under `results`, or leave it out here.",
        ),
        _ => {}
    }
    let Some(tracker) = &section.body.tracker else {
        return;
    };
    check_pointer(findings, tracker);
    let mut names = pointer_names(&tracker.value);
    let name = names.next().unwrap_or_default();
    if names.next().is_some() {
        findings.add(
            tracker,
            "the tracker stands deeper than the outermost object of an item",
            "Write one name with `/` before it, such as /tracker.",
        );
    }
    let outermost = section.body.envelope.as_ref().map(|envelope| {
        let first = pointer_names(&envelope.value).next();
        first.unwrap_or_default()
    });
    let is_taken = match outermost {
        Some(outermost) => outermost == name,
        None => {
            takes_outermost(file, section, &name)
                || (section.body.includes_key && section.key.value == name)
        }
    };
    if is_taken {
        findings.add(
            tracker,
            format!("the item has a member `{name}` already"),
            "Give the tracker a member of its own.",
        );
    }
}
