//! Filling in a connector's variables: from a file to an address, a token
//! endpoint and an operation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Located, TimeSpan, did_you_mean};

use super::bucket::BucketNames;
use super::check_upsert::names_id;
use super::check_variable::{BASE_URL, DEFAULT_PATTERN, compile_pattern, is_secret_name};
use super::error::ConnectorError;
use super::file::{AuthSection, CredentialsIn, Grant, LimitsSection, TokenReplyClass};
use super::load::Connector;
use super::operation::Operation;
use super::probe_read::ProbeRead;
use super::reply::contains_ignoring_case;
use super::status::StatusSet;
use super::url::{HttpUrl, UrlError};

/// How long before its end a token is replaced, where a connector doesn't say.
const REFRESH_EARLY: TimeSpan = TimeSpan::from_seconds(60);

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
    /// The read that a probe sends; `None` where the connector names none.
    pub probe: Option<ProbeRead>,
}

/// Where tokens come from, and what the token endpoint's replies mean.
#[derive(Clone, Debug)]
pub struct AuthFacts {
    /// The grant.
    pub grant: Grant,
    /// The token endpoint.
    pub token_url: HttpUrl,
    /// Where the client's id and secret stand in the request.
    pub credentials_in: CredentialsIn,
    /// The scopes to ask for.
    pub scope: Option<String>,
    /// How long before its end a token is replaced; whoever uses it caps it at
    /// a tenth of the token's life.
    pub refresh_early: Duration,
    replies: Vec<(StatusSet, Option<String>, TokenReplyClass)>,
}

impl AuthFacts {
    /// What the connector's rules say of a reply of the token endpoint; `None`
    /// where none of them is about it.
    #[must_use]
    pub fn classify(&self, status: u16, body: &[u8]) -> Option<TokenReplyClass> {
        self.replies
            .iter()
            .find(|(statuses, text, _)| {
                statuses.contains(status)
                    && text
                        .as_ref()
                        .is_none_or(|text| contains_ignoring_case(body, text.as_bytes()))
            })
            .map(|(.., class)| *class)
    }
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

impl LimitFacts {
    fn new(section: &LimitsSection) -> Self {
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
        let (create, update) = self.named(name)?;
        let given = self.checked(variables)?;
        let file = &self.file;
        let (base_url, token_url) = match variables.get(BASE_URL) {
            Some(text) => {
                let base_url = parse_url("base_url", text)?;
                let token_path = self.fill(&file.auth.token_url.value.path_of_url(), &given)?;
                let token_url = base_url.with_path(format!("{}{token_path}", base_url.path));
                // The path alone was the connector's; the whole is checked again.
                let token_url = parse_url("token endpoint", &token_url.to_string())?;
                (base_url, token_url)
            }
            None => (
                parse_url("base_url", &self.fill(&file.base_url.value, &given)?)?,
                parse_url(
                    "token endpoint",
                    &self.fill(&file.auth.token_url.value, &given)?,
                )?,
            ),
        };
        let operation = self.operation(create, &base_url, &given)?;
        let update = match update {
            Some(update) => Some(Arc::new(self.operation(update, &base_url, &given)?)),
            None => None,
        };
        let probe = self.probe_read(&base_url, &given)?;
        Ok(Bound {
            connector: self.name().to_owned(),
            auth: auth_facts(&file.auth, token_url),
            limits: LimitFacts::new(&file.limits),
            request_id_header: file.request_id.send.as_ref().map(|name| name.value.clone()),
            operation: Arc::new(operation),
            update,
            probe,
            base_url,
        })
    }

    /// The operation of that name; of an upsert the two that it is made of.
    fn named<'own>(
        &'own self,
        name: &'own str,
    ) -> Result<(&'own str, Option<&'own str>), ConnectorError> {
        let file = &self.file;
        if let Some(upsert) = file.upserts.get(name) {
            let upsert = &upsert.value;
            return Ok((&upsert.create.value, Some(&upsert.update.value)));
        }
        match file.operations.get(name) {
            Some(operation) if !names_id(file, &operation.value) => Ok((name, None)),
            found => Err(ConnectorError::UnknownOperation {
                connector: self.name().to_owned(),
                operation: name.to_owned(),
                suggestion: match found {
                    // It needs an id that only a look-up finds.
                    Some(_) => "; it is a part of an upsert".to_owned(),
                    None => did_you_mean(name, file.operations.names().chain(file.upserts.names())),
                },
            }),
        }
    }

    /// The values that were given, and the defaults of the others.
    fn checked(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, ConnectorError> {
        let declared = &self.file.variables;
        for name in variables.keys() {
            if name == BASE_URL || declared.get(name).is_some() {
                continue;
            }
            if is_secret_name(name) {
                return Err(ConnectorError::SecretVariable {
                    variable: name.clone(),
                });
            }
            let known: Vec<&str> = declared.names().chain([BASE_URL]).collect();
            let mut suggestion = did_you_mean(name, known.iter().copied());
            if suggestion.is_empty() {
                suggestion = format!("; it has {}", known.join(", "));
            }
            return Err(ConnectorError::UnknownVariable {
                connector: self.name().to_owned(),
                variable: name.clone(),
                suggestion,
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

fn parse_url(what: &'static str, text: &str) -> Result<HttpUrl, ConnectorError> {
    HttpUrl::parse(text).map_err(|cause: UrlError| ConnectorError::BadUrl { what, cause })
}

fn auth_facts(section: &AuthSection, token_url: HttpUrl) -> AuthFacts {
    AuthFacts {
        grant: section.grant,
        token_url,
        credentials_in: section.credentials_in,
        scope: section.scope.clone(),
        refresh_early: section.refresh_early.unwrap_or(REFRESH_EARLY).duration(),
        replies: section
            .replies
            .iter()
            .map(|reply| {
                let rule = &reply.value;
                (rule.status.clone(), rule.body_contains.clone(), rule.class)
            })
            .collect(),
    }
}
