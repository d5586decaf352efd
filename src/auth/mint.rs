//! One call to the token endpoint, and what its answer means.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::limit::retry_after;
use crate::transport::{BodyFlaw, ControlClient, Reply};

use super::reply::{read_granted, read_refused, read_successor};
use super::{Credentials, CredentialsIn, MintVerdict, MintedToken, TokenEndpoint, TokenRequest};

/// Why there is no token. No message holds a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MintError {
    /// The endpoint said no; asking again won't help.
    #[error("token endpoint {url} refused the credentials with status {status}{}; {}", told(error, description), advice(*status, error))]
    Refused {
        /// The endpoint's URL, without its query.
        url: String,
        /// The status.
        status: u16,
        /// The OAuth error code, such as `invalid_client`; empty where not said.
        error: String,
        /// The endpoint's own words; empty where not said.
        description: String,
    },
    /// The endpoint granted a token without a scope that was asked for.
    #[error(
        "token endpoint {url} granted scope \"{granted}\" where \"{asked}\" was asked for; give the client that scope"
    )]
    MissingScope {
        /// The endpoint's URL, without its query.
        url: String,
        /// What was asked for.
        asked: String,
        /// What was granted.
        granted: String,
    },
    /// Too many tokens were asked for.
    #[error("token endpoint {url} is throttling; wait before the next attempt")]
    Throttled {
        /// The endpoint's URL, without its query.
        url: String,
        /// How long to wait, where the endpoint said.
        retry_after: Option<Duration>,
    },
    /// No usable answer came.
    #[error("token endpoint {url} gives no token: {cause}")]
    Unreachable {
        /// The endpoint's URL, without its query.
        url: String,
        /// Why.
        cause: String,
        /// Whether trying again is unlikely to help (certificate, proxy, name).
        permanent: bool,
    },
    /// The endpoint said yes, but what it sent is no token.
    #[error("reply of token endpoint {url} {what}; check the URL")]
    BadReply {
        /// The endpoint's URL, without its query.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}

impl MintError {
    /// Whether asking again is unlikely to help.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::MissingScope { .. } | Self::BadReply { .. } => true,
            Self::Throttled { .. } => false,
            Self::Unreachable { permanent, .. } => *permanent,
        }
    }
}

fn told(error: &str, description: &str) -> String {
    match (error, description) {
        ("", "") => String::new(),
        (code, "") => format!(" ({code})"),
        ("", words) => format!(" ({words})"),
        (code, words) => format!(" ({code}: {words})"),
    }
}

fn advice(status: u16, error: &str) -> &'static str {
    match (status, error) {
        (_, "invalid_scope") => "check the scope, and that the client may ask for it",
        (_, "unauthorized_client" | "unsupported_grant_type") => {
            "check that the client is allowed the connector's grant, such as client_credentials, or password with an access key"
        }
        (_, "invalid_grant") => {
            "check the user name and the password, the access key, or the refresh token, which ends, and which a platform may replace with each use"
        }
        (_, "invalid_client") | (401, _) => "check the client id and the client secret",
        (403, _) => "check the client's permissions and the scope",
        (300..=399, _) => "it redirects, and credentials are never sent on; check the URL",
        (404 | 405 | 410, _) => "check the URL and the region",
        _ => "check the client id, the client secret, the scope and the URL",
    }
}

/// Asks the endpoint for a token, once.
///
/// # Errors
/// [`MintError`]; [`MintError::is_permanent`] says whether to ask again.
pub async fn mint(
    client: &ControlClient,
    endpoint: &TokenEndpoint,
    credentials: &Credentials,
) -> Result<MintedToken, MintError> {
    if matches!(
        endpoint.credentials_in,
        CredentialsIn::TokenItself | CredentialsIn::BasicItself
    ) {
        let headers = endpoint.fixed_headers(credentials);
        let headers = headers.ok_or_else(|| MintError::BadReply {
            url: shown_url(&endpoint.url),
            what:
                "can't be sent the secret: it is empty, or holds characters that no header may hold"
                    .to_owned(),
        })?;
        return Ok(MintedToken {
            headers,
            life: None,
            scope: None,
            address: None,
        });
    }
    let line = credentials.refresh_token.as_ref();
    let mut refresh_token = match line {
        Some(line) => Some(line.newest().await),
        None => None,
    };
    let request = TokenRequest::new(endpoint, credentials, refresh_token.as_deref());
    let reply = client
        .post_form(&endpoint.url, request.authorization, request.form)
        .await
        .map_err(|failure| {
            let cause = match failure.hint() {
                // A message is a fragment; the hint is a sentence of its own.
                Some(hint) => format!("{failure}. {}", hint.trim_end_matches('.')),
                None => failure.to_string(),
            };
            MintError::Unreachable {
                url: shown_url(&endpoint.url),
                cause,
                permanent: failure.is_permanent(),
            }
        })?;
    if let (Some(line), Some(newest)) = (line, refresh_token.as_deref_mut())
        && let Some(successor) = read_successor(&reply)
    {
        line.replace(newest, successor);
    }
    judge(&reply, endpoint, credentials, refresh_token.as_deref())
}

/// What a reply of the endpoint means.
pub(crate) fn judge(
    reply: &Reply,
    endpoint: &TokenEndpoint,
    credentials: &Credentials,
    refresh_token: Option<&SecretString>,
) -> Result<MintedToken, MintError> {
    let url = shown_url(&endpoint.url);
    let status = reply.status;
    let header = |name: &str| reply.headers.get(name)?.to_str().ok();
    let wait = retry_after(&header);
    let verdict = (endpoint.rules)(status, &reply.body);
    let throttles = status == 429 || (status == 503 && wait.is_some());
    if verdict == Some(MintVerdict::Throttled) || (verdict.is_none() && throttles) {
        return Err(MintError::Throttled {
            url,
            retry_after: wait,
        });
    }
    let password = credentials.user.as_ref().map(|user| &user.password);
    let secrets: Vec<&str> = [Some(&credentials.client_secret), password, refresh_token]
        .into_iter()
        .flatten()
        .map(ExposeSecret::expose_secret)
        .collect();
    let (error, description) = read_refused(&reply.body, &secrets);
    if verdict.is_none() && (200..300).contains(&status) {
        let minted = granted(reply, endpoint, &credentials.client_id, url.clone());
        // Some endpoints say no with a status of 200.
        let is_refusal = matches!(minted, Err(MintError::BadReply { .. })) && !error.is_empty();
        if !is_refusal {
            return minted;
        }
    }
    let transient = verdict == Some(MintVerdict::Passing)
        || status >= 500
        || matches!(status, 408 | 425)
        || matches!(error.as_str(), "temporarily_unavailable" | "server_error");
    if transient {
        let cause = format!("status {status}{}", told(&error, &description));
        return Err(MintError::Unreachable {
            url,
            cause,
            permanent: false,
        });
    }
    Err(MintError::Refused {
        url,
        status,
        error,
        description,
    })
}

fn granted(
    reply: &Reply,
    endpoint: &TokenEndpoint,
    client_id: &str,
    url: String,
) -> Result<MintedToken, MintError> {
    match reply.body_flaw {
        Some(BodyFlaw::Truncated) => {
            let cause = "the connection ended within the reply".to_owned();
            return Err(MintError::Unreachable {
                url,
                cause,
                permanent: false,
            });
        }
        Some(BodyFlaw::TooLarge) => {
            return Err(MintError::BadReply {
                url,
                what: "is larger than any token".to_owned(),
            });
        }
        None => {}
    }
    let minted = match read_granted(&reply.body, endpoint, client_id) {
        Ok(minted) => minted,
        Err(what) => return Err(MintError::BadReply { url, what }),
    };
    if let (Some(asked), Some(granted)) = (&endpoint.scope, &minted.scope)
        && !covers(granted, asked)
    {
        return Err(MintError::MissingScope {
            url,
            asked: asked.clone(),
            granted: granted.chars().take(300).collect(),
        });
    }
    Ok(minted)
}

/// Whether every scope asked for was granted. An empty answer counts as none
/// said (RFC 6749, section 3.3: an endpoint need not repeat it).
fn covers(granted: &str, asked: &str) -> bool {
    let separate = |text: &str| -> Vec<String> {
        text.split([' ', ','])
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let granted = separate(granted);
    granted.is_empty() || separate(asked).iter().all(|scope| granted.contains(scope))
}

/// The URL without query, fragment and user name: any may hold a secret.
fn shown_url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let shown = &url[..end];
    match shown.split_once("://") {
        Some((scheme, rest)) => {
            let authority_end = rest.find('/').unwrap_or(rest.len());
            let host_start = rest[..authority_end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host_start..])
        }
        None => shown.to_owned(),
    }
}
