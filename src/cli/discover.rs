//! Where a platform's API is: asked of the platform itself, before anything else
//! is.

use std::collections::BTreeMap;

use crate::connector::Connector;
use crate::error::{FatalError, FatalKind};
use crate::transport::{ControlClient, TransportSettings};

use super::patience::{is_success, patiently, runtime};

/// Whose address the platform is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Target,
    Source,
}

/// The variables with the address that the platform tells, and what it tells
/// with it. Sends nothing where there is nothing to ask.
pub(super) fn discovered(
    connector: &Connector,
    variables: &BTreeMap<String, String>,
    whose: Whose,
) -> Result<BTreeMap<String, String>, FatalError> {
    let mut variables = variables.clone();
    let Some(discovery) = connector.discovery(&variables)? else {
        return Ok(variables);
    };
    let reply = runtime()?.block_on(async {
        let client = ControlClient::new(TransportSettings::default());
        patiently("the platform's address", || {
            client.get(&discovery.url, http::HeaderMap::new())
        })
        .await
    })?;
    let base_url = discovery.base_url(&reply.body);
    let Some(base_url) = base_url.filter(|_| is_success(&reply)) else {
        let (section, flag) = match whose {
            Whose::Target => ("target", "base_url"),
            Whose::Source => ("source", "source.base_url"),
        };
        return Err(FatalError::new(
            FatalKind::Tenant,
            format!(
                "the platform was asked for the {section}'s address, and its reply (status {}) has none",
                reply.status
            ),
        )
        .with_hint(format!(
            "Check the variables of the {section}, or name the address with --set {flag}=https://…."
        )));
    };
    variables.extend(discovery.variables(&reply.body));
    variables.insert(discovery.sets.to_owned(), base_url);
    Ok(variables)
}
