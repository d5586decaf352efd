//! Where tokens come from: the connector file's words, with the variables filled
//! in.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::TimeSpan;

use super::bind::parse_url;
use super::check_variable::BASE_URL;
use super::error::ConnectorError;
use super::file::{AuthSection, CredentialsIn, Grant, TokenReplyClass};
use super::load::Connector;
use super::reply::contains_ignoring_case;
use super::status::StatusSet;
use super::template::Part;
use super::url::HttpUrl;

/// How long before its end a token is replaced, where a connector doesn't say.
const REFRESH_EARLY: TimeSpan = TimeSpan::from_seconds(60);

/// Stands for the token in a header of `auth`.
pub(super) const TOKEN: &str = "token";
/// Stands for the client's id there.
pub(super) const CLIENT_ID: &str = "client_id";

/// A header that goes along with each request, with its variables filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthHeader {
    /// The header's name.
    pub name: String,
    /// Text before what it carries.
    pub before: String,
    /// Whether it carries the client's id; else the token.
    pub carries_client_id: bool,
    /// Text behind it.
    pub after: String,
}

/// Where tokens come from, and what the token endpoint's replies mean.
#[derive(Clone, Debug)]
pub struct AuthFacts {
    /// The grant.
    pub grant: Grant,
    /// The token endpoint; the base address where no token is asked for.
    pub token_url: HttpUrl,
    /// Where the client's id and secret stand in the request.
    pub credentials_in: CredentialsIn,
    /// The scopes to ask for.
    pub scope: Option<String>,
    /// The headers that carry the token. Empty: `Authorization: Bearer …`.
    pub headers: Vec<AuthHeader>,
    /// How long before its end a token is replaced; whoever uses it caps it at
    /// a tenth of the token's life.
    pub refresh_early: Duration,
    /// Where a token's reply tells the API's address, as a JSON pointer; `None`
    /// where it doesn't.
    pub address_at: Option<String>,
    replies: Vec<(StatusSet, Option<String>, TokenReplyClass)>,
}

impl AuthFacts {
    pub(super) fn new(
        section: &AuthSection,
        token_url: HttpUrl,
        scope: Option<String>,
        headers: Vec<AuthHeader>,
    ) -> Self {
        Self {
            grant: section.grant.value,
            token_url,
            credentials_in: section.credentials_in,
            scope,
            headers,
            address_at: (section.discovery.as_ref())
                .filter(|discovery| discovery.value.url.is_none())
                .map(|discovery| discovery.value.base_url.value.clone()),
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

impl Connector {
    /// Where tokens come from, before the API's address is known.
    ///
    /// # Errors
    /// As [`Connector::bind`].
    pub fn auth_facts(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> Result<AuthFacts, ConnectorError> {
        let given = self.checked(variables)?;
        let (_, facts) = self.addresses(None, variables, &given)?;
        Ok(facts)
    }

    /// The token endpoint, or `base_url` where no token is asked for. Where the
    /// user has pointed the connector at another address, it is there, at the
    /// path that the connector's own has; an address given for one host alone
    /// moves no tokens.
    pub(super) fn token_url(
        &self,
        variables: &BTreeMap<String, String>,
        given: &BTreeMap<String, String>,
        base_url: &HttpUrl,
    ) -> Result<HttpUrl, ConnectorError> {
        let Some(token_url) = &self.file.auth.token_url else {
            return Ok(base_url.clone());
        };
        let Some(moved_to) = variables.get(BASE_URL) else {
            return parse_url("token endpoint", &self.fill(&token_url.value, given)?);
        };
        let moved_to = parse_url(BASE_URL, moved_to)?;
        let path = self.fill(&token_url.value.path_of_url(), given)?;
        let moved = moved_to.with_path(format!("{}{path}", moved_to.path));
        // The path alone was the connector's; the whole is checked again.
        parse_url("token endpoint", &moved.to_string())
    }

    /// Whether tokens are given out for a user's name and password.
    #[must_use]
    pub fn needs_a_user(&self) -> bool {
        self.file.auth.grant.value == Grant::Password
    }

    /// Whether tokens are given out for a refresh token.
    #[must_use]
    pub fn needs_a_refresh_token(&self) -> bool {
        self.file.auth.grant.value == Grant::RefreshToken
    }

    /// Whether the secret is the token itself, and no client id is needed.
    #[must_use]
    pub fn has_a_fixed_token(&self) -> bool {
        let auth = &self.file.auth;
        let mut values = auth.headers.entries.iter().map(|entry| &entry.value.value);
        let shows_client = values.any(|value| value.names().any(|name| name == CLIENT_ID));
        auth.grant.value == Grant::Token && !shows_client
    }

    /// The headers that carry the token, with their variables filled in.
    pub(super) fn auth_headers(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<AuthHeader>, ConnectorError> {
        let entries = self.file.auth.headers.entries.iter();
        let filled = entries.map(|entry| {
            let name = &entry.name.value;
            let (mut before, mut after) = (String::new(), String::new());
            let mut carried = None;
            for part in entry.value.value.parts() {
                let text = match carried {
                    None => &mut before,
                    Some(_) => &mut after,
                };
                match part {
                    Part::Text(part) => text.push_str(part),
                    Part::Name(name, _) if [TOKEN, CLIENT_ID].contains(&name.as_str()) => {
                        carried = Some(name);
                    }
                    Part::Name(name, escape) => {
                        let value = given.get(name).ok_or_else(|| self.missing(name.clone()))?;
                        text.push_str(&escape.of(value));
                    }
                }
            }
            let is_fit = |text: &str| text.bytes().all(|byte| (b' '..0x7F).contains(&byte));
            if !is_fit(&before) || !is_fit(&after) {
                return Err(ConnectorError::BadHeader {
                    header: name.clone(),
                });
            }
            Ok(AuthHeader {
                name: name.clone(),
                before,
                carries_client_id: carried.is_some_and(|name| name == CLIENT_ID),
                after,
            })
        });
        filled.collect()
    }
}
