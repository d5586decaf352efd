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
use super::url::HttpUrl;

/// How long before its end a token is replaced, where a connector doesn't say.
const REFRESH_EARLY: TimeSpan = TimeSpan::from_seconds(60);

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
    /// How long before its end a token is replaced; whoever uses it caps it at
    /// a tenth of the token's life.
    pub refresh_early: Duration,
    replies: Vec<(StatusSet, Option<String>, TokenReplyClass)>,
}

impl AuthFacts {
    pub(super) fn new(section: &AuthSection, token_url: HttpUrl, scope: Option<String>) -> Self {
        Self {
            grant: section.grant.value,
            token_url,
            credentials_in: section.credentials_in,
            scope,
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

    /// Whether the secret is the token itself, and no client id is needed.
    #[must_use]
    pub fn has_a_fixed_token(&self) -> bool {
        self.file.auth.grant.value == Grant::Token
    }
}
