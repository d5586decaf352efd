//! From where secrets are kept to the plan that mints tokens with them.

use std::sync::Arc;

use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use crate::actors::TokenPlan;
use crate::auth::{
    self, Carried, CredentialSource, Credentials, MintRules, MintVerdict, RefreshToken,
    TokenEndpoint, TokenHeader, TokenPolicy, User,
};
use crate::config::{CredentialSources, SecretSource, Settings, StreamSource};
use crate::connector::{self, AuthFacts, AuthHeader, Connector, Grant, TokenReplyClass};
use crate::error::FatalError;

use super::bind::target_connector;
use super::print;

/// Where a source's client has its id, unless the source says otherwise.
const SOURCE_CLIENT_ID: &str = "SLUICE_SOURCE_CLIENT_ID";
/// Where it has its secret.
const SOURCE_CLIENT_SECRET: &str = "SLUICE_SOURCE_CLIENT_SECRET";
/// Where it has an access key, if it wants one that isn't the target's.
const SOURCE_USERNAME: &str = "SLUICE_SOURCE_USERNAME";
const SOURCE_PASSWORD: &str = "SLUICE_SOURCE_PASSWORD";
/// Where it has a refresh token, if it wants one.
const SOURCE_REFRESH_TOKEN: &str = "SLUICE_SOURCE_REFRESH_TOKEN";

/// Reads the credentials from where the settings say they are.
pub(super) fn read_credentials(settings: &Settings) -> Result<Credentials, FatalError> {
    read_from(&settings.credentials, &target_connector(settings)?)
}

/// Reads the credentials of a stream's platform: from where its source says,
/// from the source's environment variables where they are set, else the
/// target's.
pub(super) fn read_source_credentials(
    settings: &Settings,
    stream: &StreamSource,
    connector: &Connector,
) -> Result<Credentials, FatalError> {
    let mut of_environment = CredentialSources {
        client_id: SecretSource::Environment(SOURCE_CLIENT_ID.to_owned()),
        client_secret: SecretSource::Environment(SOURCE_CLIENT_SECRET.to_owned()),
        refresh_token: SecretSource::Environment(SOURCE_REFRESH_TOKEN.to_owned()),
        ..settings.credentials.clone()
    };
    if std::env::var_os(SOURCE_USERNAME).is_some() {
        of_environment.username = SecretSource::Environment(SOURCE_USERNAME.to_owned());
        of_environment.password = SecretSource::Environment(SOURCE_PASSWORD.to_owned());
    }
    let sources = match &stream.credentials {
        Some(sources) => sources,
        None if std::env::var_os(SOURCE_CLIENT_ID).is_some() => &of_environment,
        None => &settings.credentials,
    };
    read_from(sources, connector)
}

/// Reads the credentials; a user's only where the connector wants one.
fn read_from(
    sources: &CredentialSources,
    connector: &Connector,
) -> Result<Credentials, FatalError> {
    let user = match connector.needs_a_user() {
        true => Some(User {
            name: read_secret(&sources.username)?,
            password: read_secret(&sources.password)?,
        }),
        false => None,
    };
    let client_id = match read_secret(&sources.client_id) {
        // Only a name for what is learnt of the limit.
        Err(_) if connector.has_a_fixed_token() => String::new(),
        client_id => client_id?.expose_secret().to_owned(),
    };
    Ok(Credentials {
        client_id,
        client_secret: read_secret(&sources.client_secret)?,
        user,
        refresh_token: match connector.needs_a_refresh_token() {
            true => Some(read_refresh_token(&sources.refresh_token)?),
            false => None,
        },
    })
}

fn read_refresh_token(source: &SecretSource) -> Result<RefreshToken, FatalError> {
    let kept_in = match source {
        SecretSource::File(path) => Some(path.as_path()),
        _ => None,
    };
    Ok(RefreshToken::of(read_secret(source)?, kept_in))
}

/// Says what the next command needs, where a platform has replaced the refresh
/// token by one that ends with this process.
pub(super) fn tell_of_lost_refresh_token() {
    if RefreshToken::is_any_lost_at_end() {
        print::remark(
            "sluice: the platform has replaced the refresh token, and the new one is known to this process alone; get another before the next command, or keep it in a file, which takes the new ones (`credentials: {…, refresh_token: {file: …}}` in the job file)",
        );
    }
}

/// The client's id, where it can be had without running anything: a plan does
/// without it otherwise.
pub(super) fn client_id_offline(settings: &Settings) -> Option<String> {
    match &settings.credentials.client_id {
        SecretSource::Command(_) => None,
        source => Some(read_secret(source).ok()?.expose_secret().to_owned()),
    }
}

/// How tokens are had, in the minting module's words.
pub(super) fn token_plan(facts: &AuthFacts, credentials: Credentials) -> TokenPlan {
    TokenPlan {
        endpoint: TokenEndpoint {
            url: facts.token_url.to_string(),
            scope: facts.scope.clone(),
            credentials_in: match (facts.grant, facts.credentials_in) {
                (Grant::Token, _) => auth::CredentialsIn::TokenItself,
                (Grant::Basic, _) => auth::CredentialsIn::BasicItself,
                (_, connector::CredentialsIn::Basic) => auth::CredentialsIn::Basic,
                (_, connector::CredentialsIn::Form) => auth::CredentialsIn::Form,
                (_, connector::CredentialsIn::Both) => auth::CredentialsIn::Both,
            },
            headers: facts.headers.iter().filter_map(token_header).collect(),
            address_at: facts.address_at.clone(),
            rules: mint_rules(facts.clone()),
        },
        credentials,
        policy: TokenPolicy {
            refresh_early: facts.refresh_early,
            ..TokenPolicy::default()
        },
    }
}

/// A header that carries a token. What HTTP doesn't know as a header's name was
/// refused when the connector was read, so none is lost here.
fn token_header(header: &AuthHeader) -> Option<TokenHeader> {
    Some(TokenHeader {
        name: HeaderName::from_bytes(header.name.as_bytes()).ok()?,
        before: header.before.clone(),
        carries: match header.carries_client_id {
            true => Carried::ClientId,
            false => Carried::Token,
        },
        after: header.after.clone(),
    })
}

/// The connector's rules about token replies, in the minting module's words.
fn mint_rules(facts: AuthFacts) -> MintRules {
    Arc::new(move |status, body| {
        Some(match facts.classify(status, body)? {
            TokenReplyClass::Refused => MintVerdict::Refused,
            TokenReplyClass::Throttled => MintVerdict::Throttled,
            TokenReplyClass::Retry => MintVerdict::Passing,
        })
    })
}

fn read_secret(source: &SecretSource) -> Result<SecretString, FatalError> {
    let source = match source {
        SecretSource::Environment(name) => CredentialSource::Env(name.clone()),
        SecretSource::File(path) => CredentialSource::File(path.clone()),
        SecretSource::Command(command) => CredentialSource::Command(command.clone()),
        SecretSource::Value(value) => return Ok(value.clone()),
    };
    // Nothing was asked of the tenant yet: it is the configuration that is at
    // fault, not the credentials.
    source
        .resolve()
        .map_err(|error: auth::AuthError| FatalError::usage(error.to_string()))
}
