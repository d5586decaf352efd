//! The data plane: HTTP/1.1 straight to the tenant, all on one thread.

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue};
use http::{Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout, timeout_at};
use tower_service::Service;

use super::body::PartialBody;
use super::compose::{fill_headers, origin_form};
use super::diagnose::diagnose;
use super::pool::{Connection, Pool};
use super::{
    BodyFlaw, Cause, Origin, Reply, Request, SendError, SetupError, Stage, Transport,
    TransportSettings, tls,
};

/// Waiting connections that may turn out dead before a new one is opened. They
/// tend to die together (a restart of the tenant's front), so more would only
/// try the whole stack.
const MAX_DEAD_CONNECTIONS: usize = 3;

/// Room for a reply's head and for reading ahead in its body. Longer heads are
/// refused; a larger buffer would cost memory on every connection.
const CONNECTION_BUFFER_BYTES: usize = 64 * 1024;

/// One connection per request under way, opened on demand and used again.
///
/// Must be made and used inside a `LocalSet` (an actix arbiter is one): each
/// connection is driven by a task on the lane's own thread, so nothing is ever
/// handed between threads. There is no bound on connections but the number of
/// sends that the caller has under way.
pub struct Direct {
    origin: Origin,
    connect_uri: Uri,
    host_header: HeaderValue,
    connector: HttpsConnector<HttpConnector>,
    http: http1::Builder,
    pool: Rc<Pool>,
    connect_timeout: Duration,
    body_limit_bytes: usize,
}

impl Direct {
    /// A transport to the origin; nothing is connected yet.
    ///
    /// # Errors
    /// [`SetupError::NoRoots`] for https on a machine without root certificates.
    pub fn try_new(origin: Origin, settings: &TransportSettings) -> Result<Self, SetupError> {
        let tls_config = tls::client_config(origin.scheme())?;
        Ok(Self::with_tls(origin, settings, tls_config))
    }

    /// The same with TLS settings of the caller's.
    pub(crate) fn with_tls(
        origin: Origin,
        settings: &TransportSettings,
        tls_config: Arc<ClientConfig>,
    ) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let mut http = http1::Builder::new();
        http.max_buf_size(CONNECTION_BUFFER_BYTES);
        if settings.copies_bodies {
            http.writev(false);
        }
        Self {
            connect_uri: origin.uri(),
            host_header: origin.host_header(),
            connector: HttpsConnector::from((tcp, tls_config)),
            http,
            pool: Pool::new(settings.idle_timeout, settings.max_idle_connections),
            connect_timeout: settings.connect_timeout,
            body_limit_bytes: settings.body_limit_bytes,
            origin,
        }
    }

    /// The only origin that this transport sends to.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    #[cfg(test)]
    pub(crate) fn idle_connections(&self) -> usize {
        self.pool.len()
    }

    /// Sends and reads; `progress` holds what is known when this is cut short.
    async fn exchange(
        &self,
        mut message: Message,
        began: Instant,
        progress: &mut Progress,
    ) -> Result<(), SendError> {
        for attempt in 0..=MAX_DEAD_CONNECTIONS {
            let waiting = if attempt < MAX_DEAD_CONNECTIONS {
                self.pool.take(began)
            } else {
                None
            };
            let mut connection = match waiting {
                Some(connection) => connection,
                // Boxed, since all requests would carry its room and few use it.
                None => Box::pin(self.open()).await?,
            };
            // From here on the connection's task may write at any time.
            progress.stage = Stage::NoReply;
            match connection.try_send_request(message).await {
                Ok(response) => {
                    self.read(connection, response, progress).await;
                    return Ok(());
                }
                Err(mut failure) => match failure.take_message() {
                    Some(untouched) => {
                        progress.stage = Stage::NotSent;
                        message = untouched;
                    }
                    None => {
                        return Err(SendError::new(
                            Stage::NoReply,
                            diagnose(&failure.into_error(), &self.origin),
                        ));
                    }
                },
            }
        }
        Err(SendError::new(Stage::NotSent, Cause::Reset))
    }

    async fn read(
        &self,
        connection: Connection,
        response: Response<Incoming>,
        progress: &mut Progress,
    ) {
        let (head, mut body) = response.into_parts();
        progress.head = Some((head.status, head.headers));
        // Stands until the end is seen: running out of time leaves it so.
        progress.body_flaw = Some(BodyFlaw::Truncated);
        progress.body_flaw = progress
            .body
            .read_from(&mut body, self.body_limit_bytes)
            .await;
        if progress.body_flaw.is_none() {
            self.pool.give_back(connection);
        }
        // Else dropping both ends closes the connection with the rest unread.
    }

    async fn open(&self) -> Result<Connection, SendError> {
        let not_sent = |cause| SendError::new(Stage::NotSent, cause);
        let connecting = async {
            let mut connector = self.connector.clone();
            poll_fn(|context| connector.poll_ready(context)).await?;
            connector.call(self.connect_uri.clone()).await
        };
        let stream = timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_elapsed| not_sent(Cause::Timeout))?
            .map_err(|failure| not_sent(diagnose(failure.as_ref(), &self.origin)))?;
        let (connection, driver) = self
            .http
            .handshake(stream)
            .await
            .map_err(|failure| not_sent(diagnose(&failure, &self.origin)))?;
        tokio::task::spawn_local(async move {
            // Its failure reaches whoever waits for a reply; between two
            // requests nobody does, and the pool sees that it is closed.
            let _ = driver.await;
        });
        Ok(connection)
    }

    fn compose(&self, request: Request) -> Result<Message, SendError> {
        let own = request.headers.len() + request.credentials.len();
        let mut headers = HeaderMap::with_capacity(own + 5);
        headers.insert(HOST, self.host_header.clone());
        fill_headers(&mut headers, &request);
        let uri = origin_form(request.path)?;
        // Content-Length is the connection's to add: it knows the body's size.
        let mut message = http::Request::new(Full::new(request.body));
        *message.method_mut() = request.method;
        *message.uri_mut() = uri;
        *message.headers_mut() = headers;
        Ok(message)
    }
}

impl Transport for Direct {
    fn send(&self, request: Request) -> impl Future<Output = Result<Reply, SendError>> {
        let time = request.timeout;
        // Composed before there is anything to wait for, so that the request
        // isn't kept and moved beside the message that it becomes.
        let composed = self.compose(request);
        async move {
            let mut progress = Progress::new();
            let began = Instant::now();
            let exchange = self.exchange(composed?, began, &mut progress);
            if let Ok(Err(failure)) = timeout_at(began + time, exchange).await {
                return Err(failure);
            }
            let Some((status, headers)) = progress.head else {
                return Err(SendError::new(progress.stage, Cause::Timeout));
            };
            Ok(Reply {
                status: status.as_u16(),
                headers,
                body: progress.body.into_bytes(),
                body_flaw: progress.body_flaw,
            })
        }
    }
}

type Message = http::Request<Full<Bytes>>;

/// How far a request has got.
struct Progress {
    stage: Stage,
    head: Option<(StatusCode, HeaderMap)>,
    body: PartialBody,
    body_flaw: Option<BodyFlaw>,
}

impl Progress {
    fn new() -> Self {
        Self {
            stage: Stage::NotSent,
            head: None,
            body: PartialBody::default(),
            body_flaw: None,
        }
    }
}
