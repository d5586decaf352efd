//! What happens between a command and its first row: the platform is asked for
//! its address, and what has to be there is looked for and made.
//!
//! All of it can be done again: what is there is found, and what was asked for
//! without an answer is looked for before it is asked for again.

use bytes::Bytes;
use tokio::time::sleep;

use crate::auth::Credentials;
use crate::config::Settings;
use crate::connector::{Bound, Connector, SetUpCall, SetUpStep};
use crate::error::{FatalError, FatalKind};
use crate::probe::{TokenSource, Tokens};
use crate::transport::{ControlClient, ControlError, Reply, TransportSettings, shared_headers};

use super::credentials::token_plan;
use super::discover::{Whose, discovered};
use super::patience::{
    ATTEMPTS, FIRST_WAIT, LONGEST_STATED_WAIT, is_success, patiently, runtime, stated_wait,
};

/// The settings with the variables that only the tenant can tell. Sends nothing
/// where the connector has nothing to ask.
pub(super) fn settled(
    settings: &Settings,
    credentials: &Credentials,
) -> Result<Settings, FatalError> {
    settled_with(settings, credentials, Absent::Made).map(|(settings, _)| settings)
}

/// The same for a command that only reads, with the names of what isn't there
/// yet: a load would make it.
pub(super) fn looked_up(
    settings: &Settings,
    credentials: &Credentials,
) -> Result<(Settings, Vec<String>), FatalError> {
    settled_with(settings, credentials, Absent::LeftOut)
}

/// What is done about something that isn't there, and that a load makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    Made,
    LeftOut,
}

fn settled_with(
    settings: &Settings,
    credentials: &Credentials,
    absent: Absent,
) -> Result<(Settings, Vec<String>), FatalError> {
    let mut settings = settings.clone();
    let connector = Connector::load(&settings.connector)?;
    settings.variables = discovered(&connector, &settings.variables, Whose::Target)?;
    let mut left_out = Vec::new();
    let name = settings.operation.clone();
    let name = name.as_deref().unwrap_or(connector.default_operation());
    let steps = connector.set_up_steps(name, &settings.variables)?;
    if steps.is_empty() {
        return Ok((settings, left_out));
    }
    runtime()?.block_on(async {
        let client = ControlClient::new(TransportSettings::default());
        for index in steps {
            let bound = connector.bind_to(name, &settings.variables)?;
            if let Some(step) = connector.set_up_step(index, &settings.variables)? {
                let id = Desk::new(&client, &bound, credentials)
                    .carry_out(&step, absent)
                    .await?;
                match id {
                    Some(id) => {
                        settings.variables.insert(step.sets, id);
                    }
                    None => left_out.push(step.name),
                }
            }
        }
        Ok((settings, left_out))
    })
}

/// Sends what a step needs, with a token.
struct Desk<'load> {
    client: &'load ControlClient,
    tokens: Tokens,
}

impl<'load> Desk<'load> {
    fn new(client: &'load ControlClient, bound: &Bound, credentials: &Credentials) -> Self {
        let plan = token_plan(&bound.auth, credentials.clone());
        Self {
            client,
            tokens: Tokens::new(TokenSource {
                endpoint: plan.endpoint,
                credentials: plan.credentials,
                policy: plan.policy,
            }),
        }
    }

    /// The id of what has to be there, which is made if it isn't; `None` where it
    /// isn't, and is left out.
    async fn carry_out(
        &self,
        step: &SetUpStep,
        absent: Absent,
    ) -> Result<Option<String>, FatalError> {
        for _ in 0..ATTEMPTS {
            let reply = self.ask(step, &step.look_up).await?;
            if let Some(id) = is_success(&reply)
                .then(|| step.found(&reply.body))
                .flatten()
            {
                return Ok(Some(id));
            }
            if !is_success(&reply) && reply.status != 404 {
                return Err(refused(step, "looked for", &reply));
            }
            if absent == Absent::LeftOut && step.create.is_some() {
                return Ok(None);
            }
            let Some(create) = &step.create else {
                return Err(FatalError::new(
                    FatalKind::Tenant,
                    format!("`{}` isn't there, and a load doesn't make it", step.name),
                )
                .with_hint("Make it in the platform's own administration, then start again."));
            };
            let reply = match self.send(create).await {
                Ok(reply) => reply,
                // It was made or not: the look-up tells.
                Err(_) => {
                    sleep(FIRST_WAIT).await;
                    continue;
                }
            };
            match reply.status {
                200..=299 => {
                    if let Some(id) = step.made(&reply.body) {
                        return Ok(Some(id));
                    }
                }
                // Somebody else made it meanwhile, or nobody did for now.
                409 | 401 | 408 | 429 | 500..=599 => {
                    let wait = stated_wait(&reply).unwrap_or(FIRST_WAIT);
                    sleep(wait.min(LONGEST_STATED_WAIT)).await;
                }
                _ => return Err(refused(step, "asked for", &reply)),
            }
        }
        Err(FatalError::new(
            FatalKind::Tenant,
            format!(
                "`{}` was asked for {ATTEMPTS} times, and isn't there",
                step.name
            ),
        ))
    }

    /// One call, again and again while there is no answer.
    async fn ask(&self, step: &SetUpStep, call: &SetUpCall) -> Result<Reply, FatalError> {
        let mut refused = None;
        loop {
            let token = self.tokens.newer_than(refused).await?;
            let reply = patiently(&format!("`{}`", step.name), || {
                self.send_with(call, token.authorization.clone())
            })
            .await?;
            // A second refusal in a row is for good.
            if reply.status != 401 || refused.is_some() {
                return Ok(reply);
            }
            refused = Some(token.generation);
        }
    }

    async fn send(&self, call: &SetUpCall) -> Result<Reply, FatalError> {
        let token = self.tokens.newer_than(None).await?;
        self.send_with(call, token.authorization.clone())
            .await
            .map_err(|failure| FatalError::new(FatalKind::Tenant, failure.to_string()))
    }

    async fn send_with(
        &self,
        call: &SetUpCall,
        authorization: http::HeaderValue,
    ) -> Result<Reply, ControlError> {
        let own = shared_headers(&call.headers);
        let mut headers: http::HeaderMap = own.iter().cloned().collect();
        headers.insert(http::header::AUTHORIZATION, authorization);
        match &call.body {
            None => self.client.get(&call.url, headers).await,
            Some(body) => {
                let body = Bytes::from(body.clone());
                self.client.post_json(&call.url, headers, body).await
            }
        }
    }
}

/// A reply that says no. Its body may hold anything, so only the status is told.
fn refused(step: &SetUpStep, what: &str, reply: &Reply) -> FatalError {
    let kind = match reply.status {
        401 | 403 => FatalKind::Credentials,
        _ => FatalKind::Tenant,
    };
    FatalError::new(
        kind,
        format!(
            "`{}` was {what}, and the tenant refuses with status {}",
            step.name, reply.status
        ),
    )
    .with_hint("Check `setup` in the connector file, and that the client may do this.")
}
