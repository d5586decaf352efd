//! The control plane: token endpoints and discovery, few calls to any host.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT as USER_AGENT_NAME,
};
use reqwest::Url;
use tokio::time::Instant;

use super::proxied::{client_for, exchange};
use super::{Cause, Origin, Reply, SendError, SetupError, Stage, TransportSettings, USER_AGENT};

/// Time for a whole control call. A token endpoint that needs longer is ill;
/// shorter would give up on a tenant that is only slow.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Calls that aren't rows: tokens, discovery, what is set up before a load.
/// Redirects are replies, bodies are bounded, proxies as the settings say. Can be shared between threads, but is
/// best kept by the one task that uses it: its connections live on the runtime
/// that opened them.
pub struct ControlClient {
    settings: TransportSettings,
    /// One per origin, since the way (proxy or not) depends on it.
    clients: Mutex<HashMap<Origin, reqwest::Client>>,
}

impl ControlClient {
    /// A client; nothing is connected and no certificate read yet.
    #[must_use]
    pub fn new(settings: TransportSettings) -> Self {
        Self {
            settings,
            clients: Mutex::new(HashMap::new()),
        }
    }

    /// Posts a form. `form` is encoded already (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// [`ControlError`] where no status came back.
    pub async fn post_form(
        &self,
        url: &str,
        authorization: Option<HeaderValue>,
        form: Bytes,
    ) -> Result<Reply, ControlError> {
        let body = Some((FORM, form));
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        self.call(Method::POST, url, headers, body).await
    }

    /// Posts JSON, with these headers besides those of every call.
    ///
    /// # Errors
    /// [`ControlError`] where no status came back.
    pub async fn post_json(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, ControlError> {
        let body = Some((JSON, body));
        self.call(Method::POST, url, headers, body).await
    }

    /// Gets a document, with these headers besides those of every call.
    ///
    /// # Errors
    /// [`ControlError`] where no status came back.
    pub async fn get(&self, url: &str, headers: HeaderMap) -> Result<Reply, ControlError> {
        self.call(Method::GET, url, headers, None).await
    }

    async fn call(
        &self,
        method: Method,
        url: &str,
        own_headers: HeaderMap,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Reply, ControlError> {
        let origin = Origin::parse(url).map_err(SetupError::from)?;
        let client = self.client(&origin)?;
        let url: Url = url.trim().parse().map_err(|_invalid| {
            SendError::new(
                Stage::NotSent,
                Cause::Other(format!("the URL at {origin} can't be parsed")),
            )
        })?;
        let mut message = reqwest::Request::new(method, url);
        let headers: &mut HeaderMap = message.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT_NAME, HeaderValue::from_static(USER_AGENT));
        headers.extend(own_headers);
        if let Some((kind, body)) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            *message.body_mut() = Some(body.into());
        }
        let deadline = Instant::now() + CONTROL_TIMEOUT;
        Ok(exchange(
            &client,
            message,
            &origin,
            deadline,
            self.settings.body_limit_bytes,
        )
        .await?)
    }

    fn client(&self, origin: &Origin) -> Result<reqwest::Client, SetupError> {
        // A panic while the map is held leaves at worst an entry missing.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(origin) {
            return Ok(client.clone());
        }
        let client = client_for(origin, &self.settings)?;
        clients.insert(origin.clone(), client.clone());
        Ok(client)
    }
}

impl fmt::Debug for ControlClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ControlClient")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A control call without a reply.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ControlError {
    /// The way can't be set up; trying again won't help.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No reply came.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl ControlError {
    /// Whether trying again is unlikely to help.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Setup(_) => true,
            Self::Send(failure) => failure.is_permanent(),
        }
    }

    /// What the user can do, as a sentence; none where the message says it all.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Setup(_) => None,
            Self::Send(failure) => failure.hint(),
        }
    }
}
