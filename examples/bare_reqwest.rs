//! The ceiling that `scripts/bench` holds Sluice against: reqwest and nothing else.
//! No file is read, nothing is serialised, counted, limited, retried or written
//! down; every request is the PATCH that Sluice would send, with a body made once.
//!
//! Usage: `bare_reqwest BASE_URL ROWS [CONNECTIONS [WORKER_THREADS]]`, by default 32
//! connections on the current thread; `WORKER_THREADS` above 0 takes tokio's
//! multi-threaded runtime with so many workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// 88 bytes, the size all figures of the benchmark are for.
const BODY: &[u8] =
    br#"{"firstName":"Annalena","lastName":"Schmidt-Ott","email":"annalen.ott@mail.example.com"}"#;

const DEFAULT_CONNECTIONS: u64 = 32;

/// What the command line asked for.
struct Settings {
    base_url: String,
    rows: u64,
    connections: u64,
    worker_threads: usize,
}

impl Settings {
    fn from_arguments() -> Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let (Some(base_url), Some(rows)) = (arguments.next(), arguments.next()) else {
            bail!("usage: bare_reqwest BASE_URL ROWS [CONNECTIONS [WORKER_THREADS]]");
        };
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            rows: rows.parse().context("ROWS isn't a whole number")?,
            connections: match arguments.next() {
                Some(text) => text.parse().context("CONNECTIONS isn't a whole number")?,
                None => DEFAULT_CONNECTIONS,
            },
            worker_threads: match arguments.next() {
                Some(text) => text
                    .parse()
                    .context("WORKER_THREADS isn't a whole number")?,
                None => 0,
            },
        })
    }

    fn runtime(&self) -> Result<Runtime> {
        let mut builder = match self.worker_threads {
            0 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        if self.worker_threads > 0 {
            builder.worker_threads(self.worker_threads);
        }
        builder
            .enable_all()
            .build()
            .context("can't start the runtime")
    }
}

/// Sends rows, one after the other, until the shared counter has reached the last:
/// as many of these as run at once, so many connections there are.
async fn send_rows(
    client: Client,
    settings: Arc<Settings>,
    next_row: Arc<AtomicU64>,
) -> Result<()> {
    let bearer = HeaderValue::from_static("Bearer bench");
    let json = HeaderValue::from_static("application/json");
    loop {
        let row = next_row.fetch_add(1, Ordering::Relaxed);
        if row >= settings.rows {
            return Ok(());
        }
        // A key a row, as a load has it: making and parsing the URL is part of a request.
        let reply = client
            .patch(format!(
                "{}/api/v2/contacts/5f0c7a52-{:04x}-4d1b-9e03-{:012x}",
                settings.base_url,
                row & 0xffff,
                row
            ))
            .header(AUTHORIZATION, bearer.clone())
            .header(CONTENT_TYPE, json.clone())
            .body(Bytes::from_static(BODY))
            .send()
            .await
            .with_context(|| format!("row {row} wasn't sent"))?;
        if !matches!(reply.status(), StatusCode::OK | StatusCode::NO_CONTENT) {
            bail!("row {row} was answered with {}", reply.status());
        }
        // Read to its end, for only then the connection is used again.
        reply
            .bytes()
            .await
            .with_context(|| format!("the reply to row {row} broke off"))?;
    }
}

async fn send_all(settings: Arc<Settings>) -> Result<Duration> {
    let client = Client::builder()
        .build()
        .context("can't build the client")?;
    let next_row = Arc::new(AtomicU64::new(0));
    let started_at = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..settings.connections {
        senders.spawn(send_rows(
            client.clone(),
            Arc::clone(&settings),
            Arc::clone(&next_row),
        ));
    }
    while let Some(finished) = senders.join_next().await {
        finished.context("a sender panicked")??;
    }
    Ok(started_at.elapsed())
}

fn main() -> Result<()> {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        bail!("another cryptography provider is already installed");
    }
    let settings = Arc::new(Settings::from_arguments()?);
    let elapsed = settings
        .runtime()?
        .block_on(send_all(Arc::clone(&settings)))?;
    println!(
        "{} requests in {:.3} s: {:.0} req/s",
        settings.rows,
        elapsed.as_secs_f64(),
        settings.rows as f64 / elapsed.as_secs_f64()
    );
    Ok(())
}
