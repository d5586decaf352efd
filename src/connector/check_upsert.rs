//! What is wrong with the upserts of a connector file.

use crate::config::Located;

use super::check::Findings;
use super::class::Effect;
use super::compile_batch::may_repeat;
use super::file::ConnectorFile;
use super::operation::Method;
use super::operation_file::OperationSection;
use super::upsert_file::UpsertSection;

/// The name that stands for the found record's id in the path of a change.
pub(super) const FOUND_ID: &str = "id";

/// Adds the mistakes of the upserts, and of operations that only an upsert can
/// use.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile) {
    for entry in &file.upserts.entries {
        if file.operations.get(&entry.name.value).is_some() {
            findings.add(
                &entry.name,
                format!("there is an operation `{}` too", entry.name.value),
                "Give the upsert a name of its own.",
            );
        }
        examine_upsert(findings, file, &entry.value.value);
    }
    let default = file.default_operation.as_ref();
    if let Some(name) = default
        && let Some(operation) = file.operations.get(&name.value)
        && names_id(file, &operation.value)
    {
        findings.add(
            name,
            format!(
                "`{}` changes a record whose id has to be found first",
                name.value
            ),
            "Name an upsert that uses it.",
        );
    }
}

/// Whether the path has the place of an id that only a look-up can give.
pub(super) fn names_id(file: &ConnectorFile, section: &OperationSection) -> bool {
    section.key.value != FOUND_ID
        && file.variables.get(FOUND_ID).is_none()
        && section.path.value.names().any(|name| name == FOUND_ID)
}

/// Whether the operation of that name is one that an upsert deletes with, which
/// sends no record.
pub(super) fn only_deletes(file: &ConnectorFile, name: &str) -> bool {
    let mut upserts = file.upserts.entries.iter();
    upserts.any(|entry| {
        let delete = entry.value.value.delete.as_ref();
        delete.is_some_and(|delete| delete.value == name)
    })
}

fn deletes_alike(delete: &OperationSection, create: &OperationSection) -> bool {
    let is_same_key = delete.key.value == create.key.value;
    delete.method == Method::Delete && is_same_key && delete.batch.is_none() && may_repeat(delete)
}

fn examine_upsert(findings: &mut Findings, file: &ConnectorFile, upsert: &UpsertSection) {
    let mut named = |name: &Located<String>| {
        let found = file.operations.get(&name.value);
        if found.is_none() {
            findings.add(
                name,
                format!(
                    "there is no operation `{}`{}",
                    name.value,
                    file.operations.did_you_mean(&name.value)
                ),
                "Name one of `operations`.",
            );
        }
        found
    };
    let (create, update) = (named(&upsert.create), named(&upsert.update));
    let delete = upsert
        .delete
        .as_ref()
        .and_then(|name| Some((name, named(name)?)));
    let (Some(create), Some(update)) = (create, update) else {
        return;
    };
    let (create, update) = (&create.value, &update.value);
    let shows_record = create
        .look_up
        .as_ref()
        .is_some_and(|look_up| look_up.value.record.is_some() && look_up.value.id.is_some());
    if !shows_record {
        findings.add(
            &upsert.create,
            format!(
                "`{}` has no `look_up` that names `record` and `id`, so nobody could tell what is there",
                upsert.create.value
            ),
            "Add a `look_up` with `found`, `absent`, `record` and `id`.",
        );
    }
    if create.effect == Effect::Updated {
        findings.add(
            &upsert.create,
            format!("`{}` changes records, and makes none", upsert.create.value),
            "Name an operation with `effect: created`.",
        );
    }
    if update.effect != Effect::Updated || !may_repeat(update) {
        findings.add(
            &upsert.update,
            format!(
                "`{}` isn't one that changes a record and may be repeated",
                upsert.update.value
            ),
            "Write `effect: updated` and, if its method is POST and the platform takes it twice, `repeatable: true`.",
        );
    }
    let hosts = [Some(update), delete.map(|(_, delete)| &delete.value)];
    let host_of = |part: &OperationSection| part.host.as_ref().map(|host| host.value.clone());
    for part in hosts.into_iter().flatten() {
        if host_of(part) != host_of(create) {
            findings.add(
                part.host.as_ref().unwrap_or(&part.key),
                format!("it goes to another host than `{}`", upsert.create.value),
                "All parts of an upsert need the same `host`.",
            );
        }
    }
    if update.key.value != create.key.value {
        findings.add(
            &update.key,
            format!(
                "the key is `{}` here and `{}` in `{}`",
                update.key.value, create.key.value, upsert.create.value
            ),
            "Both operations have to name records by the same field.",
        );
    }
    if let Some((name, delete)) = delete
        && !deletes_alike(&delete.value, create)
    {
        findings.add(
            name,
            format!(
                "`{}` isn't one that deletes a single record by the key of `{}`",
                name.value, upsert.create.value
            ),
            "Write `method: DELETE` and the same `key`, and leave `batch` and `repeatable: false` out.",
        );
    }
    if update.batch.is_some() {
        findings.add(
            &upsert.update,
            "the operation that changes records takes several at once, which an upsert can't use yet",
            "Leave `batch` out of it.",
        );
    }
}
