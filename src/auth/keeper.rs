//! Tokens for a single task that asks for one before each request. A load's
//! lanes have an actor for this; the rules are the same [`TokenState`]'s.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::time::{Instant, sleep_until};

use crate::error::FatalError;
use crate::transport::{ControlClient, TransportSettings};

use super::{Credentials, Step, Token, TokenEndpoint, TokenPolicy, TokenState, mint};

/// How long to wait where no time is known at which a token is due.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Keeps the newest token, and minds when to mint the next.
pub struct TokenKeeper {
    endpoint: TokenEndpoint,
    credentials: Credentials,
    client: ControlClient,
    state: TokenState,
    newest: Option<Arc<Token>>,
}

impl TokenKeeper {
    /// No token yet; the first one is minted when it is asked for.
    #[must_use]
    pub fn new(endpoint: TokenEndpoint, credentials: Credentials, policy: TokenPolicy) -> Self {
        Self {
            endpoint,
            credentials,
            client: ControlClient::new(TransportSettings::default()),
            state: TokenState::new(policy),
            newest: None,
        }
    }

    /// A good token, of a later generation than `refused`. Mints it where that
    /// is due, and waits where it can't be had yet.
    ///
    /// # Errors
    /// No token will come.
    pub async fn newer_than(&mut self, refused: Option<u64>) -> Result<Arc<Token>, FatalError> {
        if let Some(generation) = refused {
            self.state
                .on_rejected(Instant::now().into_std(), generation);
        }
        loop {
            let now = Instant::now().into_std();
            let usable = self.newest.as_ref().filter(|token| {
                let is_over = token.expires_at.is_some_and(|end| end <= now);
                !is_over && refused.is_none_or(|refused| token.generation > refused)
            });
            let due = match (self.state.step(now), usable) {
                (Step::Mint, _) => {
                    self.mint().await;
                    continue;
                }
                (Step::GiveUp(reason), _) => return Err(reason.explain()),
                (Step::WaitUntil(_) | Step::Wait, Some(token)) => return Ok(Arc::clone(token)),
                (Step::WaitUntil(due), None) => due,
                // A token without an end that was minted is never over.
                (Step::Wait, None) => now + LOOK_AGAIN,
            };
            sleep_until(due.into()).await;
        }
    }

    /// A request with this generation was answered with anything but 401.
    pub fn accepted(&mut self, generation: u64) {
        self.state.on_accepted(generation);
    }

    async fn mint(&mut self) {
        let minted = mint(&self.client, &self.endpoint, &self.credentials).await;
        let now = Instant::now().into_std();
        match minted {
            Ok(minted) => {
                let generation = self.state.on_minted(now, minted.life);
                self.newest = Some(Arc::new(Token::new(generation, minted, now)));
            }
            Err(error) => {
                let jitter = rand::rng().random::<f64>();
                self.state.on_mint_failed(now, error, jitter);
            }
        }
    }
}
