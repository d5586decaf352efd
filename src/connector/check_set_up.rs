//! What is wrong with discovery, with what is set up before the first row, and
//! with tables of values.

use crate::config::{Located, NameMap};

use super::check::{Findings, check_list_pointer, check_names, check_places, check_pointer};
use super::check_operation::examine_headers;
use super::file::{ConnectorFile, Grant};
use super::set_up_file::{DiscoverySection, SetUpLookUpSection};
use super::template::Template;
use super::url::HttpUrl;

/// Adds the mistakes of `discovery` and `set_up`.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile) {
    if let Some(discovery) = &file.auth.discovery {
        let discovery = &discovery.value;
        if let Some(url) = &discovery.url {
            check_names(findings, file, url, &[]);
        }
        check_pointer(findings, &discovery.base_url);
        examine_discovered_hosts(findings, file, discovery);
        for entry in &discovery.variables.entries {
            check_pointer(findings, &entry.value);
            let name = &entry.name.value;
            let mut asked_by = discovery.url.iter().flat_map(|url| url.value.names());
            let is_asked_by = asked_by.any(|asked| asked == name);
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

/// Where a token's reply tells the address, the file says which hosts may get the
/// token, and a token has to be asked for.
fn examine_discovered_hosts(
    findings: &mut Findings,
    file: &ConnectorFile,
    discovery: &DiscoverySection,
) {
    for host in &discovery.hosts {
        let name = host.value.strip_prefix("*.").unwrap_or(&host.value);
        let is_plain = HttpUrl::parse(&format!("https://{name}"))
            .is_ok_and(|url| url.authority().eq_ignore_ascii_case(name));
        // All hosts of a country are no platform's.
        let is_narrow = name == host.value || name.contains('.');
        if !is_plain || !is_narrow {
            findings.add(
                host,
                format!("{:?} names no hosts of a platform", host.value),
                "Write a host, such as www.example.com, or *.example.com for all below it.",
            );
        }
    }
    if discovery.url.is_some() {
        return;
    }
    if discovery.hosts.is_empty() {
        findings.add(
            &discovery.base_url,
            "the reply that grants a token may name any host, and the token would go there",
            "Add `hosts`, the platform's own, such as hosts: [\"*.my.example.com\"]; or `url`, where the address is asked for.",
        );
    }
    if matches!(file.auth.grant.value, Grant::Token | Grant::Basic) {
        findings.add(
            &file.auth.grant,
            "no token is asked for with this grant, so no reply tells the address",
            "Add `url` to `discovery`, where the address is asked for; or leave `discovery` out.",
        );
    }
    if let Some(entry) = discovery.variables.entries.first() {
        findings.add(
            &entry.name,
            "the reply that grants a token tells the address alone",
            "Leave `variables` out, or add `url`, where they are asked for.",
        );
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
