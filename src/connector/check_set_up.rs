//! What is wrong with discovery, with what is set up before the first row, and
//! with tables of values.

use crate::config::{Located, NameMap};

use super::check::{Findings, check_list_pointer, check_names, check_places, check_pointer};
use super::check_operation::examine_headers;
use super::file::ConnectorFile;
use super::set_up_file::SetUpLookUpSection;
use super::template::Template;

/// Adds the mistakes of `discovery` and `set_up`.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile) {
    if let Some(discovery) = &file.auth.discovery {
        let discovery = &discovery.value;
        check_names(findings, file, &discovery.url, &[]);
        check_pointer(findings, &discovery.base_url);
        for entry in &discovery.variables.entries {
            check_pointer(findings, &entry.value);
            let name = &entry.name.value;
            let is_asked_by = discovery.url.value.names().any(|asked| asked == name);
            if file.variables.get(name).is_none() || is_asked_by {
                findings.add(
                    &entry.name,
                    match is_asked_by {
                        true => format!("`{name}` is what the platform is asked by"),
                        false => format!(
                            "`{name}` is no variable{}",
                            file.variables.did_you_mean(name)
                        ),
                    },
                    "Name a variable of `variables` that the address to be asked doesn't need.",
                );
            }
        }
    }
    for entry in &file.setup.entries {
        let section = &entry.value.value;
        if file.variables.get(&section.sets.value).is_some() {
            findings.add(
                &section.sets,
                format!(
                    "`{}` is a variable that the user gives, too",
                    section.sets.value
                ),
                "Take it out of `variables`, or give the id another name.",
            );
        }
        let look_up = &section.look_up;
        check_names(findings, file, &look_up.path, &[]);
        examine_extras(findings, file, &look_up.query, &look_up.headers);
        check_places(findings, [&look_up.id].into_iter());
        examine_same(findings, file, look_up);
        if let Some(create) = &section.create {
            check_names(findings, file, &create.path, &[]);
            examine_extras(findings, file, &create.query, &create.headers);
            check_places(findings, [&create.id].into_iter());
            if !create.body.value.is_object() {
                findings.add(
                    &create.body,
                    "the body is no object",
                    "Write the members that the platform wants.",
                );
            }
        }
    }
}

/// How the one that is meant is told from others that were found.
fn examine_same(findings: &mut Findings, file: &ConnectorFile, look_up: &SetUpLookUpSection) {
    for entry in &look_up.same.entries {
        check_pointer(findings, &entry.value);
        let name = &entry.name.value;
        if file.variables.get(name).is_none() {
            findings.add(
                &entry.name,
                format!(
                    "`{name}` is no variable{}",
                    file.variables.did_you_mean(name)
                ),
                "Name a variable of `variables` that what is looked for shows.",
            );
        }
    }
    match &look_up.records {
        Some(records) if look_up.same.entries.is_empty() => findings.add(
            records,
            "`records` doesn't say which of the list is meant",
            "Write `same: {name: /name}`, or leave `records` out and let `id` lead to the one.",
        ),
        Some(records) => check_list_pointer(findings, records),
        None => {
            if let Some(first) = look_up.same.entries.first() {
                findings.add(
                    &first.name,
                    "`same` doesn't say where the list of what was found stands",
                    "Write `records: /entities`, say, with `id` as a place in an entry.",
                );
            }
        }
    }
}

/// The query and the headers of a request.
fn examine_extras(
    findings: &mut Findings,
    file: &ConnectorFile,
    query: &NameMap<Located<Template>>,
    headers: &NameMap<Located<Template>>,
) {
    for entry in &query.entries {
        check_names(findings, file, &entry.value, &[]);
    }
    examine_headers(findings, file, headers);
}
