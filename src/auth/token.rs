//! A token as the lanes use it.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A token fresh from the endpoint, not yet part of a run.
#[derive(Clone)]
pub struct MintedToken {
    /// The whole `Authorization` value, marked sensitive.
    pub authorization: HeaderValue,
    /// How long it is good for; none where the endpoint didn't say.
    pub life: Option<Duration>,
    /// The scopes that were granted, where the endpoint said.
    pub scope: Option<String>,
}

/// A token in use.
#[derive(Clone)]
pub struct Token {
    /// Which of the run's tokens this is; a later one has a larger number.
    pub generation: u64,
    /// The whole `Authorization` value, marked sensitive.
    pub authorization: HeaderValue,
    /// When it ends; none where the endpoint didn't say.
    pub expires_at: Option<Instant>,
}

impl Token {
    /// The minted token under its generation (see [`super::TokenState::on_minted`]).
    #[must_use]
    pub fn new(generation: u64, minted: MintedToken, minted_at: Instant) -> Self {
        Self {
            generation,
            authorization: minted.authorization,
            expires_at: minted.life.and_then(|life| minted_at.checked_add(life)),
        }
    }
}

/// An `Authorization` value of a scheme and a secret. Its buffer is wiped when
/// the last copy is dropped; none where the secret can't stand in a header.
pub(crate) fn authorization(scheme: &str, secret: &str) -> Option<HeaderValue> {
    let mut text = Zeroizing::new(Vec::with_capacity(scheme.len() + 1 + secret.len()));
    text.extend_from_slice(scheme.as_bytes());
    text.push(b' ');
    text.extend_from_slice(secret.as_bytes());
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for MintedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MintedToken")
            .field("authorization", &"[redacted]")
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
            .field("authorization", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
