//! The HTTP of the baselines: connections kept alive, as many as there are requests under way.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

/// A client of one tenant.
#[derive(Debug)]
pub(super) struct HttpClient {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<String>>>,
    bearer: Mutex<Arc<str>>,
}

/// A reply, or none.
#[derive(Debug)]
pub(super) enum Reply {
    Answered {
        status: StatusCode,
        retry_after: Option<String>,
    },
    Broken,
}

impl HttpClient {
    pub(super) fn new(address: SocketAddr) -> Self {
        HttpClient {
            address,
            idle: Mutex::default(),
            bearer: Mutex::new("".into()),
        }
    }

    /// Gets a token by client credentials, for all requests from now on.
    ///
    /// # Errors
    /// In words, if the tenant gives none.
    pub(super) async fn log_in(&self, client_id: &str, client_secret: &str) -> Result<(), String> {
        let pair = STANDARD.encode(format!("{client_id}:{client_secret}"));
        let request = Request::post("/oauth/token")
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Basic {pair}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials".to_owned())
            .map_err(|cause| cause.to_string())?;
        let (status, _, body) = self
            .exchange(request)
            .await
            .ok_or("the tenant broke the connection of a token request")?;
        let token: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        match token["access_token"].as_str() {
            Some(token) => {
                *self.bearer.lock() = format!("Bearer {token}").into();
                Ok(())
            }
            None => Err(format!("the tenant gave no token: {status}")),
        }
    }

    /// Writes one contact.
    pub(super) async fn write(&self, id: &str) -> Reply {
        let bearer = Arc::clone(&*self.bearer.lock());
        let request = Request::patch(format!("/api/v2/contacts/{id}"))
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, &*bearer)
            .header(CONTENT_TYPE, "application/json")
            .body(format!("{{\"firstName\":\"Name {id}\"}}"));
        let Ok(request) = request else {
            return Reply::Broken;
        };
        match self.exchange(request).await {
            Some((status, retry_after, _)) => Reply::Answered {
                status,
                retry_after,
            },
            None => Reply::Broken,
        }
    }

    /// One request and its whole reply; none if the connection breaks.
    async fn exchange(
        &self,
        request: Request<String>,
    ) -> Option<(StatusCode, Option<String>, Vec<u8>)> {
        let kept = loop {
            // Not in one expression with the wait below: the lock would be held across it.
            let next = self.idle.lock().pop();
            match next {
                Some(connection) if connection.is_closed() => {}
                other => break other,
            }
        };
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.ready().await.ok()?;
        let response = connection.send_request(request).await.ok()?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = read(response.into_body()).await?;
        self.idle.lock().push(connection);
        Some((status, retry_after, body))
    }

    async fn connect(&self) -> Option<SendRequest<String>> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        // Small requests shouldn't wait for each other's acknowledgement.
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        // Ends with the connection; what goes wrong shows in the exchange.
        tokio::spawn(connection);
        Some(sender)
    }
}

async fn read(mut body: Incoming) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        match frame {
            None => return Some(bytes),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    bytes.extend_from_slice(&data);
                }
            }
            Some(Err(_)) => return None,
        }
    }
}
