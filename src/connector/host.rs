//! Where requests go: the platform's address, and those of its other hosts.
//!
//! A token goes to no host that the connector file doesn't name, that the user
//! hasn't given, or that discovery hasn't told. So an operation doesn't write an
//! address of its own; it names one of `hosts`, which the file declares.

use std::collections::BTreeMap;

use crate::config::Located;

use super::bind::parse_url;
use super::check::{Findings, examine_url};
use super::check_variable::BASE_URL;
use super::error::ConnectorError;
use super::file::ConnectorFile;
use super::load::Connector;
use super::set_up::{DISCOVERED, NOT_YET_ASKED};
use super::url::HttpUrl;

/// The variable that points a host at another address.
fn variable_of(host: &str) -> String {
    format!("{host}_{BASE_URL}")
}

/// Adds the mistakes of `hosts`.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile) {
    for entry in &file.hosts.entries {
        let name = &entry.name.value;
        let is_plain = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_plain {
            findings.add(
                &entry.name,
                format!(
                    "the host's name {name:?} holds more than lower-case letters, digits and `_`"
                ),
                "It is a part of a variable's name: keep it short and plain.",
            );
        }
        let variable = variable_of(name);
        if let Some(declared) =
            (file.variables.entries.iter()).find(|declared| declared.name.value == variable)
        {
            findings.add(
                &declared.name,
                format!("`{variable}` exists by the host `{name}` and can't be declared"),
                "Leave it out; `--set` takes it without.",
            );
        }
        examine_url(findings, file, &entry.value, "host's address");
    }
}

/// Adds a mistake where an operation or a stream names a host that isn't there.
pub(super) fn examine_name(
    findings: &mut Findings,
    file: &ConnectorFile,
    host: Option<&Located<String>>,
) {
    let Some(host) = host.filter(|host| file.hosts.get(&host.value).is_none()) else {
        return;
    };
    let near = file.hosts.did_you_mean(&host.value);
    findings.add(
        host,
        format!("there is no host `{}`{near}", host.value),
        "Name one of `hosts`, where its address stands; without `host` it is `base_url`.",
    );
}

impl Connector {
    /// Where requests to a host go; `None` is the host of `base_url`.
    pub(super) fn address(
        &self,
        host: Option<&str>,
        variables: &BTreeMap<String, String>,
        given: &BTreeMap<String, String>,
    ) -> Result<HttpUrl, ConnectorError> {
        let own = host.map(variable_of);
        for name in own.as_deref().into_iter().chain([BASE_URL]) {
            if let Some(text) = variables.get(name) {
                return parse_url(name, text);
            }
        }
        let what = own.as_deref().unwrap_or(BASE_URL);
        parse_url(what, &self.own_address(host, variables, given)?)
    }

    /// The same where the user doesn't say: as the platform told, or the address
    /// of the file. One that the platform is still to be asked for stands open.
    fn own_address(
        &self,
        host: Option<&str>,
        variables: &BTreeMap<String, String>,
        given: &BTreeMap<String, String>,
    ) -> Result<String, ConnectorError> {
        let asked = match variables.contains_key(DISCOVERED) {
            true => None,
            false => self.discovery(variables)?,
        };
        let Some(host) = host else {
            return match (variables.get(DISCOVERED), asked) {
                (Some(told), _) => Ok(told.clone()),
                (None, Some(_)) => Ok(NOT_YET_ASKED.to_owned()),
                (None, None) => self.fill(&self.file.base_url.value, given),
            };
        };
        let template = &self
            .file
            .hosts
            .get(host)
            .expect("examined when the file was loaded");
        let waits_for_answer = asked.is_some_and(|asked| {
            let mut names = template.value.names();
            names.any(|name| !given.contains_key(name) && asked.tells(name))
        });
        match waits_for_answer {
            true => Ok(NOT_YET_ASKED.to_owned()),
            false => self.fill(&template.value, given),
        }
    }

    /// The variables that every host's address can be given in.
    pub(super) fn address_variables(&self) -> Vec<String> {
        let hosts = self.file.hosts.names().map(variable_of);
        hosts.chain([BASE_URL.to_owned()]).collect()
    }

    /// Whether a variable is one that an address is given in.
    pub(super) fn is_address(&self, variable: &str) -> bool {
        let mut hosts = self.file.hosts.names();
        variable == BASE_URL || hosts.any(|host| variable_of(host) == variable)
    }

    /// Whether the user has said where requests to all hosts go.
    pub(super) fn base_url_given(&self, variables: &BTreeMap<String, String>) -> bool {
        variables.contains_key(BASE_URL)
    }
}
