//! Filling in a connector's variables: from a file to an address, a token
//! endpoint and an operation.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Located, did_you_mean, did_you_mean_or_all};

use super::auth_facts::AuthFacts;
use super::bucket::BucketNames;
use super::check_upsert::names_id;
use super::check_variable::{DEFAULT_PATTERN, compile_pattern, is_secret_name};
use super::error::ConnectorError;
use super::file::LimitsSection;
use super::load::Connector;
use super::operation::Operation;
use super::probe_read::ProbeRead;
use super::url::{HttpUrl, UrlError};

/// A connector whose variables are filled in: all that a load needs to know of
/// a platform.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The connector's name.
    pub connector: String,
    /// Where requests go: scheme, host, port and the path that
    /// [`Operation::write_path`] begins with.
    pub base_url: HttpUrl,
    /// Where tokens come from.
    pub auth: AuthFacts,
    /// How the platform tells its limits.
    pub limits: LimitFacts,
    /// The header that carries our id of a call; `None`: none is sent.
    pub request_id_header: Option<String>,
    /// The operation that a load uses. Of an upsert, the one that makes records.
    pub operation: Arc<Operation>,
    /// Of an upsert, the operation that changes records: every key is looked up
    /// first. `None` where `operation` alone does it all.
    pub update: Option<Arc<Operation>>,
    /// Of an upsert, the operation that deletes a record that was made; `None`
    /// where the connector names none.
    pub delete: Option<Arc<Operation>>,
    /// The read that a probe sends; `None` where the connector names none.
    pub probe: Option<ProbeRead>,
}

/// How the platform tells its limits: names of headers, in the order in which
/// they are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitFacts {
    /// How long to wait.
    pub retry_after: Vec<String>,
    /// How many requests a window takes.
    pub limit: Vec<String>,
    /// How many requests are left in the window.
    pub remaining: Vec<String>,
    /// When the window ends.
    pub reset: Vec<String>,
    /// Where a refusal names its limit, and whose limit each is.
    pub buckets: BucketNames,
}

/// The names of the operations that a load is done with.
struct Parts<'file> {
    create: &'file str,
    update: Option<&'file str>,
    delete: Option<&'file str>,
}

impl LimitFacts {
    /// A header of a reply under the usual name that `limit` asks for, looked up
    /// under the names that the connector gives it; `plain` finds a header by
    /// its own name.
    pub fn header<'reply>(
        &self,
        name: &str,
        plain: &dyn Fn(&str) -> Option<&'reply str>,
    ) -> Option<&'reply str> {
        let named = |names: &[String]| names.iter().find_map(|name| plain(name));
        let told = match name {
            "retry-after" => named(&self.retry_after),
            "x-ratelimit-limit" => named(&self.limit),
            "x-ratelimit-remaining" => named(&self.remaining),
            "x-ratelimit-reset" => named(&self.reset),
            _ => None,
        };
        told.or_else(|| plain(name))
    }

    pub(super) fn new(section: &LimitsSection) -> Self {
        Self {
            retry_after: section
                .retry_after
                .as_ref()
                .map_or_else(|| vec!["Retry-After".to_owned()], |names| values(names)),
            limit: values(&section.limit),
            remaining: values(&section.remaining),
            reset: values(&section.reset),
            buckets: BucketNames::new(section),
        }
    }
}

/// The values without their places.
pub(super) fn values(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|entry| entry.value.clone()).collect()
}

impl Connector {
    /// Fills in the variables.
    ///
    /// `base_url` may be given for every connector: requests then go there, and
    /// so does the token request, to the path that the connector's own token
    /// endpoint has.
    ///
    /// # Errors
    /// An unknown or missing variable, a value that doesn't match its pattern,
    /// a secret given as a variable, and an address that can't be used.
    pub fn bind(&self, variables: &BTreeMap<String, String>) -> Result<Bound, ConnectorError> {
        self.bind_to(self.default_operation(), variables)
    }

    /// Fills in the variables, for the operation, or upsert, of that name.
    ///
    /// # Errors
    /// As [`Connector::bind`], and a name that the connector doesn't have.
    pub fn bind_to(
        &self,
        name: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Bound, ConnectorError> {
        self.bind_with(name, variables, &self.checked(variables)?)
    }

    /// The same with what [`Self::checked`] has made of the variables.
    pub(super) fn bind_with(
        &self,
        name: &str,
        variables: &BTreeMap<String, String>,
        given: &BTreeMap<String, String>,
    ) -> Result<Bound, ConnectorError> {
        let parts = self.named(name)?;
        let file = &self.file;
        let section = self.section(parts.create);
        let host = section.host.as_ref().map(|host| host.value.as_str());
        let (base_url, auth) = self.addresses(host, variables, given)?;
        let operation = self.operation(parts.create, &base_url, given)?;
        let part = |name: Option<&str>| -> Result<_, ConnectorError> {
            name.map(|name| Ok(Arc::new(self.operation(name, &base_url, given)?)))
                .transpose()
        };
        let (update, delete) = (part(parts.update)?, part(parts.delete)?);
        let probe = self.probe_read(section, &base_url, given)?;
        Ok(Bound {
            connector: self.name().to_owned(),
            auth,
            limits: LimitFacts::new(&file.limits),
            request_id_header: self.request_id_header(),
            operation: Arc::new(operation),
            update,
            delete,
            probe,
            base_url,
        })
    }

    /// Where requests to a host go, and where tokens come from.
    pub(super) fn addresses(
        &self,
        host: Option<&str>,
        variables: &BTreeMap<String, String>,
        given: &BTreeMap<String, String>,
    ) -> Result<(HttpUrl, AuthFacts), ConnectorError> {
        let base_url = self.address(host, variables, given)?;
        let token_url = self.token_url(variables, given, &base_url)?;
        let scope = self.file.auth.scope.as_ref();
        let scope = scope
            .map(|scope| self.fill(&scope.value, given))
            .transpose()?;
        let auth = AuthFacts::new(&self.file.auth, token_url, scope, self.auth_headers(given)?);
        Ok((base_url, auth))
    }

    /// The header that carries our id of a call.
    pub(super) fn request_id_header(&self) -> Option<String> {
        let send = self.file.request_id.send.as_ref()?;
        Some(send.value.clone())
    }

    /// The operation of that name; of an upsert those that it is made of.
    fn named<'own>(&'own self, name: &'own str) -> Result<Parts<'own>, ConnectorError> {
        let file = &self.file;
        if let Some(upsert) = file.upserts.get(name) {
            let upsert = &upsert.value;
            return Ok(Parts {
                create: &upsert.create.value,
                update: Some(&upsert.update.value),
                delete: upsert.delete.as_ref().map(|name| name.value.as_str()),
            });
        }
        match file.operations.get(name) {
            Some(operation) if !names_id(file, &operation.value) => Ok(Parts {
                create: name,
                update: None,
                delete: None,
            }),
            found => Err(ConnectorError::UnknownOperation {
                connector: self.name().to_owned(),
                operation: name.to_owned(),
                suggestion: match found {
                    // It needs an id that only a look-up finds.
                    Some(_) => "; it is a part of an upsert".to_owned(),
                    None => {
                        let loads = |name: &&str| self.named(name).is_ok();
                        let all = file.operations.names().chain(file.upserts.names());
                        did_you_mean_or_all(name, all.filter(loads))
                    }
                },
            }),
        }
    }

    /// The values that were given, and the defaults of the others.
    pub(super) fn checked(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, ConnectorError> {
        let declared = &self.file.variables;
        for name in variables.keys() {
            let is_known = self.is_address(name) || declared.get(name).is_some();
            if is_known || self.is_handed_over(name) {
                continue;
            }
            if is_secret_name(name) {
                return Err(ConnectorError::SecretVariable {
                    variable: name.clone(),
                });
            }
            let addresses = self.address_variables();
            let known = (declared.names()).chain(addresses.iter().map(String::as_str));
            return Err(ConnectorError::UnknownVariable {
                connector: self.name().to_owned(),
                variable: name.clone(),
                suggestion: did_you_mean_or_all(name, known),
            });
        }
        let mut checked = BTreeMap::new();
        for entry in &declared.entries {
            let name = &entry.name.value;
            let section = &entry.value.value;
            let default = section.default.as_ref().map(|default| &default.value);
            let Some(value) = variables.get(name).or(default) else {
                continue;
            };
            if !section.values.entries.is_empty() {
                let filled = section.values.get(value).ok_or_else(|| {
                    let known: Vec<&str> = section.values.names().collect();
                    ConnectorError::NotInTable {
                        variable: name.clone(),
                        suggestion: did_you_mean(value, known.iter().copied()),
                        known: known.join(", "),
                    }
                })?;
                checked.insert(name.clone(), filled.value.clone());
                continue;
            }
            let pattern = section
                .pattern
                .as_ref()
                .map_or(DEFAULT_PATTERN, |pattern| pattern.value.as_str());
            let compiled = compile_pattern(pattern).expect("examined when the file was loaded");
            if !compiled.is_match(value) {
                return Err(ConnectorError::BadValue {
                    variable: name.clone(),
                    pattern: pattern.to_owned(),
                    example: self.example(name),
                });
            }
            checked.insert(name.clone(), value.clone());
        }
        self.hand_over(variables, &mut checked);
        Ok(checked)
    }

    /// The template's text. A variable is missed only where it is used: with
    /// `base_url` given, a region names nothing.
    pub(super) fn fill(
        &self,
        template: &super::template::Template,
        given: &BTreeMap<String, String>,
    ) -> Result<String, ConnectorError> {
        template.fill(given).map_err(|name| self.missing(name))
    }

    pub(super) fn missing(&self, variable: String) -> ConnectorError {
        ConnectorError::MissingVariable {
            connector: self.name().to_owned(),
            description: self
                .file
                .variables
                .get(&variable)
                .map(|section| section.value.description.clone())
                .unwrap_or_default(),
            example: self.example(&variable),
            variable,
        }
    }

    fn example(&self, variable: &str) -> String {
        self.file
            .variables
            .get(variable)
            .and_then(|section| section.value.example.as_ref())
            .map(|example| example.value.clone())
            .unwrap_or_default()
    }
}

pub(super) fn parse_url(what: &str, text: &str) -> Result<HttpUrl, ConnectorError> {
    HttpUrl::parse(text).map_err(|cause: UrlError| ConnectorError::BadUrl {
        what: what.to_owned(),
        cause,
    })
}
