//! Tokens for a probe, and for what is set up before a load: one at a time,
//! renewed ahead of its end and after a refusal. A load has an actor for this; a
//! probe is one task.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::auth::{Credentials, MintError, Token, TokenEndpoint, TokenPolicy, mint};
use crate::error::{FatalError, FatalKind};
use crate::transport::{ControlClient, TransportSettings};

/// Attempts while the token endpoint is away or throttles.
const ATTEMPTS: u32 = 4;
const BETWEEN: Duration = Duration::from_secs(1);
/// A longer wait for a token isn't worth a probe.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How tokens are had.
#[derive(Clone)]
pub struct TokenSource {
    /// Where they are minted.
    pub endpoint: TokenEndpoint,
    /// What with.
    pub credentials: Credentials,
    /// When they are renewed.
    pub policy: TokenPolicy,
}

/// The newest token.
pub struct Tokens {
    source: TokenSource,
    client: ControlClient,
    newest: Mutex<Option<Minted>>,
}

struct Minted {
    token: Arc<Token>,
    renew_at: Option<Instant>,
}

impl Tokens {
    /// None is minted yet.
    #[must_use]
    pub fn new(source: TokenSource) -> Self {
        Self {
            source,
            client: ControlClient::new(TransportSettings::default()),
            newest: Mutex::new(None),
        }
    }

    /// A good token of a later generation than `refused`. Whoever comes first
    /// mints it, and all others wait for it.
    ///
    /// # Errors
    /// The token endpoint refuses, or is away for longer than a few attempts.
    pub async fn newer_than(&self, refused: Option<u64>) -> Result<Arc<Token>, FatalError> {
        let mut newest = self.newest.lock().await;
        let generation = newest.as_ref().map_or(0, |minted| minted.token.generation);
        if let Some(minted) = newest.as_ref() {
            let is_old = minted.renew_at.is_some_and(|at| Instant::now() >= at);
            let is_refused = refused.is_some_and(|refused| refused >= generation);
            if !is_old && !is_refused {
                return Ok(Arc::clone(&minted.token));
            }
        }
        let minted = self.mint(generation + 1).await?;
        let token = Arc::clone(&minted.token);
        *newest = Some(minted);
        Ok(token)
    }

    /// Tokens that were minted so far.
    pub async fn minted(&self) -> u64 {
        let newest = self.newest.lock().await;
        newest.as_ref().map_or(0, |minted| minted.token.generation)
    }

    async fn mint(&self, generation: u64) -> Result<Minted, FatalError> {
        let TokenSource {
            endpoint,
            credentials,
            policy,
        } = &self.source;
        let mut attempt = 1;
        loop {
            let failure = match mint(&self.client, endpoint, credentials).await {
                Ok(minted) => {
                    let now = Instant::now();
                    let renew_at = minted.life.and_then(|life| {
                        let early = policy.refresh_early.min(life / 10);
                        now.checked_add(life.saturating_sub(early))
                    });
                    let token = Token::new(generation, minted, now.into_std());
                    return Ok(Minted {
                        token: Arc::new(token),
                        renew_at,
                    });
                }
                Err(failure) => failure,
            };
            let wait = match &failure {
                MintError::Throttled { retry_after, .. } => retry_after.unwrap_or(BETWEEN),
                _ => BETWEEN,
            };
            if failure.is_permanent() || attempt >= ATTEMPTS || wait > LONGEST_WAIT {
                let kind = match &failure {
                    MintError::Unreachable { .. } | MintError::Throttled { .. } => {
                        FatalKind::Tenant
                    }
                    _ => FatalKind::Credentials,
                };
                return Err(FatalError::new(kind, failure.to_string()));
            }
            attempt += 1;
            sleep(wait).await;
        }
    }
}
