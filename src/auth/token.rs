//! A token as the lanes use it.

use std::fmt;
use std::time::{Duration, Instant};

use crate::transport::SharedHeaders;

/// A token fresh from the endpoint, not yet part of a run.
#[derive(Clone)]
pub struct MintedToken {
    /// The headers that carry it, marked sensitive.
    pub headers: SharedHeaders,
    /// How long it is good for; none where the endpoint didn't say.
    pub life: Option<Duration>,
    /// The scopes that were granted, where the endpoint said.
    pub scope: Option<String>,
    /// The API's address, where the endpoint told it as the connector says.
    pub address: Option<String>,
}

/// A token in use.
#[derive(Clone)]
pub struct Token {
    /// Which of the run's tokens this is; a later one has a larger number.
    pub generation: u64,
    /// The headers that carry it, marked sensitive.
    pub headers: SharedHeaders,
    /// When it ends; none where the endpoint didn't say.
    pub expires_at: Option<Instant>,
    /// The API's address, where the endpoint told it as the connector says. It
    /// comes from outside, and isn't to be asked before it is checked.
    pub address: Option<String>,
}

impl Token {
    /// The minted token under its generation (see [`super::TokenState::on_minted`]).
    #[must_use]
    pub fn new(generation: u64, minted: MintedToken, minted_at: Instant) -> Self {
        Self {
            generation,
            headers: minted.headers,
            address: minted.address,
            expires_at: minted.life.and_then(|life| minted_at.checked_add(life)),
        }
    }
}

impl fmt::Debug for MintedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MintedToken")
            .field("headers", &"[redacted]")
            .field("life", &self.life)
            .field("scope", &self.scope)
            .finish()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Token")
            .field("generation", &self.generation)
            .field("headers", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
