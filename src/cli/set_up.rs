//! What happens between a command and its first row: the platform is asked for
//! its address, and what has to be there is looked for and made.
//!
//! All of it can be done again: what is there is found, and what was asked for
//! without an answer is looked for before it is asked for again.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::{Instant, sleep};

use crate::auth::{Credentials, Token};
use crate::config::Settings;
use crate::connector::{Bound, ReplyClass, SetUpCall, SetUpStep};
use crate::error::{FatalError, FatalKind};
use crate::probe::{TokenSource, Tokens};
use crate::record::CallRecord;
use crate::transport::{ControlClient, ControlError, Reply, TransportSettings, shared_headers};

use super::bind::{bind, bind_target, operation_of};
use super::credentials::token_plan;
use super::discover::{Whose, discovered};
use super::patience::{
    ATTEMPTS, FIRST_WAIT, LONGEST_STATED_WAIT, is_success, patiently, runtime, stated_wait,
};

/// What was asked of the platform, for the books of the run that comes of it.
#[derive(Default)]
pub(super) struct SetUpBook {
    /// The calls, in their order.
    pub(super) calls: Vec<CallRecord>,
    /// Tokens that were minted for them.
    pub(super) tokens_minted: u64,
}

/// The settings with the variables that only the tenant can tell, and what was
/// asked for them. Sends nothing where the connector has nothing to ask.
pub(super) fn settled(
    settings: &Settings,
    credentials: &Credentials,
) -> Result<(Settings, SetUpBook), FatalError> {
    let (settings, book, _) = settled_with(settings, credentials, Absent::Made)?;
    Ok((settings, book))
}

/// The same for a command that only reads, with the names of what isn't there
/// yet: a load would make it.
pub(super) fn looked_up(
    settings: &Settings,
    credentials: &Credentials,
) -> Result<(Settings, Vec<String>), FatalError> {
    let (settings, _, left_out) = settled_with(settings, credentials, Absent::LeftOut)?;
    Ok((settings, left_out))
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
) -> Result<(Settings, SetUpBook, Vec<String>), FatalError> {
    let mut settings = settings.clone();
    // A mistake of the user's is told before anybody is asked.
    let (connector, _) = bind(&settings)?;
    settings.variables = discovered(&connector, &settings.variables, credentials, Whose::Target)?;
    let book = RefCell::new(SetUpBook::default());
    let mut left_out = Vec::new();
    let operation = operation_of(&connector, &settings);
    let steps = connector.set_up_steps(operation, &settings.variables)?;
    if !steps.is_empty() {
        runtime()?.block_on(async {
            let client = ControlClient::new(TransportSettings::default());
            for index in steps {
                let bound = bind_target(&connector, &settings)?;
                let Some(step) = connector.set_up_step(index, &settings.variables)? else {
                    continue;
                };
                let desk = Desk::new(&client, &bound, credentials, &book);
                match desk.carry_out(&step, absent).await? {
                    Some(id) => {
                        settings.variables.insert(step.sets, id);
                    }
                    None => left_out.push(step.name),
                }
                book.borrow_mut().tokens_minted += desk.tokens.minted().await;
            }
            Ok::<(), FatalError>(())
        })?;
    }
    Ok((settings, book.into_inner(), left_out))
}

/// Sends what a step needs, with a token, and takes every call down.
struct Desk<'load> {
    client: &'load ControlClient,
    tokens: Tokens,
    request_id_header: Option<HeaderName>,
    book: &'load RefCell<SetUpBook>,
}

/// A call, and which attempt it is.
struct Attempt<'step> {
    step: &'step SetUpStep,
    call: &'step SetUpCall,
    number: u32,
}

impl<'load> Desk<'load> {
    fn new(
        client: &'load ControlClient,
        bound: &Bound,
        credentials: &Credentials,
        book: &'load RefCell<SetUpBook>,
    ) -> Self {
        let plan = token_plan(&bound.auth, credentials.clone());
        let header = bound.request_id_header.as_ref();
        Self {
            client,
            tokens: Tokens::new(TokenSource {
                endpoint: plan.endpoint,
                credentials: plan.credentials,
                policy: plan.policy,
            }),
            request_id_header: header.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()),
            book,
        }
    }

    /// The id of what has to be there, which is made if it isn't; `None` where it
    /// isn't, and is left out.
    async fn carry_out(
        &self,
        step: &SetUpStep,
        absent: Absent,
    ) -> Result<Option<String>, FatalError> {
        for number in 1..=ATTEMPTS {
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
            let attempt = Attempt {
                step,
                call: create,
                number,
            };
            let reply = match self.send(attempt).await {
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
        let attempts = Cell::new(0);
        loop {
            let token = self.tokens.newer_than(refused).await?;
            let reply = patiently(&format!("`{}`", step.name), || {
                attempts.set(attempts.get() + 1);
                let attempt = Attempt {
                    step,
                    call,
                    number: attempts.get(),
                };
                self.send_with(attempt, &token)
            })
            .await?;
            // A second refusal in a row is for good.
            if reply.status != 401 || refused.is_some() {
                return Ok(reply);
            }
            refused = Some(token.generation);
        }
    }

    async fn send(&self, attempt: Attempt<'_>) -> Result<Reply, FatalError> {
        let token = self.tokens.newer_than(None).await?;
        self.send_with(attempt, &token)
            .await
            .map_err(|failure| FatalError::new(FatalKind::Tenant, failure.to_string()))
    }

    async fn send_with(&self, attempt: Attempt<'_>, token: &Token) -> Result<Reply, ControlError> {
        let call = attempt.call;
        let sent_at_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
        let started = Instant::now();
        // No run has a number yet; the time tells these calls from others'.
        let number = self.book.borrow().calls.len() + 1;
        let request_id = format!("set-up-{sent_at_ms}-{number}");
        let own = shared_headers(&call.headers);
        let mut headers: HeaderMap = own.iter().cloned().collect();
        headers.extend(token.headers.iter().cloned());
        if let (Some(name), Ok(id)) = (&self.request_id_header, HeaderValue::from_str(&request_id))
        {
            headers.insert(name.clone(), id);
        }
        let result = match &call.body {
            None => self.client.get(&call.url, headers).await,
            Some(body) => {
                let body = Bytes::from(body.clone());
                self.client.post_json(&call.url, headers, body).await
            }
        };
        let about = match call.body {
            None => "look_up",
            Some(_) => "create",
        };
        let status = result.as_ref().ok().map(|reply| reply.status);
        self.book.borrow_mut().calls.push(CallRecord {
            sent_at_ms,
            request_id,
            endpoint: format!("{}/{about}", attempt.step.name).into(),
            status,
            duration: started.elapsed(),
            first_row: 0,
            rows: 0,
            attempt: attempt.number,
            class: class_of(call, status).name(),
        });
        result
    }
}

/// What an answer means; of no answer, whether what was asked for may be there.
fn class_of(call: &SetUpCall, status: Option<u16>) -> ReplyClass {
    match (status, &call.body) {
        // It says what was asked: there is none.
        (Some(404), None) => ReplyClass::Done,
        (Some(status), _) => ReplyClass::by_default(status),
        (None, None) => ReplyClass::Retry,
        (None, Some(_)) => ReplyClass::Unknown,
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
