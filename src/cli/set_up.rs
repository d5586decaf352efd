//! What happens between a command and its first row: the platform is asked for
//! its address, and what has to be there is looked for and made.
//!
//! All of it can be done again: what is there is found, and what was asked for
//! without an answer is looked for before it is asked for again.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::auth::Credentials;
use crate::config::Settings;
use crate::connector::{Bound, Connector, SetUpStep};
use crate::error::{FatalError, FatalKind};
use crate::limit::retry_after;
use crate::probe::{TokenSource, Tokens};
use crate::transport::{ControlClient, ControlError, Reply, TransportSettings};

use super::credentials::token_plan;

/// Attempts at one thing while the tenant is away or throttles: with the waits
/// between them about a minute, in which a restart of the tenant passes.
const ATTEMPTS: u32 = 8;
/// The first wait; each is twice the one before, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A tenant that asks for a longer wait is told to the user instead.
const LONGEST_STATED_WAIT: Duration = Duration::from_secs(300);

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
    let discovery = connector.discovery(&settings.variables)?;
    let mut left_out = Vec::new();
    if discovery.is_none() && connector.set_up_count() == 0 {
        return Ok((settings, left_out));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| FatalError::new(FatalKind::Internal, cause.to_string()))?;
    runtime.block_on(async {
        let client = ControlClient::new(TransportSettings::default());
        if let Some(discovery) = discovery {
            let reply = patiently("the platform's address", || client.get(&discovery.url, None)).await?;
            let base_url = discovery.base_url(&reply.body).filter(|_| is_success(&reply));
            let base_url = base_url.ok_or_else(|| {
                FatalError::new(
                    FatalKind::Tenant,
                    format!(
                        "the platform was asked for its address, and its reply (status {}) has none",
                        reply.status
                    ),
                )
                .with_hint("Check the variables of the target, or name the address with --set base_url=https://….")
            })?;
            settings.variables.insert(discovery.sets.to_owned(), base_url);
        }
        for index in 0..connector.set_up_count() {
            let name = settings.operation.as_deref();
            let bound = connector.bind_to(
                name.unwrap_or_else(|| connector.default_operation()),
                &settings.variables,
            )?;
            if let Some(step) = connector.set_up_step(index, &bound, &settings.variables)? {
                let id = Desk::new(&client, &bound, credentials).carry_out(&step, absent).await?;
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
            let reply = self.call(step, &step.look_up, None).await?;
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
            let Some((url, body)) = &step.create else {
                return Err(FatalError::new(
                    FatalKind::Tenant,
                    format!("`{}` isn't there, and a load doesn't make it", step.name),
                )
                .with_hint("Make it in the platform's own administration, then start again."));
            };
            let body = Bytes::from(body.clone());
            let reply = match self.send(url, Some(body)).await {
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
    async fn call(
        &self,
        step: &SetUpStep,
        url: &str,
        body: Option<Bytes>,
    ) -> Result<Reply, FatalError> {
        let mut refused = None;
        loop {
            let token = self.tokens.newer_than(refused).await?;
            let reply = patiently(&format!("`{}`", step.name), || {
                self.send_with(url, body.clone(), token.authorization.clone())
            })
            .await?;
            // A second refusal in a row is for good.
            if reply.status != 401 || refused.is_some() {
                return Ok(reply);
            }
            refused = Some(token.generation);
        }
    }

    async fn send(&self, url: &str, body: Option<Bytes>) -> Result<Reply, FatalError> {
        let token = self.tokens.newer_than(None).await?;
        self.send_with(url, body, token.authorization.clone())
            .await
            .map_err(|failure| FatalError::new(FatalKind::Tenant, failure.to_string()))
    }

    async fn send_with(
        &self,
        url: &str,
        body: Option<Bytes>,
        authorization: http::HeaderValue,
    ) -> Result<Reply, ControlError> {
        match body {
            None => self.client.get(url, Some(authorization)).await,
            Some(body) => self.client.post_json(url, Some(authorization), body).await,
        }
    }
}

/// Calls until there is an answer that isn't a passing failure.
async fn patiently<Call, Answer>(what: &str, call: Call) -> Result<Reply, FatalError>
where
    Call: Fn() -> Answer,
    Answer: Future<Output = Result<Reply, ControlError>>,
{
    let mut wait = FIRST_WAIT;
    let mut attempt = 1;
    loop {
        let (told, stated) = match call().await {
            Ok(reply) if !is_passing(&reply) => return Ok(reply),
            Ok(reply) => (format!("status {}", reply.status), stated_wait(&reply)),
            Err(failure) if failure.is_permanent() => {
                let error = FatalError::new(FatalKind::Tenant, failure.to_string());
                return Err(match failure.hint() {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                });
            }
            Err(failure) => (failure.to_string(), None),
        };
        let next = stated.unwrap_or(wait);
        if attempt >= ATTEMPTS || next > LONGEST_STATED_WAIT {
            return Err(FatalError::new(
                FatalKind::Tenant,
                format!("the tenant was asked for {what}, and gives no answer: {told}"),
            )
            .with_hint("Nothing was loaded yet; start again when the tenant is back."));
        }
        attempt += 1;
        sleep(next).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn is_success(reply: &Reply) -> bool {
    (200..300).contains(&reply.status) && reply.body_flaw.is_none()
}

fn is_passing(reply: &Reply) -> bool {
    matches!(reply.status, 408 | 425 | 429 | 500..=599) || reply.body_flaw.is_some()
}

fn stated_wait(reply: &Reply) -> Option<Duration> {
    retry_after(&|name| reply.headers.get(name)?.to_str().ok())
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
