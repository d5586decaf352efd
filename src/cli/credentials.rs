//! From where secrets are kept to the plan that mints tokens with them.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::actors::TokenPlan;
use crate::auth::{
    self, CredentialSource, Credentials, MintRules, MintVerdict, TokenEndpoint, TokenPolicy,
};
use crate::config::{SecretSource, Settings};
use crate::connector::{self, AuthFacts, TokenReplyClass};
use crate::error::FatalError;

/// Reads the credentials from where the settings say they are.
pub(super) fn read_credentials(settings: &Settings) -> Result<Credentials, FatalError> {
    let sources = &settings.credentials;
    Ok(Credentials {
        client_id: read_secret(&sources.client_id)?.expose_secret().to_owned(),
        client_secret: read_secret(&sources.client_secret)?,
    })
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
            credentials_in: match facts.credentials_in {
                connector::CredentialsIn::Basic => auth::CredentialsIn::Basic,
                connector::CredentialsIn::Form => auth::CredentialsIn::Form,
                connector::CredentialsIn::Both => auth::CredentialsIn::Both,
            },
            rules: mint_rules(facts.clone()),
        },
        credentials,
        policy: TokenPolicy {
            refresh_early: facts.refresh_early,
            ..TokenPolicy::default()
        },
    }
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
