//! Where a platform's API is: told by the platform itself, before anything else
//! is asked.

use std::collections::BTreeMap;

use crate::auth::Credentials;
use crate::connector::{Connector, Discovery};
use crate::error::{FatalError, FatalKind};
use crate::probe::{TokenSource, Tokens};
use crate::transport::{ControlClient, TransportSettings};

use super::credentials::token_plan;
use super::patience::{is_success, patiently, runtime};

/// Whose address the platform is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Target,
    Source,
}

impl Whose {
    /// What the job file calls it.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Source => "source",
        }
    }

    /// What `--set` calls one of its variables.
    pub(super) fn flag(self, variable: &str) -> String {
        match self {
            Self::Target => variable.to_owned(),
            Self::Source => format!("source.{variable}"),
        }
    }
}

/// What the platform told.
struct Told {
    /// The API's address; `None` where the reply has none.
    address: Option<String>,
    /// The reply, in words.
    reply: String,
    variables: Vec<(String, String)>,
}

/// The variables with the address that the platform tells, and what it tells
/// with it. Sends nothing where there is nothing to ask.
pub(super) fn discovered(
    connector: &Connector,
    variables: &BTreeMap<String, String>,
    credentials: &Credentials,
    whose: Whose,
) -> Result<BTreeMap<String, String>, FatalError> {
    let mut variables = variables.clone();
    let Some(discovery) = connector.discovery(&variables)? else {
        return Ok(variables);
    };
    let told = match &discovery.url {
        Some(url) => asked_at(url, &discovery)?,
        None => granted_with(connector, &variables, credentials)?,
    };
    let (section, flag) = (whose.section(), whose.flag("base_url"));
    let address = told.address.ok_or_else(|| {
        FatalError::new(
            FatalKind::Tenant,
            format!(
                "the platform was asked for the {section}'s address, and {} has none",
                told.reply
            ),
        )
        .with_hint(format!(
            "Check the variables of the {section}, or name the address with --set {flag}=https://…."
        ))
    })?;
    let base_url = discovery.believed(&address).map_err(|error| {
        FatalError::new(FatalKind::Tenant, error.to_string())
            .with_hint(error.hint(section, &whose.flag("")))
    })?;
    variables.extend(told.variables);
    variables.insert(discovery.sets.to_owned(), base_url);
    Ok(variables)
}

/// What is told where the connector says that it is asked for.
fn asked_at(url: &str, discovery: &Discovery) -> Result<Told, FatalError> {
    let reply = runtime()?.block_on(async {
        let client = ControlClient::new(TransportSettings::default());
        patiently("the platform's address", || {
            client.get(url, http::HeaderMap::new())
        })
        .await
    })?;
    Ok(Told {
        address: discovery.told(&reply.body).filter(|_| is_success(&reply)),
        reply: format!("its reply (status {})", reply.status),
        variables: discovery.variables(&reply.body),
    })
}

/// What is told with a token. The token isn't kept: whoever goes on has a state
/// machine of its own for them.
fn granted_with(
    connector: &Connector,
    variables: &BTreeMap<String, String>,
    credentials: &Credentials,
) -> Result<Told, FatalError> {
    let plan = token_plan(&connector.auth_facts(variables)?, credentials.clone());
    let tokens = Tokens::new(TokenSource {
        endpoint: plan.endpoint,
        credentials: plan.credentials,
        policy: plan.policy,
    });
    let token = runtime()?.block_on(tokens.newer_than(None))?;
    Ok(Told {
        address: token.address.clone(),
        reply: "the reply that grants a token".to_owned(),
        variables: Vec::new(),
    })
}
