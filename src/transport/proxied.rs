//! The same requests through a proxy, on a client library.

use http::header::HeaderMap;
use reqwest::Url;
use reqwest::redirect::Policy;
use tokio::time::{Instant, timeout_at};

use super::body::PartialBody;
use super::compose::{fill_headers, origin_form};
use super::diagnose::diagnose;

use super::{
    BodyFlaw, Cause, Origin, Reply, Request, Scheme, SendError, SetupError, Stage, Transport,
    TransportSettings, tls,
};

/// Requests to one origin through the proxy that the rules name for it.
///
/// Costs several times the CPU of [`super::Direct`] per request, which a
/// proxied way never notices.
pub struct Proxied {
    origin: Origin,
    base: Url,
    client: reqwest::Client,
    body_limit_bytes: usize,
}

impl Proxied {
    /// A transport to the origin; nothing is connected yet. Where the rules
    /// name no proxy, it goes directly.
    ///
    /// # Errors
    /// [`SetupError`] where the proxy can't be used or no roots are found.
    pub fn try_new(origin: Origin, settings: &TransportSettings) -> Result<Self, SetupError> {
        let base = Url::parse(&origin.to_string()).map_err(|cause| SetupError::Client {
            what: cause.to_string(),
        })?;
        let client = client_for(&origin, settings)?;
        Ok(Self {
            origin,
            base,
            client,
            body_limit_bytes: settings.body_limit_bytes,
        })
    }

    /// The only origin that this transport sends to.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    fn compose(&self, request: &Request) -> Result<reqwest::Request, SendError> {
        let uri = origin_form(request.path.clone())?;
        let url = format!("{}{uri}", self.origin)
            .parse::<Url>()
            .map_err(|cause| SendError::new(Stage::NotSent, Cause::Other(cause.to_string())))?;
        assert_eq!(
            url.origin(),
            self.base.origin(),
            "a path can't name another host"
        );
        let kept = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        // The library tidies URLs up; a tidied path may be another record's.
        if kept != uri.to_string() {
            let what =
                "request path isn't in its plain form; it has to be percent-encoded".to_owned();
            return Err(SendError::new(Stage::NotSent, Cause::Other(what)));
        }
        let mut message = reqwest::Request::new(request.method.clone(), url);
        let mut headers = HeaderMap::new();
        fill_headers(&mut headers, request);
        *message.headers_mut() = headers;
        if !request.body.is_empty() {
            *message.body_mut() = Some(request.body.clone().into());
        }
        Ok(message)
    }
}

impl Transport for Proxied {
    async fn send(&self, request: Request) -> Result<Reply, SendError> {
        let deadline = Instant::now() + request.timeout;
        let message = self.compose(&request)?;
        exchange(
            &self.client,
            message,
            &self.origin,
            deadline,
            self.body_limit_bytes,
        )
        .await
    }
}

/// A client that goes the way the rules name for the origin, follows no
/// redirect, repeats nothing and has no time-out but the connection's.
pub(crate) fn client_for(
    origin: &Origin,
    settings: &TransportSettings,
) -> Result<reqwest::Client, SetupError> {
    let proxy = settings.proxies.proxy_for(origin)?;
    // A proxy may itself be reached by TLS, even where the origin isn't.
    let scheme = if proxy.is_some() {
        Scheme::Https
    } else {
        origin.scheme()
    };
    let tls_config = tls::client_config(scheme)?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config.as_ref().clone())
        .http1_only()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.idle_timeout)
        .pool_max_idle_per_host(settings.max_idle_connections);
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|cause| SetupError::Client {
        what: cause.without_url().to_string(),
    })
}

/// Sends the message and reads its bounded reply.
pub(crate) async fn exchange(
    client: &reqwest::Client,
    message: reqwest::Request,
    origin: &Origin,
    deadline: Instant,
    body_limit_bytes: usize,
) -> Result<Reply, SendError> {
    // The library doesn't tell whether anything had left when the time was
    // over, so the worse is taken.
    let response = timeout_at(deadline, client.execute(message))
        .await
        .map_err(|_elapsed| SendError::new(Stage::NoReply, Cause::Timeout))?
        .map_err(|failure| send_error(failure, origin))?;
    let (head, mut body) = http::Response::<reqwest::Body>::from(response).into_parts();
    let mut partial = PartialBody::default();
    let read = timeout_at(deadline, partial.read_from(&mut body, body_limit_bytes)).await;
    let body_flaw = read.unwrap_or(Some(BodyFlaw::Truncated));
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: partial.into_bytes(),
        body_flaw,
    })
}

fn send_error(failure: reqwest::Error, origin: &Origin) -> SendError {
    let stage = if failure.is_connect() || failure.is_builder() {
        Stage::NotSent
    } else {
        Stage::NoReply
    };
    if failure.is_timeout() {
        return SendError::new(stage, Cause::Timeout);
    }
    // The URL's path names a record.
    SendError::new(stage, diagnose(&failure.without_url(), origin))
}
